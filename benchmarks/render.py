"""Writes the figures of results/*.json into README.md and docs, between markers, and draws one.

Usage: python benchmarks/render.py
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import render_ablation  # noqa: E402  (a sibling script)
import render_accuracy  # noqa: E402  (a sibling script)
import render_bccd  # noqa: E402  (a sibling script)
import render_busy_machine  # noqa: E402  (a sibling script)
import render_calibration  # noqa: E402  (a sibling script)
import render_checkpoints  # noqa: E402  (a sibling script)
import render_digits  # noqa: E402  (a sibling script)
import render_families  # noqa: E402  (a sibling script)
import render_folding  # noqa: E402  (a sibling script)
import render_gradient_images  # noqa: E402  (a sibling script)
import render_half_precision  # noqa: E402  (a sibling script)
import render_on_device_script  # noqa: E402  (a sibling script)
import render_openvino_cpu_int8  # noqa: E402  (a sibling script)
import render_openvino_symmetric  # noqa: E402  (a sibling script)
import render_ort_cpu_int8  # noqa: E402  (a sibling script)
import render_percentile_coverage  # noqa: E402  (a sibling script)
import render_range_choices  # noqa: E402  (a sibling script)
import render_repairs  # noqa: E402  (a sibling script)
import render_report_of_200_rows  # noqa: E402  (a sibling script)
import render_rewrite_parity  # noqa: E402  (a sibling script)
import render_roofline  # noqa: E402  (a sibling script)
import render_search_strategies  # noqa: E402  (a sibling script)
import render_shared_scales  # noqa: E402  (a sibling script)
import render_speed_of_the_file  # noqa: E402  (a sibling script)
from committed import committed  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = (
    HERE.parent / "README.md",
    HERE.parent / "docs" / "decisions" / "0013-what-rounding-does-is-allowed.md",
    HERE.parent / "docs" / "decisions" / "0015-what-is-in-16-bits.md",
    HERE.parent / "docs" / "decisions" / "0016-no-16-bit-activations-on-cpu.md",
    HERE.parent / "docs" / "decisions" / "0017-ranges-by-the-damage-they-do.md",
    HERE.parent / "docs" / "decisions" / "0020-what-repair-is-worth.md",
    HERE.parent / "docs" / "decisions" / "0021-the-speed-of-the-file.md",
    HERE.parent / "docs" / "decisions" / "0023-one-encoding-for-what-is-joined.md",
    HERE.parent / "docs" / "decisions" / "0027-estimates-by-a-fitted-roofline.md",
    HERE.parent / "docs" / "explanation" / "ablation.md",
    HERE.parent / "docs" / "explanation" / "accuracy.md",
    HERE.parent / "docs" / "explanation" / "blood-cells.md",
    HERE.parent / "docs" / "explanation" / "calibration-images.md",
    HERE.parent / "docs" / "explanation" / "latency.md",
    HERE.parent / "docs" / "explanation" / "openvino-signed-activations.md",
    HERE.parent / "docs" / "explanation" / "reparameterization-and-int8.md",
    HERE.parent / "docs" / "explanation" / "report-page.md",
    HERE.parent / "docs" / "explanation" / "rewrites.md",
    HERE.parent / "docs" / "explanation" / "roofline.md",
    HERE.parent / "docs" / "explanation" / "search.md",
    HERE.parent / "docs" / "explanation" / "what-int8-reaches.md",
    HERE.parent / "docs" / "explanation" / "what-openvino-reaches.md",
    HERE.parent / "docs" / "reference" / "families.md",
    HERE.parent / "docs" / "reference" / "tensorrt-versions.md",
    HERE.parent / "edgekit" / "models" / "digits.md",
    HERE.parent / "examples" / "bccd" / "README.md",
)


def main() -> None:
    """Render and write."""
    for page in PAGES:
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
    render_digits.DRAWING.parent.mkdir(exist_ok=True)
    drawing = render_digits.drawing(committed("digits"))
    render_digits.DRAWING.write_text(drawing, encoding="utf-8")


def updated(page: str) -> str:
    """Return ``page`` with the committed results between its markers."""
    for name, lines in PARTS.items():
        start, end = f"<!-- {name}: benchmarks/render.py -->\n", f"<!-- end of {name} -->\n"
        if start in page:
            before, rest = page.split(start)
            _, after = rest.split(end)
            page = before + start + "\n".join(lines()) + "\n" + end + after
    return page


def cost() -> list[str]:
    """Return what the conversion of the first table took, as a sentence."""
    path = HERE / "results" / "convert_cost.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    whole, alone = (f"{result[key]:.0f} s" for key in ("convert_and_score_s", "convert_s"))
    peak = f"{result['convert_peak_bytes'] / 1e9:.1f} GB"
    told = f"The conversion above took {whole}, or {alone} without the scoring"
    return [f"{told}, and {peak} of memory at its peak."]


def sample() -> list[str]:
    """Return what the conversion of the first table printed."""
    printed = committed("convert_cost").get("printed", [])
    return ["", "```", *(line.rstrip() for line in printed), "```", ""]


def tools() -> list[str]:
    """Return the tables of edgekit and the usual tools."""
    kernels = render_ort_cpu_int8.KERNELS
    return render_ort_cpu_int8.table({name: committed(f"ort_cpu_int8_{name}") for name in kernels})


def _of_speed(part: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    return part({key: committed(f"speed_of_the_file_{key}") for key in ("native", "avx2")})


def _of_digits(part: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    return part(committed("digits"))


def _of_openvino_int8(part: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    return part({name: committed(f"openvino_cpu_int8_{name}") for name in ("avx2", "native")})


def _of_openvino(part: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    return part(committed("openvino_symmetric"))


PARTS: dict[str, Callable[[], list[str]]] = {
    "table": tools,
    "calibration cost": lambda: render_calibration.cost(committed("calibration_cost")),
    "aims": lambda: render_ort_cpu_int8.aims(committed("ort_cpu_int8_avx2")),
    "conversion": sample,
    "cost": cost,
    "tensorrt versions": render_on_device_script.versions,
    "jetpacks": render_on_device_script.jetpacks,
    "on-device script": lambda: render_on_device_script.runs(committed("on_device_script")),
    "ablation": lambda: render_ablation.table(committed("ablation_avx2")),
    "bccd table": lambda: render_bccd.table(committed("bccd")),
    "bccd classes": lambda: render_bccd.classes(committed("bccd")),
    "bccd bars": lambda: render_bccd.bars(committed("bccd")),
    "busy machine": lambda: render_busy_machine.table(committed("busy_machine")),
    "calibration sizes": lambda: render_calibration.sizes(committed("calibration_size")),
    "near-duplicates": lambda: render_calibration.duplicates(committed("near_duplicates")),
    "bootstrap coverage": lambda: render_accuracy.coverage(committed("bootstrap_coverage")),
    "bootstrap intervals": lambda: render_accuracy.others(committed("bootstrap_coverage")),
    "checkpoints": lambda: render_checkpoints.table(committed("checkpoints")),
    "families": lambda: render_families.table(committed("families")),
    "folding": lambda: render_folding.table(committed("folding")),
    "gradient images": lambda: render_gradient_images.table(committed("gradient_images")),
    "half precision": lambda: render_half_precision.converters(committed("half_precision")),
    "16-bit kernels": lambda: render_half_precision.kernels(committed("half_precision")),
    "openvino int8": partial(_of_openvino_int8, render_ort_cpu_int8.table),
    "openvino bars": partial(_of_openvino_int8, render_openvino_cpu_int8.bars),
    "openvino scales": partial(_of_openvino, render_openvino_symmetric.scales),
    "openvino variants": partial(_of_openvino, render_openvino_symmetric.variants),
    "openvino block": partial(_of_openvino, render_openvino_symmetric.block),
    "percentile coverage": lambda: render_percentile_coverage.table(
        committed("percentile_coverage")
    ),
    "range choices": lambda: render_range_choices.table(committed("range_choices")),
    "repairs": lambda: render_repairs.kept(committed("repairs")),
    "repairs tried": lambda: render_repairs.trials(committed("repairs")),
    "report of 200 rows": lambda: render_report_of_200_rows.table(committed("report_of_200_rows")),
    "roofline errors": lambda: render_roofline.errors(committed("roofline")),
    "roofline families": lambda: render_roofline.families(committed("roofline")),
    "roofline constants": lambda: render_roofline.constants(committed("roofline")),
    "roofline variants": lambda: render_roofline.variants(committed("roofline")),
    "roofline networks": lambda: render_roofline.networks(committed("roofline")),
    "roofline pairs": lambda: render_roofline.pairs(committed("roofline")),
    "scoring time": lambda: render_accuracy.cost(committed("five_thousand_images")),
    "search strategies": lambda: render_search_strategies.table(
        committed("search_strategies_avx2")
    ),
    "shared scales": lambda: render_shared_scales.table(committed("shared_scales")),
    "speed of the file": partial(_of_speed, render_speed_of_the_file.speedups),
    "where time goes": partial(_of_speed, render_speed_of_the_file.where),
    "other ways": partial(_of_speed, render_speed_of_the_file.ways),
    "rounding": lambda: render_rewrite_parity.rounding(committed("rewrite_parity")),
    "wrong rewrites": lambda: render_rewrite_parity.wrong(committed("rewrite_parity")),
    **{
        f"digits {part.__name__}": partial(_of_digits, part)
        for part in (
            render_digits.table,
            render_digits.tools,
            render_digits.latency,
            render_digits.bars,
            render_digits.layers,
        )
    },
}


if __name__ == "__main__":
    main()
