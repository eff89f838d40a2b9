"""Write the trained detector of blood cells as ONNX, every branch still in it.

    python examples/bccd/export.py build/bccd/epoch-20.pt examples/bccd/bccd.onnx

Nothing is folded and nothing scaled: this is what training left.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.nets.networks.repvgg_detector import RepVggDetector
from examples.bccd.cells import CLASSES, SIDE
from examples.bccd.train import OPTIONS
from examples.training.export import export_onnx, load_weights


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", type=Path, help="epoch-NN.pt as train.py leaves it")
    parser.add_argument("out", type=Path, help="where to write")
    arguments = parser.parse_args()
    export_weights(arguments.weights, arguments.out)


def export_weights(weights: Path, out: Path) -> None:
    """Write the detector with ``weights`` to ``out``."""
    export_onnx(load_weights(RepVggDetector(OPTIONS), weights), SIDE, CLASSES, out)


if __name__ == "__main__":
    main()
