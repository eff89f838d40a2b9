import pytest

from edgekit.errors import ModelError
from edgekit.load.darknet import Section
from edgekit.nets.darknet.section import DarknetSection


def section(**options):
    return DarknetSection(Section("route", options, "Cannot load 'net.cfg': [route]"), 7)


def test_options_are_read_as_numbers_and_text():
    of = section(layers="-1,-3", size="3", scale="1.05", anchors="10,14,23.5,27,", act="mish")

    assert of.wholes("layers") == (-1, -3)
    assert of.whole("size", 1) == 3
    assert of.number("scale", 1) == 1.05
    assert of.numbers("anchors") == (10, 14, 23.5, 27)
    assert of.text("act", "leaky") == "mish"


def test_what_is_not_said_has_its_default():
    assert section().whole("stride", 2) == 2
    assert section().number("scale_x_y", 1) == 1.0
    assert section().text("act", "leaky") == "leaky"


@pytest.mark.parametrize("text", ["0", "-1", "99999999"])
def test_a_size_no_layer_has_is_refused_with_its_place(text):
    with pytest.raises(ModelError, match=r"'net\.cfg': \[route\], layer 7: expected 'size' of 1"):
        section(size=text).whole("size", 1, 1)


def test_an_option_is_refused_only_where_it_is_set():
    section(xnor="0").refuse("xnor", "binary")

    with pytest.raises(ModelError, match="no 'xnor', found 1"):
        section(xnor="1").refuse("binary", "xnor")
