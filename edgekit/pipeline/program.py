"""Models that are code, run because the user trusts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.images.overlap import file_sha256
from edgekit.optional import require
from edgekit.pipeline.origin import Built, Origin, chosen_size

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.load.program import ProgramKind
    from edgekit.pipeline.options import ModelOptions


def program_origin(path: Path, kind: ProgramKind, options: ModelOptions) -> Origin:
    """Return the program at ``path``; only its ``build`` runs anything of it.

    A function has no bytes of its own, and what it does may change with any file it reads: it
    has no identity before it is built.
    """

    def build() -> Built:
        require("torch", extra="torch", needed_for=f"Running '{path}'")
        from edgekit.nets.program import load_program

        program = load_program(path, kind, options.input_hw)
        size_hw = chosen_size(path, program, program.size_hw, options.input_hw)
        return Built(program, size_hw, {"task": program.task})

    return Origin(path, "" if kind == "function" else file_sha256(path), build)
