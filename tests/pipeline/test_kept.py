import os
import time

import pytest

from edgekit.pipeline import kept
from edgekit.pipeline.kept import asked_for, keep

OLD = 2 * kept.IDLE_S


@pytest.fixture(autouse=True)
def newest(monkeypatch):
    monkeypatch.setattr(kept, "NEWEST", 2)


def aged(file, seconds):
    """``file`` as if it had last been asked for so long ago."""
    file.touch()
    os.utime(file, (time.time() - seconds,) * 2)
    return file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_of_a_kind_stay_however_old(tmp_path):
    for number in range(4):
        aged(tmp_path / f"a-{number}", OLD + number)

    keep(tmp_path / "a-new", b"new", "a-*")

    assert names(tmp_path) == ["a-0", "a-new"]
    assert (tmp_path / "a-new").read_bytes() == b"new"


def test_what_was_asked_for_within_a_day_stays_however_many(tmp_path):
    for number in range(4):
        aged(tmp_path / f"a-{number}", OLD + number)
        asked_for(tmp_path / f"a-{number}")

    keep(tmp_path / "a-new", b"", "a-*")

    assert len(names(tmp_path)) == 5


def test_files_of_another_kind_and_of_the_user_stay(tmp_path):
    for name in ("b-1", "b-2", "b-3", "thesis.tex"):
        aged(tmp_path / name, OLD)

    keep(tmp_path / "a-new", b"", "a-*")

    assert names(tmp_path) == ["a-new", "b-1", "b-2", "b-3", "thesis.tex"]


def test_what_a_run_that_died_was_writing_goes_after_a_day(tmp_path):
    aged(tmp_path / "a-1.77.part", OLD)
    aged(tmp_path / "a-2.78.part", 60)

    keep(tmp_path / "a-new", b"", "a-?")

    assert names(tmp_path) == ["a-2.78.part", "a-new"]


def test_a_file_that_another_run_has_just_removed_is_no_fault(tmp_path, monkeypatch):
    old = aged(tmp_path / "a-1", OLD)
    monkeypatch.setattr(kept, "_idle", lambda *_: [tmp_path / "a-gone", old])

    keep(tmp_path / "a-new", b"", "a-*")

    assert names(tmp_path) == ["a-new"]


def test_asking_for_what_is_not_there_makes_nothing(tmp_path):
    assert asked_for(tmp_path / "a") == tmp_path / "a"
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(FileExistsError):
        keep(tmp_path / "file" / "a", b"", "a")
