"""``report.json``: to text and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from edgekit.errors import ConfigError
from edgekit.report.schema import Report

if TYPE_CHECKING:
    from pathlib import Path


def to_json(report: Report) -> str:
    """Return ``report`` as the text of ``report.json``: keys in a fixed order, nulls kept."""
    return report.model_dump_json(by_alias=True, indent=2) + "\n"


def read_report(path: Path) -> Report:
    """Return the report written to ``path``.

    Raises:
        ConfigError: There is no such file, or it is not a report of schema 1.
    """
    hint = "Give a report.json that edgekit wrote, or run the conversion again."
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as err:
        raise ConfigError(f"Cannot read the report {path}: {err.strerror}. {hint}") from err
    except ValidationError as err:
        first = err.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        msg = f"{path} is not a report of schema 1, at {key}: {first['msg']}. {hint}"
        raise ConfigError(msg) from err


def json_schema() -> str:
    """Return the JSON Schema of ``report.json``, as docs/reference/schemas/report.json has it."""
    schema: dict[str, Any] = Report.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps(schema, indent=2) + "\n"
