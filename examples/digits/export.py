"""Write the trained digit detector as ONNX and safetensors, every branch still in it.

    python examples/digits/export.py build/digits/epoch-15.pt edgekit/models/digits

Nothing is folded on purpose: this is what a checkpoint looks like before anyone prepared it. Its
channels get scales of their own first, see ``spread.py``.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from spread import spread_channels

from edgekit.nets.networks.repvgg_detector import RepVggDetector
from edgekit.scenes.scene import SIDE
from edgekit.scenes.sources import DIGITS

OPSET = 17


def main() -> None:
    """Write ``OUT.onnx`` and ``OUT.safetensors``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", type=Path, help="epoch-NN.pt as train.py leaves it")
    parser.add_argument("out", type=Path, help="where to write, without a suffix")
    arguments = parser.parse_args()
    model = load_weights(arguments.weights)
    spread_channels(model)
    save_file(model.state_dict(), arguments.out.with_suffix(".safetensors"))
    export_onnx(model, arguments.out.with_suffix(".onnx"))


def load_weights(path: Path) -> RepVggDetector:
    """Return the detector with the weights in ``path``, in evaluation mode."""
    model = RepVggDetector()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()


def export_onnx(model: RepVggDetector, path: Path) -> None:
    """Write ``model`` as ONNX with its batch normalizations as they are."""
    with warnings.catch_warnings():
        # This exporter is the one that leaves batch normalizations alone when asked to.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, SIDE, SIDE),),
            str(path),
            dynamo=False,
            # The exporter folds batch normalizations unless it is told that training goes on.
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["predictions"],
        )
    proto = onnx.load(path)
    named = {"names": str(dict(enumerate(DIGITS))), "imgsz": str([SIDE, SIDE]), "task": "detect"}
    onnx.helper.set_model_props(proto, named)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


if __name__ == "__main__":
    main()
