"""Where a recipe's networks run: the device, the runtime, and why not here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.backends.cuda import probe_cuda
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino, openvino_package
from edgekit.backends.openvino_devices import absence, capabilities_of, found_device
from edgekit.config.device import detect_host, find_device, is_here
from edgekit.errors import ConfigError
from edgekit.quantize.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edgekit.backends.artifact import Manifest
    from edgekit.backends.openvino import Arithmetic, Processor
    from edgekit.config.device import Device
    from edgekit.config.recipe import Recipe
    from edgekit.quantize.rules import RuntimeRules
    from edgekit.values import Precision

ARITHMETIC: Mapping[Precision, Arithmetic] = {"fp16": "f16", "bf16": "bf16"}
PROCESSORS: Mapping[str, Processor] = {"cpu": "cpu", "gpu": "gpu", "npu": "npu"}


@dataclass(frozen=True)
class Place:
    """Where networks run.

    Attributes:
        device: Called by the name of the GPU that stands for it here.
        runtime: What runs them here: on the CPU where the device's own processor is missing.
        absence: Why nothing here can be timed as on the device; ``None`` where it can.
    """

    device: Device
    runtime: OnnxRuntime | OpenVino
    absence: str | None = None

    @property
    def rules(self) -> RuntimeRules:
        """What the runtime runs in INT8."""
        return RULES[self.runtime.name]


def find_place(recipe: Recipe, target: str, asked: str | None) -> Place:
    """Return where ``recipe`` runs.

    Args:
        recipe: The recipe.
        target: What it is called by.
        asked: The name of another device than the recipe's.

    Raises:
        ConfigError: The device has not what the recipe runs on.
        MissingExtraError: Its runtime is not installed.
    """
    name = asked or recipe.device
    device = find_device(name)
    found_out = recipe.provider != "cpu" and device == detect_host()
    if not (found_out or _has_part(device, recipe)):
        raise _without_part(recipe, target, asked, f", which has {' and '.join(device.parts)}")
    place = _place(recipe, device, asked)
    if found_out and place.absence is not None:
        raise _without_part(recipe, target, asked, f": {place.absence}")
    return place


def runtime_of(
    manifest: Manifest, cache: Path | None = None
) -> tuple[OnnxRuntime | OpenVino, str | None]:
    """Return what runs an artifact here, and why not on what it was made for; ``None`` where so.

    Args:
        manifest: Of the artifact.
        cache: Folder that keeps what OpenVINO compiled, so that it opens faster the next time;
            ``None`` keeps nothing.

    Raises:
        MissingExtraError: Its runtime is not installed.
    """
    if manifest.backend == "onnxruntime":
        if manifest.provider != "cuda":
            return OnnxRuntime(), None
        why = probe_cuda().absence
        return OnnxRuntime(provider="cpu" if why else "cuda"), why
    openvino_package()
    kept = cache / "openvino" if cache else None
    processor = PROCESSORS[manifest.provider]
    why = None if processor == "cpu" else absence(processor.upper())
    if why:
        # 16 bits of another processor are not this one's: bfloat16 would pass for them.
        return OpenVino(cache=kept), why
    arithmetic = ARITHMETIC.get(manifest.precision, "f32")
    return OpenVino(processor, arithmetic=arithmetic, cache=kept), None


def halves_of(place: Place) -> tuple[Precision, str | None]:
    """Return the 16-bit floats of a place on OpenVINO, and why none run there.

    Args:
        place: On OpenVINO; where its own processor is missing, ``fp16`` with that reason.
    """
    assert isinstance(place.runtime, OpenVino)
    if place.absence is not None:
        return "fp16", place.absence
    capabilities = capabilities_of(place.runtime.processor.upper())
    for precision in ("fp16", "bf16"):
        if precision.upper() in capabilities:
            return precision, None
    return "fp16", f"{place.device.name} computes in no 16-bit floats on OpenVINO"


def _has_part(device: Device, recipe: Recipe) -> bool:
    """Return whether ``device`` has the processor that ``recipe`` runs on."""
    nvidia = device.compute_capability is not None
    if recipe.provider == "cuda":
        return nvidia
    return recipe.provider in device.parts and not (nvidia and recipe.provider == "gpu")


def _without_part(recipe: Recipe, target: str, asked: str | None, found: str) -> ConfigError:
    runtime = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}[recipe.backend]
    advice = (
        f"Leave out --device, which is {recipe.device} then."
        if asked
        else "Name another with --device: edgekit devices lists them."
    )
    return ConfigError(
        f"--target {target} runs on {runtime}'s {recipe.provider} device: expected a computer "
        f"that has one, found '{asked or recipe.device}'{found}. {advice}"
    )


def _place(recipe: Recipe, device: Device, asked: str | None) -> Place:
    if recipe.backend == "openvino":
        return _openvino(recipe, device, asked)
    runtime = OnnxRuntime(threads=device.threads or 0)
    if recipe.provider == "cuda":
        return _cuda(device, asked or recipe.device, runtime)
    return Place(device, runtime, _elsewhere(device))


def _cuda(device: Device, name: str, runtime: OnnxRuntime) -> Place:
    gpu, oldest = probe_cuda(), device.compute_capability or 0
    why = gpu.absence
    if why is None and gpu.compute_capability < oldest:
        why = (
            f"the GPU here, {gpu.name}, has compute capability {gpu.compute_capability:g}, and "
            f"'{name}' stands for {oldest:g} and later"
        )
    if why is not None:
        return Place(device, runtime, f"run on the CPU, not on a GPU: {why}")
    here = device.model_copy(update={"name": gpu.name})
    return Place(here, replace(runtime, provider="cuda"))


def _openvino(recipe: Recipe, device: Device, asked: str | None) -> Place:
    openvino_package()
    runtime = OpenVino(threads=device.threads or 0)
    if recipe.provider == "cpu":
        return Place(device, runtime, _elsewhere(device))
    why = absence(recipe.provider.upper()) or (asked and _elsewhere(device))
    if why:
        return Place(device, runtime, why)
    found = found_device(recipe.provider.upper())
    here = device.model_copy(update={"name": found.full_name})
    return Place(here, replace(runtime, processor=PROCESSORS[recipe.provider]))


def _elsewhere(device: Device) -> str | None:
    """Return why times of this computer are none of ``device``'s CPU; ``None`` where they are."""
    if is_here(device):
        return None
    return f"run on {detect_host().name}, not on {device.name}: no time is that device's"
