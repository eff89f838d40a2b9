from pathlib import Path
from types import SimpleNamespace

import pytest

from edgekit.errors import ModelError
from edgekit.pipeline.origin import Origin, chosen_size

PATH = Path("a.pt")


def strided(*strides):
    return SimpleNamespace(strides=strides)


@pytest.mark.parametrize(
    ("strides", "usual", "expected"),
    [
        ((8.0, 32.0), (640, 640), (640, 640)),
        ((8.0, 32.0), (600, 33), (608, 64)),
        ((), (33, 65), (33, 65)),
    ],
)
def test_the_usual_size_is_rounded_up_to_whole_strides(strides, usual, expected):
    assert chosen_size(PATH, strided(*strides), usual, None) == expected


def test_a_size_that_is_asked_for_is_taken_or_refused():
    assert chosen_size(PATH, strided(8.0, 16.0), (640, 640), (32, 48)) == (32, 48)
    with pytest.raises(ModelError, match=r"'a\.pt' at 40 x 48: .* largest stride, 16"):
        chosen_size(PATH, strided(8.0, 16.0), (640, 640), (40, 48))


def test_the_identity_is_that_of_all_files():
    def identity(sha256, files=None, more=""):
        return Origin(PATH, sha256, SimpleNamespace, files or {}, more).identity

    found = [
        identity("1"),
        identity("2"),
        identity("1", {"a.cfg": "1"}),
        identity("1", {"a.cfg": "2"}),
        identity("1", {"b.cfg": "2"}),
        identity("1", {"a.cfg": "2"}, "names"),
    ]

    assert len(set(found)) == len(found)
    assert identity("1", {"a.cfg": "2"}) == found[3]


def test_what_is_no_file_has_no_identity():
    assert Origin(PATH, "", SimpleNamespace).identity == ""
