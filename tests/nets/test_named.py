import re
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import ModelError, UnknownNameError
from edgekit.nets import named
from edgekit.nets.architectures.registry import Architecture, ClassCount
from edgekit.nets.heads.distances import EndToEndHead
from edgekit.nets.named import build_named, differences, fitting, is_known

FILE = Path("weights.pt")


class Net(nn.Module):
    def __init__(self, width, classes, deep=0):
        super().__init__()
        layers = [nn.Conv2d(3, width, 1), nn.BatchNorm2d(width)]
        layers += [nn.Conv2d(width, width, 1) for _ in range(deep)]
        self.model = nn.ModuleList([*layers, nn.Conv2d(width, classes, 1)])
        self.aux = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        return self.model[-1](self.model[0](x))


def architecture(name, family, width, deep=0):
    return Architecture(
        name=name,
        family=family,
        build=lambda classes: Net(width, classes, deep),
        parameters="0.0M",
        gmacs=0.0,
        source="nowhere",
        classes=ClassCount(f"model.{2 + deep}.weight"),
        side=320,
        strides=(8, 16),
        training_only=("aux.",),
    )


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    listed = [
        architecture("tiny-a", "tiny", 4),
        architecture("tiny-b", "tiny", 6),
        architecture("tiny-c", "tiny", 6, deep=1),
        architecture("other", "other", 6),
    ]
    found = MappingProxyType({one.name: one for one in listed})
    monkeypatch.setattr(named, "ARCHITECTURES", found)


def weights(width=4, classes=5, deep=0, **changes):
    torch.manual_seed(width)
    state = {k: v.numpy() for k, v in Net(width, classes, deep).state_dict().items()}
    return {key: value for key, value in (state | changes).items() if value is not None}


@pytest.mark.parametrize("name", ["tiny-a", "tiny", None])
def test_weights_become_the_network_they_are_of(name):
    arrays = weights()

    found = build_named(FILE, arrays, name)

    state = found.module.state_dict()
    assert all(np.array_equal(state[key], value) for key, value in arrays.items())
    assert (found.family, found.class_names, found.side) == ("tiny", (), 320)
    assert (found.strides, found.end_to_end) == ((8.0, 16.0), False)
    assert not found.module.training
    assert not any(p.requires_grad for p in found.module.parameters())


def test_what_was_found_out_is_said():
    assert build_named(FILE, weights(), None, ("First.",)).notes == (
        "First.",
        "The names and shapes of its weights are those of tiny-a: read as that.",
    )
    assert build_named(FILE, weights(), "tiny-a").notes == ()


def test_class_names_that_do_not_fit_the_head_are_left_out():
    names = tuple("abcde")

    assert build_named(FILE, weights(), "tiny-a", whole=names).class_names == names
    assert build_named(FILE, weights(), "tiny-a", whole=names[:4]).class_names == ()
    told = build_named(FILE, weights(), "tiny-a", whole=names[:4]).notes
    assert (
        "The class names of the file are left out: it has 4, and the head tells 5 classes apart."
        in told
    )


def test_the_number_of_classes_is_read_off():
    found = build_named(FILE, weights(classes=2), "tiny-a")

    assert found.module(torch.zeros(1, 3, 2, 2)).shape == (1, 2, 2, 2)


def test_half_precision_is_widened_and_told_of():
    halves = {key: value.astype(np.float16) for key, value in weights().items()}

    found = build_named(FILE, halves, "tiny-a")

    assert found.module.model[0].weight.dtype == torch.float32
    assert "Half-precision weights are computed in float32." in found.notes


@pytest.mark.parametrize(
    "rename",
    [lambda key: key.removeprefix("model."), lambda key: f"model.{key}"],
)
def test_keys_with_a_name_too_many_or_too_few_are_read(rename):
    bare = {k: v for k, v in weights().items() if k.startswith("model.")}

    found = build_named(FILE, {rename(key): value for key, value in bare.items()}, "tiny-a")

    assert np.array_equal(found.module.model[0].weight, bare["model.0.weight"])


@pytest.mark.parametrize("key", ["model.2.anchor_grid", "head.project"])
def test_what_follows_from_the_rest_is_not_needed(key):
    arrays = weights(**{key: np.zeros((1, 2))})

    assert [one.name for one in fitting(arrays)] == ["tiny-a"]
    assert build_named(FILE, arrays, "tiny-a").family == "tiny"


def test_what_only_training_uses_may_be_missing():
    arrays = weights(**{"aux.weight": None, "aux.bias": None, "model.1.num_batches_tracked": None})

    assert build_named(FILE, arrays, "tiny-a").family == "tiny"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"model.0.bias": None}, r"1 missing, the first 'model\.0\.bias'"),
        ({"model.9.bias": np.ones(1)}, r"1 unexpected, the first 'model\.9\.bias'"),
        (
            {"model.0.weight": np.ones((4, 3, 3, 3))},
            r"1 of other shapes, the first 'model\.0\.weight' \(4, 3, 3, 3\) for \(4, 3, 1, 1\)",
        ),
        ({"model.2.weight": None}, r"no 'model\.2\.weight' that fits any number of classes"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_first(changes, fault):
    with pytest.raises(ModelError, match=rf"'weights\.pt' as tiny-a: .*{fault}"):
        build_named(FILE, weights(**changes), "tiny-a")


def test_what_differs_from_one_network_is_told_and_of_no_network_nothing():
    assert "of other shapes, the first" in differences("tiny-b", weights(width=4))
    assert differences("tiny-a", weights(width=4)) == ""
    assert differences("tiny", weights(width=4)) == differences("nothing", weights()) == ""


def test_the_network_they_do_fit_is_named():
    with pytest.raises(ModelError, match="They fit tiny-c: name that"):
        build_named(FILE, weights(6, deep=1), "tiny-a")


def test_the_nearest_network_is_named_with_what_is_missing():
    changed = weights(6, deep=1, **{"model.0.bias": None})
    found = r"of tiny-c, the nearest: 1 missing, the first 'model\.0\.bias'\. Save"

    with pytest.raises(ModelError, match=found) as refusal:
        build_named(FILE, changed)

    assert "others" not in str(refusal.value)


def test_a_network_may_be_the_nearest_without_what_tells_its_classes():
    with pytest.raises(ModelError, match=r"of tiny-a, the nearest: no 'model\.2\.weight'"):
        build_named(FILE, weights(**{"model.2.weight": None}), "tiny")


@pytest.mark.parametrize("name", [None, "tiny-a"])
def test_weights_without_their_batch_norms_are_told_to_be_folded(name):
    folded = {k: v for k, v in weights().items() if not k.startswith("model.1.")}

    with pytest.raises(ModelError, match="batch normalizations seem to be folded") as refusal:
        build_named(FILE, folded, name)

    assert "Name the network" not in str(refusal.value)


def test_weights_that_fit_two_networks_are_a_question():
    with pytest.raises(ModelError, match=r"they fit tiny-b, other\. Choose with --family NAME"):
        build_named(FILE, weights(6))

    assert build_named(FILE, weights(6), "tiny").family == "tiny"
    assert [one.name for one in fitting(weights(6))] == ["tiny-b", "other"]


@pytest.mark.parametrize(("name", "among"), [(None, "any network edgekit"), ("tiny", "any tiny")])
def test_weights_that_fit_none_are_refused(name, among):
    with pytest.raises(ModelError, match=rf"expected the names and shapes of {among}.*--family"):
        build_named(FILE, {"a.weight": np.ones(3)}, name)


def test_weights_far_from_all_are_told_the_few_nearest_and_where_the_rest_stands():
    with pytest.raises(ModelError) as refusal:
        build_named(FILE, {"a.weight": np.ones(3)})

    names = re.search(r"the nearest are ([^.]*), with few or no", str(refusal.value))[1]
    assert len(set(names.split(", ")) & set(named.ARCHITECTURES)) == 3
    assert len(named.ARCHITECTURES) > 3
    assert "docs/reference/families.md" in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_an_unknown_name_is_answered_with_the_nearest():
    assert is_known("tiny-c")
    assert is_known("tiny")
    assert not is_known("tiny-d")
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny-a'"):
        build_named(FILE, weights(), "tinya")


def test_a_network_that_needs_no_nms_is_known_by_its_head(monkeypatch):
    def build(classes):
        net = Net(4, classes)
        empty = nn.ModuleList()
        net.last = EndToEndHead((empty, empty), nn.Identity(), (8.0,), 10)
        return net

    one = architecture("tiny-a", "tiny", 4)
    replaced = Architecture(**vars(one) | {"build": build})
    monkeypatch.setattr(named, "ARCHITECTURES", {"tiny-a": replaced})

    assert build_named(FILE, weights(), "tiny-a").end_to_end
