"""From a model file to the float network that every later stage starts from."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import HeadError, UnknownNameError
from edgekit.export.cut import cut_graph
from edgekit.export.input import bake_input, prove_input
from edgekit.export.simplify import simplify
from edgekit.export.torch_onnx import FAMILY
from edgekit.heads.conventions import Convention, conventions
from edgekit.heads.find import HeadOptions, find_head
from edgekit.load.onnx_file import LoadOptions, load_onnx
from edgekit.pipeline.export_proof import prove_on_images
from edgekit.pipeline.exports import origin_of, read_exported
from edgekit.pipeline.origin import NAMED, WARNINGS
from edgekit.pipeline.preprocess import changed, described
from edgekit.pipeline.samples import inputs_of, samples_of
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize
from edgekit.values import Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgekit.heads.find import Head
    from edgekit.heads.spec import HeadSpec
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.origin import Origin
    from edgekit.protocols import Backend
    from edgekit.reparam.merge import Merged
    from edgekit.reparam.probes import Feeds
    from edgekit.reparam.reparameterize import Reparameterized
    from edgekit.reparam.rules import Rewrite
    from edgekit.values import Dataset, Graph, ImageRecord, SourceModel


@dataclass(frozen=True)
class Evidence:
    """What the rewrites of a model were proven on, besides noise and a drawn picture.

    Attributes:
        images: Names of image files; none where the command had no images.
        export_difference: Largest relative difference of the export of a checkpoint from its
            torch modules on these images; ``None`` where that was not compared.
    """

    images: tuple[str, ...] = ()
    export_difference: float | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The same in sentences."""
        if not self.images:
            return ("Proven on noise and a drawn picture: no images were at hand.",)
        proven = f"Proven on {', '.join(self.images)}, noise and a drawn picture."
        if self.export_difference is None:
            return (proven,)
        far = f"{self.export_difference:.1e}"
        return proven, f"On these images the ONNX export equals the torch modules within {far}."


@dataclass(frozen=True, eq=False)
class Detector:
    """A user's model, understood: plain, its head found, its preprocessing known.

    Attributes:
        rewritten: ``plain``, and what made it so.
        head: Found in ``plain``.
        convention: Preprocessing and thresholds of its family.
        evidence: What ``rewritten`` was proven on.
        notes: What was rewritten, one sentence each.
        warnings: What the user should know before trusting any figure.
    """

    source: SourceModel
    rewritten: Reparameterized
    head: Head
    convention: Convention
    evidence: Evidence
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def plain(self) -> Graph:
        """Simplified, folded and merged; takes and gives what the user's own file does."""
        return self.rewritten.graph

    @property
    def family(self) -> str:
        """What a checkpoint says it is; else the family whose convention it follows."""
        return self.source.metadata.get(FAMILY, self.convention.family)


@dataclass(frozen=True, eq=False)
class Network:
    """The float network that is shipped as FP32 and quantized to INT8.

    Attributes:
        graph: Takes the letterboxed u8 image; gives raw maps where the decode could be cut.
        head: How its outputs are decoded.
        preprocess: How an image becomes that u8 image.
        decode: Names of the nodes of the decode that are left in it.
    """

    graph: Graph
    head: HeadSpec
    preprocess: Preprocess
    decode: frozenset[str]


def proof_backend() -> Backend:
    """Return the runtime that proves rewrites: its own rewriting is off."""
    return OnnxRuntime(optimize=False)


def prepare(path: Path, options: ModelOptions, images: Dataset | None = None) -> Detector:
    """Return the detector in the file at ``path``.

    Args:
        path: ONNX file or checkpoint.
        options: What it leaves open.
        images: Some of them are what every rewrite is proven on; without them, noise and a drawn
            picture are.

    Raises:
        ModelError: The file is not a model edgekit converts.
        MissingExtraError: It is a checkpoint, and torch is not installed.
        HeadError: Its head or family is ambiguous; the message lists the candidates.
        ParityError: A rewrite changed what the network computes.
    """
    backend = proof_backend()
    origin = origin_of(path, options)
    source = _source(path, origin, options, backend)
    samples, usual = samples_of(images), Preprocess(source.size_hw)
    feeds = _feeds(source, samples, usual)
    simple = simplify(source.graph, backend, feeds)
    plain = reparameterize(simple, backend, feeds)
    head = find_head(plain.graph, backend, HeadOptions(kind=options.head))
    convention = _convention(
        conventions(head, plain.graph, source.metadata.get(FAMILY)), options, source
    )
    if samples and convention.preprocess != usual:
        # How it takes images is known only now, and its real activations are what counts.
        feeds = _feeds(source, samples, convention.preprocess)
        prove_parity(source.graph, simple, backend, feeds)
        plain = reparameterize(simple, backend, feeds)
    compared = inputs_of(samples, convention.preprocess)
    evidence = Evidence(
        tuple(record.path.name for record in samples),
        prove_on_images(source, origin, backend, compared),
    )
    return Detector(
        source,
        plain,
        head,
        convention,
        evidence,
        _notes(source, plain, head, evidence),
        (*head.warnings, *_of_loading(source), *_lost_end_to_end(source, head)),
    )


def _feeds(
    source: SourceModel, samples: Sequence[ImageRecord], preprocess: Preprocess
) -> tuple[Feeds, ...]:
    """Return what graphs are compared on: what is drawn for it, then ``samples``."""
    name = str(source.graph.model.graph.inputs[0].name)
    images: list[Feeds] = [{name: image} for image in inputs_of(samples, preprocess)]
    return (*probe_inputs(source.graph), *images)


def _source(
    path: Path, origin: Origin | None, options: ModelOptions, backend: Backend
) -> SourceModel:
    """Return the model at ``path``; what is no ONNX file by way of its export."""
    if origin is None:
        return load_onnx(path, backend, LoadOptions(size_hw=options.input_hw))
    return read_exported(origin, options, backend)


def network_of(detector: Detector) -> Network:
    """Return the network of ``detector`` with its decode cut where proven, taking u8 images."""
    head, graph = detector.head, detector.plain
    spec, decode = head.spec, head.float_nodes
    if head.cut is not None:
        graph, spec, decode = cut_graph(graph, head.cut.outputs), head.cut.spec, frozenset[str]()
    preprocess = detector.convention.preprocess
    baked = bake_input(graph, preprocess)
    prove_input(graph, baked, preprocess, proof_backend())
    return Network(baked, spec, preprocess, decode)


def _convention(
    found: tuple[Convention, ...], options: ModelOptions, source: SourceModel
) -> Convention:
    """Return the family's convention, as chosen or as the only one."""
    families = {c.family for c in found}
    asked = options.family
    if NAMED in source.metadata and asked not in families:
        asked = None  # it named the network, and has done its part
    chosen = found if asked is None else tuple(c for c in found if c.family == asked)
    if not chosen:
        raise UnknownNameError("family", asked or "", families)
    if len(chosen) > 1:
        listed = "\n".join(f"  --family {c.family}: {described(c.preprocess)}" for c in chosen)
        raise HeadError(
            "This head is used by families that prepare images differently, and nothing in the "
            f"model tells which it is. Choose one:\n{listed}"
        )
    convention = chosen[0]
    if options.preprocess is None:
        return convention
    return replace(convention, preprocess=changed(convention.preprocess, options.preprocess))


def _of_loading(source: SourceModel) -> tuple[str, ...]:
    """Return the warnings of what was loaded and exported; none for an ONNX file."""
    if source.export is None:
        return ()
    return tuple(json.loads(source.metadata.get(WARNINGS, "[]")))


def _lost_end_to_end(source: SourceModel, head: Head) -> tuple[str, ...]:
    """Return a warning where the metadata speaks of an end-to-end head that is not there.

    The graph of a one-to-many head looks the same whether there was another one or not, so what
    the exporter wrote is all there is to tell.
    """
    said = source.metadata
    promised = said.get("end2end", "").lower() == "true"
    dual = "yolov10" in said.get("description", "").lower()
    if head.nms_free or not (promised or dual):
        return ()
    words = f"end2end: {said['end2end']}" if promised else said["description"]
    warning = (
        f"The metadata says '{words}', and the predictions need NMS all the same: the export lost "
        "the end-to-end head, and what is measured here is the other one. Give edgekit the "
        "checkpoint (.pt) itself, or export it again with the end-to-end head on."
    )
    return (warning,)


def _notes(
    source: SourceModel, plain: Reparameterized, head: Head, evidence: Evidence
) -> tuple[str, ...]:
    notes = list(source.notes)
    notes += [f"Dropped the output '{d.output}': {d.reason}." for d in plain.dropped]
    if plain.folded:
        notes.append(f"Folded {len(plain.folded)} batch normalizations, each proven exact.")
    if plain.merged:
        notes.append(_merge_note(plain.merged))
    notes += _rewrite_notes(plain.rewritten)
    notes += [f"Left {r.node} as it is: {r.reason}." for r in plain.refused]
    notes += evidence.notes
    if source.export is not None and evidence.images and evidence.export_difference is None:
        notes.append("The ONNX export was compared with its torch modules on drawn images alone.")
    if head.cut is not None:
        notes.append("Decode cut off the network; boxes are decoded from what passes the score.")
    return tuple(notes)


def _rewrite_notes(rewritten: tuple[Rewrite, ...]) -> list[str]:
    """Return one sentence for each rule, with the nodes it did away with."""
    counts = Counter(rewrite.rule for rewrite in rewritten for _ in rewrite.gone)
    return [f"Rewrote {number} x {rule}, proven exact." for rule, number in counts.items()]


def _merge_note(merged: tuple[Merged, ...]) -> str:
    most = max(len(m.branches) + m.identities for m in merged)
    groups = "1 group" if len(merged) == 1 else f"{len(merged)} groups"
    return (
        f"Merged {groups} of parallel branches ({most} branches each at most), each proven exact."
    )
