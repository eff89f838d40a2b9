"""Score every epoch of a training run on scenes of the search split, and draw the curve.

    python examples/digits/curve.py build/digits

Writes ``curve.json`` beside this file and ``docs/images/digits-curve.svg``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.config.calibration import open_source
from edgekit.nets.networks.repvgg_detector import RepVggDetector
from edgekit.scenes.scene import SIDE
from edgekit.scenes.sources import DIGITS
from examples.training.curve import drawn, map_of_onnx, scored_epochs
from examples.training.export import export_onnx, load_weights

HERE = Path(__file__).resolve().parent
CURVE = HERE / "curve.json"
PICTURE = HERE.parents[1] / "docs" / "images" / "digits-curve.svg"
SCENES = "digits-search"


def main() -> None:
    """Score, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="folder that train.py wrote")
    points = scored_epochs(parser.parse_args().work, map_of)
    CURVE.write_text(json.dumps(points, indent=1) + "\n")
    drawn(points, "search scenes").savefig(PICTURE, metadata={"Date": None})


def map_of(weights: Path) -> float:
    """Return the mAP50-95 of ``weights``, as a fraction, on the scenes of ``digits-search``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        export_onnx(load_weights(RepVggDetector(), weights), SIDE, DIGITS, path)
        return map_of_onnx(path, open_source(SCENES))


if __name__ == "__main__":
    main()
