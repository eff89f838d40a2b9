import hashlib
from types import SimpleNamespace

import pytest

from edgekit.backends.tensorrt.on_device import files as module
from edgekit.backends.tensorrt.on_device.files import (
    done_before,
    keep,
    need_space,
    read_json,
    remove,
    sha256_of,
    write_json,
)
from edgekit.backends.tensorrt.on_device.problems import Problem


def test_the_checksum_is_that_of_the_whole_file(tmp_path):
    content = bytes(range(256)) * 9000
    (tmp_path / "x").write_bytes(content)

    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_what_is_missing_or_cut_off_reads_as_none(tmp_path):
    (tmp_path / "cut.json").write_text('{"a": 1')

    assert read_json(tmp_path / "cut.json") is None
    assert read_json(tmp_path / "none.json") is None


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})

    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"a": object()})

    assert read_json(tmp_path / "x.json") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_an_outcome_counts_only_for_what_it_was_made_of(tmp_path):
    record = tmp_path / "deep" / "record.json"

    assert done_before(record, {"engine": "a"}) is None
    assert keep(record, {"engine": "a"}, {"ms": 2}) == {"ms": 2}
    assert done_before(record, {"engine": "a"}) == {"ms": 2}
    assert done_before(record, {"engine": "b"}) is None


def test_a_disk_without_room_is_told_in_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=3 << 20))

    need_space(tmp_path, 3 << 20, "An engine")
    with pytest.raises(Problem, match=r"An engine needs about 4 MiB .* 3 MiB left\. Free some"):
        need_space(tmp_path, 4 << 20, "An engine")


def test_removing_what_is_not_there_is_no_error(tmp_path):
    remove(tmp_path / "none")
