import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ConfigError, UnknownNameError
from edgekit.pipeline.preprocess import changed, described
from edgekit.values import Preprocess
from tests.strategies import preprocesses

USUAL = Preprocess((64, 64))
finite = st.floats(-1e6, 1e6)
triples = st.tuples(finite, finite, finite)


@given(wanted=preprocesses(), mean=triples, std=st.tuples(*[st.floats(1e-6, 1e6)] * 3))
def test_what_is_described_is_read_back_exactly(wanted, mean, std):
    wanted = Preprocess(**{**vars(wanted), "mean": mean, "std": std})

    assert changed(Preprocess(wanted.size_hw), described(wanted)) == wanted


def test_only_what_is_named_changes():
    got = changed(USUAL, "color=bgr, mean=1/2/3,std=4,scale_up=false")

    assert (got.color, got.mean, got.std, got.scale_up) == ("bgr", (1, 2, 3), (4, 4, 4), False)
    assert (got.resize, got.size_hw, got.pad_value) == (USUAL.resize, (64, 64), 114)


def test_an_unknown_key_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'color'"):
        changed(USUAL, "colour=bgr")


def test_the_size_has_a_flag_of_its_own():
    with pytest.raises(UnknownNameError, match="size_hw"):
        changed(USUAL, "size_hw=32")


@pytest.mark.parametrize("text", ["", "bgr", "color", "color=bgr,,std=1"])
def test_what_is_no_pair_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="expected key=value"):
        changed(USUAL, text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("color=cmyk", "color=cmyk"),
        ("mean=1/2", "mean"),
        ("mean=1/2/3/4", "mean"),
        ("std=grey", "std"),
        ("std=0", "std"),
        ("std=1/-1/1", "std"),
        ("std=nan", "std"),
        ("mean=inf", "mean"),
        ("pad_value=256", "pad_value"),
        ("pad_value=-1", "pad_value"),
        ("scale_up=perhaps", "scale_up"),
    ],
)
def test_a_value_that_does_not_fit_is_named(text, named):
    with pytest.raises(ConfigError, match=f"--preprocess {named}"):
        changed(USUAL, text)
