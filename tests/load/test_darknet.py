import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.load.darknet import read_darknet

CFG = """
# a comment
[net]
batch = 64
width=416
; another
learning_rate=0.001

[convolutional]
batch_normalize=1
filters = 32   # of the user
activation=leaky
[route]
layers = -1, -4
[convolutional]
filters=64
filters=99
[yolo]
anchors = 10,13,  16,30,
jitter=.3
"""


@pytest.fixture
def read(tmp_path):
    """Return ``read(cfg, weights)``: what the two files hold."""

    def read_files(cfg=CFG, weights=None):
        cfg_path, weights_path = tmp_path / "a.cfg", tmp_path / "a.weights"
        cfg_path.write_bytes(cfg if isinstance(cfg, bytes) else cfg.encode())
        weights_path.write_bytes(file_of([1, 2]) if weights is None else weights)
        return read_darknet(cfg_path, weights_path)

    return read_files


def file_of(numbers, version=(0, 2, 5), seen=32_013_312, *, form="<Q") -> bytes:
    head = struct.pack("<3i", *version) + struct.pack(form, seen)
    return head + np.asarray(numbers, "<f4").tobytes()


def test_sections_repeat_and_keep_their_order(read):
    sections = read().sections

    assert [s.kind for s in sections] == ["net", "convolutional", "route", "convolutional", "yolo"]
    assert sections[0].options == {"batch": "64", "width": "416", "learning_rate": "0.001"}
    assert sections[1].options["filters"] == "32"
    assert sections[3].whole("filters") == 64


def test_options_are_read_as_what_they_are(read):
    net, conv, route, _, yolo = read().sections

    assert net.whole("width") == 416
    assert net.number("learning_rate") == 0.001
    assert conv.text("activation") == "leaky"
    assert route.wholes("layers") == (-1, -4)
    assert yolo.numbers("anchors") == (10, 13, 16, 30)
    assert yolo.number("jitter") == 0.3


def test_what_is_left_out_has_the_default(read):
    conv = read().sections[1]

    assert (conv.whole("groups", 1), conv.number("scale", 1.5)) == (1, 1.5)
    assert (conv.text("name", "x"), conv.wholes("mask", (0, 1))) == ("x", (0, 1))
    assert conv.numbers("steps", ()) == ()


@pytest.mark.parametrize(
    ("short", "kind"), [("network", "net"), ("conv", "convolutional"), ("max", "maxpool")]
)
def test_short_names_are_written_out(read, short, kind):
    assert read(f"[net]\n[{short}]\n").sections[1].kind == kind


@pytest.mark.parametrize(
    ("value", "method", "expected"),
    [
        ("abc", "whole", "one of the whole numbers for 'k', found 'abc'"),
        ("1.5", "whole", "one of the whole numbers for 'k', found '1.5'"),
        ("1,2", "whole", "one of the whole numbers for 'k', found '1,2'"),
        ("", "whole", "found ''"),
        ("nan", "number", "one of the numbers for 'k', found 'nan'"),
        ("inf", "numbers", "numbers for 'k', found 'inf'"),
        ("1,,2", "wholes", "whole numbers for 'k', found '1,,2'"),
        (",", "numbers", "numbers for 'k', found ','"),
        ("9" * 5000, "whole", "found '9999"),
        ("9" * 4000, "whole", "found '9999"),
        ("1e300", "number", "found '1e300'"),
    ],
)
def test_an_option_of_another_kind_is_refused_with_its_line(read, value, method, expected):
    section = read(f"[net]\n\n[conv]\nk={value}\n").sections[1]

    with pytest.raises(ModelError, match=rf"a\.cfg': \[conv\] at line 3: expected .*{expected}"):
        getattr(section, method)("k")


def test_a_missing_option_is_refused_with_its_section(read):
    with pytest.raises(ModelError, match=r"\[net\] at line 3: expected the option 'height'"):
        read().sections[0].whole("height")


@pytest.mark.parametrize(
    ("cfg", "found"),
    [
        ("[conv]\n[net]\n", r"expected the section \[net\] first, found 'convolutional'"),
        ("# nothing\n", "found no section"),
        ("width=3\n[net]\n", r"in a \[section\] at line 1, found 'width=3'"),
        ("[net]\nwidth 3\n", "at line 2, found 'width 3'"),
        ("<!DOCTYPE html>\n", "at line 1, found '<!DOCTYPE html>'"),
        (b"[net]\n\x00", "expected a Darknet .cfg, which is text"),
        (b"[net]\n" + b"#" * (1 << 20), "expected a Darknet .cfg, which is text"),
    ],
)
def test_what_is_no_description_is_refused(read, cfg, found):
    with pytest.raises(ModelError, match=rf"(?s)Cannot load '.*a\.cfg': .*{found}"):
        read(cfg)


def test_comments_in_any_encoding_do_no_harm(read):
    assert read("[net]\r\nwidth=8 # größe\r\n".encode("latin1")).sections[0].whole("width") == 8


@pytest.mark.parametrize(
    ("version", "form"),
    [
        ((0, 1, 0), "<I"),
        ((0, 0, 9), "<I"),
        ((0, 1001, 0), "<I"),
        ((0, 2, 0), "<Q"),
        ((0, 2, 5), "<Q"),
        ((1, 0, 0), "<Q"),
    ],
)
def test_the_header_is_longer_since_version_0_2(read, version, form):
    model = read(weights=file_of([1.5, -2], version, 77, form=form))

    assert model.seen == 77
    assert model.transposed == (version == (0, 1001, 0))
    assert model.weights.dtype == np.float32
    assert model.weights.tolist() == [1.5, -2]
    assert not model.weights.flags.writeable


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_the_weights_are_the_numbers_that_were_written(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("darknet")
    (folder / "a.cfg").write_text("[net]\n")
    (folder / "a.weights").write_bytes(file_of(numbers))

    weights = read_darknet(folder / "a.cfg", folder / "a.weights").weights

    assert weights.tolist() == numbers


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        (b"short", "expected a Darknet .weights file, found a text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "found a Git LFS pointer"),
        (b"PK\x03\x04" + b"\x80" * 40, "found a zip archive"),
        (file_of([1], (-1, 0, 0)), "expected a Darknet .weights file"),
        (file_of([1], (0, 2001, 0)), "expected a Darknet .weights file"),
        (file_of([]), "behind a header of 20 bytes, found 20 bytes"),
        (file_of([], (0, 1, 0), 5, form="<I"), "behind a header of 16 bytes"),
        (file_of([1, 2])[:-1], "found 27 bytes in all"),
        (file_of([1, 2])[:17], "found 17 bytes in all"),
        (file_of([1, float("nan"), 2]), "found 1 of 3 that are NaN"),
        (b"", "found 0 bytes"),
    ],
)
def test_what_is_no_weights_file_is_refused(read, weights, found):
    with pytest.raises(ModelError, match=rf"Cannot load '.*a\.weights': .*{found}"):
        read(weights=weights)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(ModelError, match=r"a\.cfg': expected a file, found nothing there"):
        read_darknet(tmp_path / "a.cfg", tmp_path / "a.weights")
