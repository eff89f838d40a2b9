"""Published networks from outside: the layouts of their packages, and their size by other means."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from edgekit.nets.architectures.registry import ARCHITECTURES
from edgekit.nets.blocks.mobileone import MobileOneBlock
from edgekit.nets.blocks.yolov7 import Implicit
from edgekit.nets.blocks.yolov9 import SummedBranches
from edgekit.nets.blocks.yolov10 import RepVggDw
from edgekit.nets.heads.distances import Expectation

if TYPE_CHECKING:
    from edgekit.nets.architectures.registry import Architecture

_LAYOUTS = Path(__file__).parent / "nets" / "layouts"
_OUTPUTS = {nn.Conv2d: 0, nn.ConvTranspose2d: 1, nn.Linear: 0}  # axes of their weights
_UNITS = {"M": 10**6, "K": 10**3}


@dataclass
class Work:
    """What a network computes with, counted while it runs."""

    parameters: int = 0
    macs: int = 0


def layout(name: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes that the network's own package saves."""
    lines = (_LAYOUTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if not line.startswith("#")]
    return {key: tuple(int(n) for n in shape.split("x") if n != "-") for key, shape in pairs}


def on_meta(name: str, classes: int = 80) -> nn.Module:
    """The network without memory for its weights."""
    with torch.device("meta"):
        return ARCHITECTURES[name].build(classes).eval()


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def run_on_meta(module: nn.Module, side: int) -> torch.Tensor:
    with torch.inference_mode(), torch.device("meta"):
        return module(torch.zeros(1, 3, side, side))


def spare_parameters(name: str) -> set[str]:
    """Keys of parameters of modules that do not run."""
    module = on_meta(name)
    ran = set()
    for prefix, part in module.named_modules():
        keys = {f"{prefix}.{key}" for key, _ in part.named_parameters(recurse=False)}
        part.register_forward_hook(lambda *_, keys=keys: ran.update(keys))
    run_on_meta(module, 64)
    return {key for key, _ in module.named_parameters()} - ran


def work(module: nn.Module, side: int, *, merged: bool = True) -> Work:
    """Count while an image runs through: one kernel and bias per place where it is ``merged``."""
    found, small = Work(), set(_small_branches(module)) if merged else set()
    unbiased = {part.conv for part in module.modules() if isinstance(part, Expectation)}

    def count(layer, given, out):
        if layer not in small:
            bias = 0 if layer in unbiased else layer.weight.shape[_OUTPUTS[type(layer)]]
            places = given[0] if isinstance(layer, nn.ConvTranspose2d) else out
            found.parameters += layer.weight.numel() + bias
            found.macs += layer.weight.numel() * prod(places.shape[2:])

    for layer in module.modules():
        if type(layer) in _OUTPUTS:
            layer.register_forward_hook(count)
    run_on_meta(module, side)
    if not merged:
        found.parameters = sum(p.numel() for p in module.parameters())
    return found


def check_size(name: str) -> None:
    """Assert that the network is as large as is published."""
    known = ARCHITECTURES[name]
    found = work(on_meta(name), known.side, merged=not known.as_trained)
    assert printed_as(known, found.parameters) == known.parameters
    if known.gmacs is not None:
        assert abs(found.macs / 1e9 - known.gmacs) <= 0.02 * known.gmacs


def printed_as(known: Architecture, count: int) -> str:
    """``count`` in the unit and to the digits of the published figure."""
    unit = known.parameters[-1]
    if unit not in _UNITS:
        return str(count)
    digits = len(known.parameters[:-1].partition(".")[2])
    return f"{count / _UNITS[unit]:.{digits}f}{unit}"


def _small_branches(module: nn.Module):
    """Yield the convolutions that go into a larger one beside them."""
    for part in module.modules():
        if isinstance(part, SummedBranches):
            rest = [part.get_submodule(name) for name in part.names[1:]]
        elif isinstance(part, MobileOneBlock):
            rest = [branch for branch in part.branches() if branch is not part.rbr_conv[0]]
        else:
            rest = [part.conv1] if isinstance(part, RepVggDw) else []
        yield from (c for branch in rest for c in branch.modules() if isinstance(c, nn.Conv2d))


def fill(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every layer weights and statistics of its own, such that signals reach the outputs."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.3, 0.3)
            nn.init.uniform_(part.running_var, 0.6, 1.6)
            nn.init.uniform_(part.weight, 0.6, 1.4)
            nn.init.uniform_(part.bias, -0.3, 0.3)
        elif isinstance(part, nn.Conv2d) and part.out_channels > 1:
            nn.init.normal_(part.weight, std=(2 / part.weight[0].numel()) ** 0.5)
            if part.bias is not None:
                nn.init.normal_(part.bias)
        elif isinstance(part, Implicit):
            part.implicit.data += torch.randn_like(part.implicit) / 3
    _keep_sums_bounded(module)
    return module.eval().requires_grad_(requires_grad=False)


def _keep_sums_bounded(module: nn.Module) -> None:
    """Divide branches that are as large as their input, so that sums do not grow by the layer."""
    for part in module.modules():
        if isinstance(part, SummedBranches):
            norms = [norm for norm in part.modules() if isinstance(norm, nn.BatchNorm2d)]
            for norm in norms:
                norm.weight.data /= len(norms) ** 0.5
