"""A package that is installed, as if it were not."""

from __future__ import annotations

import sys


class _Absent:
    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)


def make_absent(monkeypatch, package):
    """Let every import of ``package`` fail until the test ends."""
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(package), *sys.meta_path])
