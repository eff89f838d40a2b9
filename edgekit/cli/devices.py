"""``edgekit devices``."""

from __future__ import annotations

import typer

from edgekit.cli.flags import Json


def devices(json: Json = False) -> None:
    """List what --device takes."""
    from edgekit.cli.tables import show
    from edgekit.config.device import find_device, list_devices

    rows = []
    for name in list_devices():
        device = find_device(name)
        weights = "full" if device.exact_u8s8 else "paired"
        rows.append(
            {
                "device": name,
                "name": device.name,
                "kind": device.kind,
                "parts": " ".join(device.parts),
                "instructions": " ".join(device.cpu.isa),
                "threads": device.threads,
                "weights": weights if device.kind == "cpu" else None,
            }
        )
    typer.echo(show(rows, as_json=json), nl=False)
