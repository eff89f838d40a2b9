import pytest

from edgekit.errors import ModelError
from edgekit.nets.darknet_section import DarknetSection


def section(**options):
    return DarknetSection("route", options, 7, "net.cfg")


def test_numbers_come_from_text():
    of = section(layers="-1, -3", size="3", scale="1.05", anchors="10,14,  23,27,")

    assert of.wholes("layers") == (-1, -3)
    assert of.whole("size", 1) == 3
    assert of.number("scale", 1) == 1.05
    assert of.numbers("anchors") == (10, 14, 23, 27)


def test_what_is_not_said_has_its_default():
    assert section().whole("stride", 2) == 2
    assert section().number("scale_x_y", 1) == 1.0


@pytest.mark.parametrize("text", ["three", "2.5", "-1", "99999999", ""])
def test_a_size_that_is_none_is_refused_with_its_layer(text):
    with pytest.raises(ModelError, match=r"'net\.cfg': layer 7 \[route\]: expected 'size' of 1"):
        section(size=text).whole("size", 1, 1)


@pytest.mark.parametrize("text", ["", "1,x", "nan", "inf"])
def test_lists_without_numbers_are_refused(text):
    with pytest.raises(ModelError, match="anchors"):
        section(anchors=text).numbers("anchors")


def test_layers_are_whole_numbers():
    with pytest.raises(ModelError, match="whole numbers in 'layers'"):
        section(layers="-1, -1.5").wholes("layers")


def test_an_option_is_refused_only_where_it_is_set():
    section(xnor="0").refuse("xnor", "binary")

    with pytest.raises(ModelError, match="no 'xnor', found 1"):
        section(xnor="1").refuse("binary", "xnor")
