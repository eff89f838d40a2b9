"""A small search, as reports hold it."""

from __future__ import annotations

from edgekit.report.schema import Search, Trial


def make_search(**changes) -> Search:
    """Return a search of FP32, INT8 and two mixed networks, of which ``mixed`` was chosen."""
    both = (-0.25, 0.75)
    trials = (
        made("fp32", "fp32", 9, 1.0, 1.0, drop=0.0, ci95=(0.0, 0.0)),
        made("int8-640", "int8", 0, 0.91, 1.6, drop=1.5, ci95=both, met=False),
        made("mixed", "mixed", 3, 0.961, 1.5, drop=0.25, ci95=both),
        made("slow", "mixed", 5, 0.95, 1.2, drop=0.5, ci95=both, front=False),
    )
    usual = {"images": 87, "layers": 9, "expected": 321, "remembered": 2, "trials": trials}
    asked = {"map_drop_points_max": 0.5, "agreement_min": 0.95, "chosen": "mixed", "met": True}
    return Search(**(usual | asked | changes))


def made(name, precision, layers, agreement, speedup, **changes) -> Trial:
    """Return a trial that takes 30 ms divided by ``speedup``."""
    return Trial(
        name=name,
        input_hw=changes.get("input_hw", (640, 640)),
        precision=precision,
        layers_float=layers,
        agreement=agreement,
        map_drop_points=changes.get("drop"),
        map_drop_ci95=changes.get("ci95"),
        p50_ms=30 / speedup,
        speedup=speedup,
        speedup_ci95=(speedup - 0.05, speedup + 0.05),
        met=changes.get("met", True),
        front=changes.get("front", True),
    )
