"""What stops a measurement, told in full sentences, with the exit code it ends with."""

from __future__ import annotations


class Problem(Exception):
    """A stage failed; exit code 4, like edgekit's own."""

    exit_code = 4


class BadBundle(Problem):
    """The bundle is not as it was written, or asked for what is not in it."""

    exit_code = 2


class Missing(Problem):
    """A program, a version or a device that is needed is not here."""

    exit_code = 3
