"""What results/digits.json says, as tables, a paragraph and a drawing."""

from __future__ import annotations

import io
import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

HERE = Path(__file__).resolve().parent
DRAWING = HERE.parent / "docs" / "images" / "merged-branches.svg"
GIVEN, EDGEKIT_FP32, EDGEKIT_INT8 = "as-given fp32", "edgekit fp32", "edgekit int8"
OWN = {
    GIVEN: "FP32, the file as given",
    EDGEKIT_FP32: "FP32, edgekit (folded and merged)",
    EDGEKIT_INT8: "**INT8, edgekit**",
}
FILES = {"as-given": "as given", "folded": "BN folded", "merged": "and branches merged"}
TOOLS = {
    "ort conv-only": "ORT `quantize_static`, Conv/Gemm/MatMul only",
    "ort conv-only per-channel": "the same, `per_channel=True`",
    "ort defaults": "ORT `quantize_static`, defaults",
    "ort defaults per-channel": "the same, `per_channel=True`",
    "ort defaults, quant_pre_process": "ORT `quant_pre_process`, then defaults",
    "nncf defaults": "NNCF defaults, on OpenVINO",
}
TIMED = OWN | {
    "ort conv-only on as-given": "INT8, ORT `quantize_static`, Conv/Gemm/MatMul only",
    "nncf defaults on as-given": "INT8, NNCF defaults, on OpenVINO",
}
LINES = {
    "ort conv-only on folded": ("ORT, branches kept", "#3b7dd8", "o"),
    "ort conv-only on merged": ("ORT, merged", "#c0392b", "s"),
    "ort conv-only per-channel on merged": ("ORT, merged, per channel", "#d98e04", "^"),
    EDGEKIT_INT8: ("edgekit, merged", "#2a8c4a", "D"),
}
GREY = "#808080"


def table(result: dict[str, Any]) -> list[str]:
    """Return what the detector scores in FP32 and in edgekit's INT8."""
    part = result["accuracy"]
    timed = result.get("latency", {}).get("rows", {})
    columns = ["mAP50-95", "mAP50", "mAP75", "small", "medium", "large", "points lost (95 %)"]
    columns += ["agreement", "MACs in INT8", *(["p50 ms", "speed (95 %)"] if timed else [])]
    lines = ["", *head(["", *columns])]
    for name, title in OWN.items():
        row = part["rows"][name]
        keys = ("map", "map50", "map75", "map_small", "map_medium", "map_large")
        cells = [title, *(percent(row[key]) for key in keys), lost(row), agreed(row)]
        share = row.get("mac_share_int8")
        cells.append("" if share is None else f"{share:.0%}")
        lines.append(line([*cells, *(speed(timed[name]) if timed else [])]))
    boxes = ", ".join(f"{count:,} {size}" for size, count in part["boxes"].items())
    return [
        *lines,
        "",
        f"{part['scenes']:,} scenes with {boxes} objects, as COCO counts them.",
        "",
    ]


def tools(result: dict[str, Any]) -> list[str]:
    """Return the points every tool loses on every float file, and its agreement."""
    rows = result["accuracy"]["rows"]
    lines = ["", *head(["points lost (95 %) · agreement", *FILES.values()])]
    for tool, title in TOOLS.items():
        found = [rows.get(f"{tool} on {file}") for file in FILES]
        lines.append(line([title, *(f"{lost(r)} · {agreed(r)}" if r else "" for r in found)]))
    own = rows[EDGEKIT_INT8]
    lines.append(line(["**edgekit**", f"{lost(own)} · {agreed(own)}", "", ""]))
    return [*lines, ""]


def latency(result: dict[str, Any]) -> list[str]:
    """Return the latency of the rows a user would choose from; nothing before it was measured."""
    if "latency" not in result:
        return [""]
    part = result["latency"]
    lines = ["", *head(["", "p50 ms", "speed (95 %)"])]
    lines += [line([title, *speed(part["rows"][name])]) for name, title in TIMED.items()]
    return [*lines, ""]


def bars(result: dict[str, Any]) -> list[str]:
    """Return what the detector has to show, and whether it does."""
    return [
        "",
        *(
            f"- {bar['bar']}: at least {bar['at_least']:g}, found {bar['found']:.2f}: "
            f"{'met' if bar['met'] else 'NOT met'}."
            for bar in result["accuracy"]["bars"]
        ),
        "",
    ]


def layers(result: dict[str, Any]) -> list[str]:
    """Return in words what merging does to the weights, and what is left of the layers in INT8."""
    part = result["layers"]
    whole = [b for b in part["blocks"] if any(k["op"] == "identity" for k in b["branches"])]

    def both(key: str, digits: int) -> tuple[str, str]:
        """Return the medians of the 3x3 branches and of what they were merged into."""
        dense = statistics.median(_branch(b, "3x3")[key] for b in whole)
        return (
            f"{dense:.{digits}f}",
            f"{statistics.median(b['merged'][key] for b in whole):.{digits}f}",
        )

    crest, spread = both("crest", 1), both("spread", 1)
    one, many = both("sqnr_db", 0), both("sqnr_per_channel_db", 0)
    noise = {n: statistics.median(b["sqnr_db"][n] for b in part["blocks"]) for n in LINES}
    kept, merged, per_channel, own = (f"{ratio:.1f}" for ratio in noise.values())
    first = f"""
{len(whole)} of the {len(part["blocks"])} blocks have an identity branch.
In the median one of these, the largest weight of a channel is {crest[0]} times the channel's root mean square in the 3x3 branch, and {crest[1]} times once merged.
The signal-to-noise ratio of the weights in 8 bits goes from {one[0]} to {one[1]} dB with one scale for the layer, and from {many[0]} to {many[1]} dB with one per channel.
The largest channel is {spread[0]} times the median one before, and {spread[1]} times after.
"""  # noqa: E501  (a sentence a line)
    second = f"""\
At the output of the median block, on {part["scenes"]} scenes and with the noise of all layers before it, `quantize_static` on convolutions alone leaves {kept} dB with the branches kept, {merged} dB once merged, and {per_channel} dB with a scale per channel.
edgekit leaves {own} dB.
"""  # noqa: E501  (a sentence a line)
    return [*first.splitlines(), *second.splitlines(), ""]


def drawing(result: dict[str, Any]) -> str:
    """Return the figure of ``layers`` as SVG: weights above, what INT8 leaves below."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    blocks = result["layers"]["blocks"]
    style = {"svg.fonttype": "none", "svg.hashsalt": "edgekit", "font.size": 9}
    with rc_context(style):
        figure = Figure(figsize=(8, 8.4), layout="constrained", facecolor="white")
        FigureCanvasSVG(figure)
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        _draw_weights(top, blocks, "peak", "largest weight of the layer")
        _draw_weights(middle, blocks, "crest", "largest weight of a channel\nover its RMS, median")
        for name, (title, color, marker) in LINES.items():
            ratios = [b["sqnr_db"][name] for b in blocks]
            bottom.plot(ratios, f"{marker}-", color=color, lw=1, ms=4, label=title)
        bottom.set_ylabel("block output in INT8:\nsignal to noise, dB")
        bottom.set_xticks(range(len(blocks)), [label(b["block"]) for b in blocks], rotation=60)
        for axes in (top, middle, bottom):
            _tidy(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)


def _draw_weights(axes: Axes, blocks: Sequence[Any], key: str, title: str) -> None:
    marks = {"1x1": ("v", "#8fb8ea"), "3x3": ("o", "#3b7dd8"), "merged": ("s", "#c0392b")}
    for kind, (marker, color) in marks.items():
        found = [b["merged"] if kind == "merged" else _branch(b, kind) for b in blocks]
        shown = kind if kind == "merged" else f"{kind} branch"
        axes.plot([f[key] for f in found], marker, color=color, ms=5, label=shown)
    axes.set_ylabel(title)
    axes.set_ylim(bottom=0)


def _tidy(axes: Axes) -> None:
    axes.grid(color=GREY, lw=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def label(node: str) -> str:
    """Return where a block is, from the name torch gave its 3x3 convolution."""
    parts = [p for p in node.split("/") if p and not p.startswith(("dense", "Conv"))]
    inner = [p for p in parts if not any(q != p and q.startswith(f"{p}.") for q in parts)]
    return " ".join([*inner[:-1], inner[-1].removesuffix(".0")] if len(inner) > 1 else inner)


def _branch(block: dict[str, Any], kind: str) -> dict[str, float]:
    found: dict[str, float] = next(b for b in block["branches"] if b["op"] == kind)
    return found


def head(cells: Sequence[str]) -> list[str]:
    """Return the two lines that begin a table."""
    return [line(cells), "|" + "---|" * len(cells)]


def line(cells: Sequence[str]) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(cells)} |"


def percent(value: float | None) -> str:
    """Return a fraction in points."""
    return "" if value is None else f"{100 * value:.1f}"


def lost(row: dict[str, Any]) -> str:
    """Return the points a row loses, with the interval; nothing for the baseline."""
    if row["map_drop_points"] is None:
        return ""
    # Adding zero takes the sign off a zero.
    return f"{round(row['map_drop_points'], 2) + 0:.2f} ({span(row['map_drop_ci95'], 2)})"


def agreed(row: dict[str, Any]) -> str:
    """Return the agreement of a row with the baseline; nothing for the baseline itself."""
    return "" if row["agreement"] is None else f"{row['agreement']:.3f}"


def speed(row: dict[str, Any]) -> list[str]:
    """Return latency, and speed against the file as given."""
    interval = span(row["speedup_over_as_given_ci95"], 2)
    return [f"{row['p50_ms']:.2f}", f"{row['speedup_over_as_given']:.2f} ({interval})"]


def span(interval: Sequence[float], digits: int) -> str:
    """Return both ends of an interval."""
    return " to ".join(f"{round(end, digits) + 0:.{digits}f}" for end in interval)
