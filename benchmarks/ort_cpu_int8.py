"""INT8 on ONNX Runtime's CPU provider: edgekit beside the usual tools, same models, same images.

Usage: python benchmarks/ort_cpu_int8.py [--kernels avx2] [--rows edgekit|mixed|peers] [--latency]
       [MODEL...]

Every model of ``MODELS`` is calibrated on the first 128 images of coco-train-mini and scored on
coco-val-mini. Each tool runs twice: on the file as given, and on the float network that edgekit
starts from (folded, u8 input, the decode cut off), which tells what is due to its quantization
alone. ``--kernels avx2`` hides every instruction set after AVX2 from the runtimes and quantizes
for such a processor: what an older machine would run, at this machine's clock.

``--rows`` makes and scores these rows only; ``--latency`` times all rows again, in one run.
Without either, both are done. Files are kept between runs, under ``--keep``: what a peer made
stays until its float file changes, edgekit's is made anew whenever it is scored. Models and rows
not named keep the figures they had, unless another processor gave them; every row has the commits
it was scored and timed at. Needs the folder EDGEKIT_DATA and the ``openvino`` extra.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.cli.flags import cache_folder
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.errors import StageError
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.images.letterbox import letterbox, to_input
from edgekit.images.read import read_image
from edgekit.measure.accuracy import detect_all
from edgekit.measure.latency import LatencyOptions, measure_latency
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, quantize_network, weight_rule
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import silent
from edgekit.tune.search import choose, search

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import only_avx2  # noqa: E402  (a sibling script)
import peers  # noqa: E402
import tuned  # noqa: E402
from cases import (  # noqa: E402
    DIGITS,
    MODELS,
    Case,
    open_case,
    saved,
)
from committed import commit  # noqa: E402
from hand_written import DECODE  # noqa: E402
from row_figures import (  # noqa: E402
    accuracy_figures,
    coverage_figures,
    latency_figures,
    rival_figures,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from peers import Peer

    from edgekit.config.device import Device
    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.prepare import Network
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.values import Dataset

INT8 = "edgekit int8"
MIXED = "edgekit mixed"
MADE = ("mac_share_int8", "convs_int8", "convs_float", "fails")  # of a row, where they apply


def main() -> None:
    """Run every model and write the result."""
    measure("ort_cpu_int8", __doc__, Rows(PARTS, kept_entries))


@dataclass(frozen=True)
class Rows:
    """What a benchmark of these models makes.

    Attributes:
        parts: Makes rows, by the word for ``--rows``.
        kept: Returns every row from the files that are kept.
        opened: Returns a model as its rows start from it.
        models: Names of the models.
    """

    parts: dict[str, Callable[[Case], list[Entry]]]
    kept: Callable[[Case], list[Entry]]
    opened: Callable[[str, Device, Path], Case] = open_case
    models: tuple[str, ...] = tuple(MODELS)


def measure(result: str, about: str, rows: Rows) -> None:
    """Run what the command line asks for and write it to the result called ``result``."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("models", nargs="*", default=list(rows.models))
    parser.add_argument("--kernels", choices=("native", "avx2"), default="native")
    parser.add_argument("--rows", choices=tuple(rows.parts))
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--keep", type=Path, default=cache_folder() / "ort-cpu-int8")
    arguments = parser.parse_args()
    device = find_device(only_avx2.device_with(arguments.kernels, cache_folder()))
    arguments.keep.mkdir(parents=True, exist_ok=True)
    path = HERE / "results" / f"{result}_{arguments.kernels}.json"
    at = commit()
    both = not arguments.rows and not arguments.latency
    for name in arguments.models:
        case = rows.opened(name, device, arguments.keep)
        if arguments.rows or both:
            parts = [arguments.rows] if arguments.rows else list(rows.parts)
            made = [e for part in parts for e in rows.parts[part](case)]
            add(path, case, accuracy(case, made), {"scored_at": at})
        if arguments.latency or both:
            add(path, case, latency(case, rows.kept(case)), {"timed_at": at})
        print(f"written: {name} to {path.name}", flush=True)


def add(path: Path, case: Case, found: dict[str, dict[str, Any]], when: dict[str, str]) -> None:
    """Add figures of the rows of one model to the result in ``path``.

    What it holds already is kept where the same processor gave it; models stay in one order.
    """
    machine = vars(describe_machine())
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = known.get("machine", {}).get("cpu") == machine["cpu"]
    models: dict[str, Any] = known["models"] if same else {}
    rows = models.setdefault(case.name, {})
    stale = MADE if "scored_at" in when else ()
    for name, figures in found.items():
        before = {key: value for key, value in rows.get(name, {}).items() if key not in stale}
        rows[name] = {**before, **figures, **when}
    result = {
        "device": case.device.model_dump(mode="json"),
        "machine": machine,
        "models": {name: models[name] for name in (*MODELS, DIGITS) if name in models},
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def accuracy(case: Case, made: list[Entry]) -> dict[str, dict[str, Any]]:
    """Return how good the rows ``made`` are, and both float rows."""
    evaluation = case.evaluation
    failures = {e.candidate.name: reason for e in made if (reason := failure(e, evaluation))}
    entries = [*float_entries(case), *(e for e in made if e.candidate.name not in failures)]
    head = case.detector.head.spec
    ids = match_classes(case.detector.source.class_names, evaluation.categories, head.classes)
    scores = score_entries([quiet(e) for e in entries], evaluation, ids, silent)
    scored = {
        e.candidate.name: accuracy_figures(scores[e.candidate.name]) | coverage_figures(e)
        for e in entries
    }
    return scored | {name: {"fails": reason} for name, reason in failures.items()}


def failure(entry: Entry, evaluation: Dataset) -> str | None:
    """Return why the network of a row does not run; ``None`` where it does."""
    one = replace(evaluation, records=evaluation.records[:1])
    try:
        detect_all(quiet(entry).candidate, one)
    except StageError as err:
        return str(err).rpartition("Status Message: ")[2]
    return None


def quiet(entry: Entry) -> Entry:
    """Return ``entry`` with threads that do not spin: only speed differs, beside other work."""
    candidate = entry.candidate
    if not isinstance(candidate.backend, OnnxRuntime):
        return entry
    return replace(
        entry, candidate=replace(candidate, backend=replace(candidate.backend, spin=False))
    )


def kept_entries(case: Case) -> list[Entry]:
    """Return every row from the files that are kept; what is missing is made."""
    ours = replace(case.fp32, name=INT8, model=row_path(case, INT8))
    mixed = replace(case.fp32, name=MIXED, model=row_path(case, MIXED))
    return [
        *float_entries(case),
        *([Entry(ours, "int8")] if ours.model.exists() else edgekit_entries(case)),
        *([Entry(mixed, "mixed")] if mixed.model.exists() else mixed_entries(case)),
        *(e for e in peer_entries(case) if not failure(e, case.evaluation)),
    ]


def latency(case: Case, entries: list[Entry]) -> dict[str, dict[str, Any]]:
    """Return how fast every row is, all in one run."""
    candidates = [e.candidate for e in entries]
    run = measure_latency(candidates, case.evaluation, LatencyOptions(min_runs=150))
    valid = {} if not run.throttled else {"throttled": True}
    return {
        c.name: latency_figures(c.name, run) | rival_figures(c.name, run) | valid
        for c in candidates
    }


def float_entries(case: Case) -> list[Entry]:
    """Return the file as given, and edgekit's, with which all others are compared."""
    return [Entry(case.given, "fp32"), Entry(case.fp32, "fp32", baseline=True)]


def edgekit_entries(case: Case) -> list[Entry]:
    """Return edgekit's INT8, as the recipe ``ort-cpu-int8`` makes it."""
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    options = Int8Options(recipe, weight_rule(recipe, case.device), case.kept)
    made = edgekit_int8(case.network, case.calibration, options, case.fp32)
    return [kept_as(case, made, INT8)]


def mixed_entries(case: Case) -> list[Entry]:
    """Return what ``edgekit tune`` chooses, on images that neither calibrate nor score."""
    ready = tuned.searched(case)
    trials = search([ready.network], ready.bench, tuned.NEED, tuned.EVALUATIONS)
    choice = choose(trials, tuned.NEED)
    words = f"{case.name}: chose {choice.name}, {len(choice.in_float)} layers in float"
    print(words, file=sys.stderr, flush=True)
    if choice.precision == "fp32":
        return [kept_as(case, Entry(case.fp32, "fp32"), MIXED)]
    quantized = ready.network.quantized(choice.in_float)
    made = written(case.network, quantized, case.fp32)
    return [kept_as(case, made, MIXED)]


def kept_as(case: Case, entry: Entry, row: str) -> Entry:
    """Return ``entry`` as the row ``row``, its model kept for ``latency``."""
    path = row_path(case, row)
    path.write_bytes(entry.candidate.model.read_bytes())
    return replace(entry, candidate=replace(entry.candidate, name=row, model=path))


def row_path(case: Case, row: str) -> Path:
    """Return where the network of edgekit's ``row`` is kept."""
    stem = file_stem(case.name, case.fp32, row, case.device.exact_u8s8)
    return case.fp32.model.with_name(f"{stem}.onnx")


def peer_entries(case: Case) -> list[Entry]:
    """Return every tool on the file as given, and on the float network of edgekit."""
    reduce_range = not case.device.exact_u8s8
    by_hand = peers.ByHand(DECODE[case.name], reduce_range)
    nothing_to_name = peers.ByHand((), reduce_range)
    assert not case.network.decode, f"{case.name}: the decode was to be cut off"
    return [
        *_peers_on(case, case.given, peers.all_peers(by_hand), ""),
        *_peers_on(case, case.fp32, peers.all_peers(nothing_to_name), " on edgekit fp32"),
    ]


def _peers_on(case: Case, given: Candidate, tools: dict[str, Peer], suffix: str) -> list[Entry]:
    entries = []
    for tool, peer in tools.items():
        named = replace(given, name=tool + suffix)
        sums = case.device.exact_u8s8 if peer.per_processor else None
        out = case.kept / file_stem(case.name, given, named.name, sums)
        print(f"{case.name}: {named.name}", file=sys.stderr, flush=True)
        entries.append(peer_entry(named, peer, case.calibration, out))
    return entries


def file_stem(model: str, given: Candidate, row: str, exact_sums: bool | None) -> str:
    """Return what the files of a row are called: another for another float file or processor.

    Args:
        model: Name of the model.
        given: The float file.
        row: Name of the row.
        exact_sums: Whether the processor sums products in 32 bits; ``None`` where that is one.
    """
    start = hashlib.sha256(given.model.read_bytes()).hexdigest()[:12]
    sums = {None: [], True: ["exact"], False: ["16-bit"]}[exact_sums]
    return "-".join([model, start, *sums, *row.split()])


PARTS = {"edgekit": edgekit_entries, "mixed": mixed_entries, "peers": peer_entries}


def edgekit_int8(
    network: Network, calibration: Dataset, options: Int8Options, fp32: Candidate
) -> Entry:
    """Return ``network`` in INT8, written beside ``fp32``, its own float form."""
    return written(network, quantize_network(network, calibration, options), fp32)


def written(network: Network, quantized: QuantizedGraph, fp32: Candidate) -> Entry:
    """Return the row of ``network`` as ``quantized``, written beside ``fp32``."""
    path = fp32.model.with_name(f"int8-{quantized.graph.sha256}.onnx")
    coverage = read_coverage(
        network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
    )
    model = saved(path, graph_to_bytes(quantized.graph))
    return Entry(replace(fp32, name=INT8, model=model), "int8", coverage=coverage)


def peer_entry(given: Candidate, peer: Peer, calibration: Dataset, out: Path) -> Entry:
    """Return what ``peer`` makes of the float model of ``given``, under its name.

    Args:
        given: The float model; its name is that of the row.
        peer: The tool.
        calibration: Images it is calibrated on.
        out: Where it writes, without a suffix; what is there already is taken.
    """
    with given.backend.open(given.model) as session:
        name = session.inputs[0].name

    def inputs() -> Iterator[NDArray[Any]]:
        for record in calibration.records:
            pixels_rgb = read_image(record).pixels_rgb
            if pixels_rgb is not None:
                pixels = letterbox(pixels_rgb, given.preprocess).pixels
                u8 = given.input == "u8-nhwc"
                yield pixels[None] if u8 else to_input(pixels, given.preprocess)

    model = out.with_suffix(peer.suffix)
    if not model.exists():
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            peer.quantize(given.model, Path(folder) / model.name, name, inputs)
            for file in sorted(Path(folder).glob(f"{out.name}.[bxo]*")):  # .bin before .xml
                file.replace(out.parent / file.name)
    return Entry(replace(given, model=model, backend=peer.backend), "int8")


if __name__ == "__main__":
    main()
