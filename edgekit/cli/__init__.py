"""The command line: one module per command; parse, call one public function, render."""

from __future__ import annotations

import signal
import sys
import traceback


def main() -> None:
    """Run the command line; errors raised on purpose become one message and their exit code."""
    from edgekit.cli.app import app
    from edgekit.errors import EdgekitError

    # A command told to end cleans up after itself as one that is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="edgekit")
    except EdgekitError as err:
        sys.stderr.write(f"edgekit: {err}\n")
        sys.exit(err.exit_code)
    except Exception:  # noqa: BLE001  Python's own exit code is 1, that of a missed budget
        traceback.print_exc()
        sys.stderr.write("edgekit: this is a fault of its own. Please report the lines above.\n")
        sys.exit(EdgekitError.exit_code)
