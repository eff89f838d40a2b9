"""Write the trained digit detector as ONNX and safetensors, every branch still in it.

    python examples/digits/export.py build/digits/epoch-15.pt edgekit/models/digits

Nothing is folded on purpose: this is what a checkpoint looks like before anyone prepared it. Its
channels get scales of their own first, see ``spread.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.nets.networks.repvgg_detector import RepVggDetector
from edgekit.scenes.scene import SIDE
from edgekit.scenes.sources import DIGITS
from examples.digits.spread import spread_channels
from examples.training.export import export_onnx, load_weights


def main() -> None:
    """Write ``OUT.onnx`` and ``OUT.safetensors``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", type=Path, help="epoch-NN.pt as train.py leaves it")
    parser.add_argument("out", type=Path, help="where to write, without a suffix")
    arguments = parser.parse_args()
    model = load_weights(RepVggDetector(), arguments.weights)
    spread_channels(model)
    save_file(model.state_dict(), arguments.out.with_suffix(".safetensors"))
    export_onnx(model, SIDE, DIGITS, arguments.out.with_suffix(".onnx"))


if __name__ == "__main__":
    main()
