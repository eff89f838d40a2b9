from __future__ import annotations

import sys

import pytest

from edgekit.errors import MissingExtraError
from edgekit.optional import require


def test_a_module_that_is_there_is_returned():
    assert require("json.decoder", extra="demo", needed_for="This").JSONDecoder


def test_a_missing_module_names_the_extra_to_install():
    with pytest.raises(MissingExtraError) as caught:
        require("no_such_package.part", extra="openvino", needed_for="Running on OpenVINO")

    assert str(caught.value) == (
        "Running on OpenVINO needs 'no_such_package.part'. "
        "Install it with: pip install 'edgekit[openvino]'"
    )


def test_a_module_that_is_there_but_broken_shows_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_package_of_the_test.py").write_text("import no_such_package")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        require("broken_package_of_the_test", extra="demo", needed_for="This")
