"""The command line: one module per command; parse, call one public function, render."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors raised on purpose become one message and their exit code."""
    from edgekit.cli.app import app
    from edgekit.errors import EdgekitError

    try:
        app(prog_name="edgekit")
    except EdgekitError as err:
        sys.stderr.write(f"edgekit: {err}\n")
        sys.exit(err.exit_code)
