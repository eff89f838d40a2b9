from torch import nn

from edgekit.nets.architectures.registry import ARCHITECTURES
from tests.published import on_meta, printed_as, run_on_meta, work

NAME = "repvgg-a0"


def test_its_size_is_the_published_one_which_leaves_out_biases():
    known = ARCHITECTURES[NAME]
    module = on_meta(NAME, 1000)
    merged = {part for part in module.modules() if type(part).__name__ == "SummedBranches"}
    biases = sum(part.rbr_dense.conv.out_channels for part in merged)

    found = work(on_meta(NAME, 1000), known.side)

    assert printed_as(known, found.parameters - biases) == known.parameters
    assert f"{found.macs / 1e9:.1f}" == str(known.gmacs)


def test_it_classifies_and_gives_maps_to_a_neck():
    module = on_meta(NAME, 7)

    assert run_on_meta(module, 64).shape == (1, 7)
    assert isinstance(module.linear, nn.Linear)
