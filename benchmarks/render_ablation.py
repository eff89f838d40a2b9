"""What results/ablation_*.json say, as a table."""

from __future__ import annotations

from typing import Any

import render_digits

WHOLE, BASE = "shipped", "edgekit fp32"
COLUMNS = ("model", "made plain", "agreement", "mAP lost, points", "p50, ms", "MACs in INT8")


def table(result: dict[str, Any]) -> list[str]:
    """Return what every part is worth: the shipped network, and the change without the part."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(COLUMNS)]
    for name, part in result["models"].items():
        rows = part["rows"]
        lines.append(_whole(name, rows[WHOLE]))
        lines += [
            _change(plain, row, rows[WHOLE])
            for plain, row in rows.items()
            if plain not in {WHOLE, BASE}
        ]
    return [*lines, ""]


def _whole(name: str, row: dict[str, Any]) -> str:
    cells = [
        f"**{name}**",
        f"nothing, {row['speedup']:.2f} times as fast as FP32",
        f"{row['agreement']:.3f}",
        f"{row['map_drop_points']:.2f}",
        f"{row['p50_ms']:.1f}",
        f"{row['mac_share_int8']:.0%}",
    ]
    return render_digits.line(cells)


def _change(plain: str, row: dict[str, Any], whole: dict[str, Any]) -> str:
    cells = [
        "",
        plain,
        f"{row['agreement'] - whole['agreement']:+.3f}",
        f"{row['map_drop_points'] - whole['map_drop_points']:+.2f}",
        f"{row['p50_ms'] - whole['p50_ms']:+.1f}",
        f"{row['mac_share_int8']:.0%}",
    ]
    return render_digits.line(cells)
