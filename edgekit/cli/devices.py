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
        rows.append(
            {
                "device": name,
                "name": device.name,
                "instructions": " ".join(device.cpu.isa),
                "threads": device.threads,
                "weights": "full" if device.exact_u8s8 else "paired",
            }
        )
    typer.echo(show(rows, as_json=json), nl=False)
