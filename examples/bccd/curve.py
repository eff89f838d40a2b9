"""Score every epoch of a training run on the lists val and test, and draw the curve.

    python examples/bccd/curve.py build/bccd --data BCCD

For the record: the last epoch ships, whatever the curve says. Writes ``curve.json`` beside this
file and ``docs/images/bccd-curve.svg``.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.bccd.cells import report_set
from examples.bccd.export import export_weights
from examples.training.curve import drawn, map_of_onnx, scored_epochs

if TYPE_CHECKING:
    from edgekit.values import Dataset

HERE = Path(__file__).resolve().parent
CURVE = HERE / "curve.json"
PICTURE = HERE.parents[1] / "docs" / "images" / "bccd-curve.svg"


def main() -> None:
    """Score, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="folder that train.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="the folder with Annotations")
    arguments = parser.parse_args()
    points = scored_epochs(arguments.work, partial(map_of, dataset=report_set(arguments.data)))
    CURVE.write_text(json.dumps(points, indent=1) + "\n")
    drawn(points, "val and test").savefig(PICTURE, metadata={"Date": None})


def map_of(weights: Path, dataset: Dataset) -> float:
    """Return the mAP50-95 of ``weights`` on ``dataset``, as a fraction."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bccd.onnx"
        export_weights(weights, path)
        return map_of_onnx(path, dataset)


if __name__ == "__main__":
    main()
