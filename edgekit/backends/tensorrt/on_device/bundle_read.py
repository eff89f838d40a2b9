"""The bundle as it lies on the board: checked against its checksums, and what of it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from .files import read_json, sha256_of
from .problems import BadBundle, Missing

Json = Dict[str, Any]

MANIFEST = "bundle.json"
SCHEMA = 1


def read_bundle(folder: Path) -> Json:
    """Return ``bundle.json`` after every file it lists was compared with its checksum.

    Raises:
        BadBundle: A file is missing or was changed, or the bundle is of another edgekit.
    """
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict):
        raise BadBundle(f"{folder / MANIFEST} is missing or damaged. Copy the bundle again.")
    if manifest.get("schema") != SCHEMA:
        raise BadBundle(
            f"{folder / MANIFEST}: expected schema {SCHEMA}, found {manifest.get('schema')}. "
            "Copy the whole bundle again, measure.py too."
        )
    for name, expected in manifest["files"].items():
        _check(folder / name, expected["sha256"])
    return manifest


def entry_for(table: Json, version: str) -> Json:
    """Return the row of the version table that holds for TensorRT ``version``.

    Raises:
        Missing: There is none; says what to install.
    """
    release = [int(part) for part in version.split(".")[:2]]
    rows: List[Json] = table["versions"]
    for row in rows:
        if row["first"] <= release <= row["last"]:
            return row
    oldest, newest = (".".join(map(str, end)) for end in (rows[0]["first"], rows[-1]["last"]))
    hint = "; ".join(_refused(table, release)) if release < rows[0]["first"] else ""
    raise Missing(
        f"TensorRT {version} is not in this bundle's table, which goes from {oldest} to {newest}. "
        f"{hint or 'Make the bundle with a newer edgekit, or install a TensorRT in between.'}"
    )


def chosen(manifest: Json, typing: str, wanted: Optional[str]) -> Dict[str, str]:
    """Return the ONNX file of every precision to measure, of the kind this TensorRT takes.

    Args:
        manifest: The bundle's.
        typing: ``weak`` or ``strong``.
        wanted: Precisions with commas between; ``None`` for all there are.

    Raises:
        BadBundle: A precision is not in the bundle.
    """
    models: Dict[str, Dict[str, str]] = manifest["models"]
    names = wanted.split(",") if wanted else list(models)
    for name in names:
        if typing not in models.get(name, {}):
            have = ", ".join(sorted(p for p, files in models.items() if typing in files))
            raise BadBundle(
                f"--precisions {name}: the bundle has no file of it for {typing}ly typed networks. "
                f"It has: {have or 'none'}."
            )
    return {name: models[name][typing] for name in names}


def commands_for(row: Json, precision: str, dla_core: Optional[int]) -> Json:
    """Return the command templates of one precision.

    Raises:
        BadBundle: The accelerator is asked for, and this version does not take that precision.
    """
    if dla_core is None:
        commands: Json = row["commands"][precision]
        return commands
    if precision not in row["dla_commands"]:
        takes = ", ".join(row["dla_commands"]) or "nothing"
        raise BadBundle(
            f"--dla {dla_core}: with TensorRT {row['name']} the deep-learning accelerator takes "
            f"{takes} of this bundle, not {precision}. Leave --dla out, or name --precisions."
        )
    accelerated: Json = row["dla_commands"][precision]
    return accelerated


def inputs_of(folder: Path, manifest: Json) -> List[Json]:
    """Return the inputs whose outputs are wanted: ``name`` in the network, ``stem``, ``path``."""
    inputs = manifest.get("inputs") or {"files": []}
    return [
        {
            "name": inputs["name"],
            "stem": Path(file).stem,
            "path": str(folder / file),
            "sha256": manifest["files"][file]["sha256"],
        }
        for file in inputs["files"]
    ]


def _check(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BadBundle(f"{path} is missing. Copy the bundle again.")
    found = sha256_of(path)
    if found != expected:
        raise BadBundle(
            f"{path} was changed: expected SHA-256 {expected[:12]}…, found {found[:12]}…. "
            "Copy the bundle again."
        )


def _refused(table: Json, release: List[int]) -> List[str]:
    return [
        f"JetPack {old['jetpack']}: {old['reason']}"
        for old in table.get("refused", [])
        if release <= [int(part) for part in old["tensorrt"].split(".")[:2]]
    ][:1]
