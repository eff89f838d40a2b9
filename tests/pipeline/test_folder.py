from pathlib import Path

import pytest

from edgekit.errors import ConfigError, StageError
from edgekit.pipeline.folder import whole_folder


def written_in(out, text="new"):
    with whole_folder(out) as folder:
        (folder / "report.json").write_text(text)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_folder_appears_with_its_parents(tmp_path):
    written_in(tmp_path / "a/b")

    assert (tmp_path / "a/b/report.json").read_text() == "new"
    assert names(tmp_path / "a") == ["b"]


def test_the_previous_folder_is_replaced_as_a_whole(tmp_path):
    written_in(tmp_path / "out")
    (tmp_path / "out/edgekit.lock").write_text("old")

    written_in(tmp_path / "out", "newer")

    assert names(tmp_path / "out") == ["report.json"]
    assert names(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()

    written_in(tmp_path / "out")

    assert names(tmp_path / "out") == ["report.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_changes_nothing(tmp_path, error):
    written_in(tmp_path / "out", "old")

    def fail():
        with whole_folder(tmp_path / "out") as folder:
            (folder / "report.json").write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert (tmp_path / "out/report.json").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_files_that_no_conversion_wrote_are_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(ConfigError, match=r"found other files.*another --out"):
        written_in(tmp_path)

    assert names(tmp_path) == ["thesis.tex"]


def test_files_beside_those_of_a_conversion_are_not_lost(tmp_path):
    written_in(tmp_path / "build")
    written_in(tmp_path / "build/v8n")

    with pytest.raises(ConfigError, match=r"other files \('v8n'\), which would be lost"):
        written_in(tmp_path / "build")

    assert names(tmp_path / "build") == ["report.json", "v8n"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")

    with pytest.raises(ConfigError, match="expected a folder, found a file"):
        written_in(tmp_path / "out")

    assert (tmp_path / "out").read_text() == "a file"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("a file")

    with pytest.raises(ConfigError, match=r"Cannot write .*out: Not a directory"):
        written_in(tmp_path / "file/out")


def test_a_folder_that_could_not_be_put_in_place_leaves_the_previous_one(tmp_path, monkeypatch):
    written_in(tmp_path / "out", "old")
    rename = type(tmp_path).rename

    def refuse(path, target):
        if target == tmp_path / "out" and not path.name.endswith(".previous"):
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", refuse)
    with pytest.raises(ConfigError, match="No space left"):
        written_in(tmp_path / "out")

    assert (tmp_path / "out/report.json").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_block_that_fails_leaves_no_parents_behind(tmp_path):
    (tmp_path / "mine").mkdir()

    def fail():
        with whole_folder(tmp_path / "mine/a/b/out"):
            raise StageError("no")

    with pytest.raises(StageError, match="no"):
        fail()

    assert names(tmp_path) == ["mine"]
    assert names(tmp_path / "mine") == []


def test_the_current_folder_is_a_place_like_any_other(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    written_in(Path())

    assert names(tmp_path / "here") == ["report.json"]
    assert names(tmp_path) == ["here"]


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")

    written_in(tmp_path / "out")

    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "disk") == ["report.json"]
