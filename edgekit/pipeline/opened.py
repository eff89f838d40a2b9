"""A model file or an artifact, ready to run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.backends.artifact import is_artifact, read_artifact
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.device import detect_host
from edgekit.errors import ModelError
from edgekit.images.classes import match_classes
from edgekit.measure.candidate import Candidate
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.place import runtime_of
from edgekit.pipeline.prepare import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.backends.artifact import Manifest
    from edgekit.pipeline.prepare import Detector
    from edgekit.values import Dataset, Precision


@dataclass(frozen=True, eq=False)
class Opened:
    """A detector that can run here.

    Attributes:
        class_names: By class index; empty where the model names none.
        warnings: What the user should know before trusting its figures.
    """

    candidate: Candidate
    precision: Precision
    class_names: tuple[str, ...]
    warnings: tuple[str, ...]

    def category_ids(self, dataset: Dataset) -> tuple[int, ...]:
        """Return the category id of ``dataset`` for every class.

        Raises:
            DataError: The classes do not fit.
        """
        return match_classes(self.class_names, dataset.categories, self.candidate.head.classes)


def open_detector(
    path: Path, options: ModelOptions, name: str, images: Dataset | None = None
) -> Opened:
    """Return the detector at ``path``: an artifact, or a model file run untouched.

    Args:
        path: Artifact, ONNX file or checkpoint.
        options: What a model file leaves open.
        name: What to call it.
        images: Some of them show that a checkpoint's export computes what its modules do.

    Raises:
        ConfigError: Neither, or one that cannot be used.
    """
    if is_artifact(path):
        manifest, model = read_artifact(path)
        opened = _of_artifact(manifest, model, name, options.cache)
        asked = replace(options, cache=None, trust_code=False) != ModelOptions()
        settled = (_settled(name),) if asked else ()
        return replace(opened, warnings=(*settled, *opened.warnings))
    if path.is_dir():
        raise ModelError(
            f"{path}: expected a model file or an artifact, found a folder without manifest.json. "
            "Give a file, or a folder that 'edgekit convert' wrote."
        )
    detector = prepare(path, options, images)
    candidate = candidate_of(detector, name)
    return Opened(candidate, "fp32", detector.source.class_names, detector.warnings)


def candidate_of(detector: Detector, name: str) -> Candidate:
    """Return the user's own file, or a checkpoint's export, untouched, as it can be run."""
    return Candidate(
        name=name,
        backend=OnnxRuntime(),
        model=detector.source.onnx_path,
        head=detector.head.spec,
        nms=detector.convention.nms,
        preprocess=detector.convention.preprocess,
        input="float-nchw",
    )


def _settled(name: str) -> str:
    return (
        f"{name} is an artifact, which says itself how it is run: --head, --input-size, --family "
        "and --preprocess change nothing about it. Convert again to change them."
    )


def _of_artifact(manifest: Manifest, model: Path, name: str, cache: Path | None) -> Opened:
    runtime, absence = runtime_of(manifest, cache)
    candidate = Candidate(
        name=name,
        backend=runtime,
        model=model,
        head=manifest.head,
        nms=manifest.nms,
        preprocess=manifest.preprocess,
        input=manifest.input,
    )
    warnings: tuple[str, ...] = ()
    if manifest.weight_rule == "full" and not detect_host().exact_u8s8:
        warning = (
            f"{name} was made for a processor with VNNI or dot products; this one has "
            "neither, and sums will saturate. Convert with --device generic-x86-avx2."
        )
        warnings = (warning,)
    if absence is not None:
        processor = "an NPU" if manifest.provider == "npu" else "a GPU"
        warnings += (f"{name} was made for {processor} and runs on the CPU here: {absence}.",)
    return Opened(candidate, manifest.precision, manifest.class_names, warnings)
