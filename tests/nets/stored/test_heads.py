import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.heads.anchors import AnchorHead, ImplicitAnchorHead
from edgekit.nets.heads.distances import DistanceHead, EndToEndHead, MainDistanceHead
from edgekit.nets.stored.heads import build_head, is_head
from edgekit.nets.stored.module import StoredModule
from tests.upstream import anchor_head, conv, distance_head, learned_head, record, twin_head


def stored(head: nn.Module) -> StoredModule:
    return StoredModule(record(head), "a.pt", "model.9")


def built(head: nn.Module, *, end_to_end: bool | None = None):
    return build_head(stored(head), end_to_end=end_to_end)


def v10(**options):
    return distance_head([8, 16], 3, kind="v10Detect", **options)


def test_only_detection_heads_are_heads():
    assert is_head(stored(anchor_head([8, 16], 3)))
    assert is_head(stored(v10()))
    assert not is_head(stored(conv(3, 4)))


def test_anchors_and_strides_come_from_the_file():
    head = built(anchor_head([8, 16], 3))

    assert isinstance(head.module, AnchorHead)
    assert head.module.anchors[1].tolist() == [[2.5, 3], [3.5, 4]]
    assert (head.classes, head.strides, head.notes) == (3, (8, 16), ())


@pytest.mark.parametrize("stale", [True, False])
def test_a_stored_grid_of_anchors_is_ignored_and_told_of_when_wrong(stale):
    module = anchor_head([8, 16], 3)
    del module.anchor_grid
    pixels = module.anchors * torch.tensor([8.0, 16.0]).reshape(2, 1, 1)
    pixels[0] *= 0 if stale else 1
    module.register_buffer("anchor_grid", pixels.reshape(2, 1, 2, 1, 1, 2))

    head = built(module)

    assert ["stale" in note for note in head.notes] == [True] * stale
    boxes = head.module([torch.zeros(1, 8, 2, 2), torch.zeros(1, 16, 1, 1)])
    assert boxes[..., 2:4].min() > 0


def test_distances_have_as_many_bins_as_the_file_says():
    head = built(distance_head([8, 16], 3, bins=7))

    assert isinstance(head.module, DistanceHead)
    assert head.module.dfl.conv.in_channels == 7
    assert not head.end_to_end


@pytest.mark.parametrize("flag", [True, None])
def test_one_to_one_branches_ship_and_the_others_are_said_to_be_dropped(flag):
    head = built(v10(), end_to_end=flag)

    assert isinstance(head.module, EndToEndHead)
    assert head.end_to_end
    assert "one-to-many" in head.notes[0]
    assert not any(key.startswith("cv") for key in head.module.state_dict())


def test_a_file_that_turns_one_to_one_off_is_told_of():
    head = built(v10(), end_to_end=False)

    assert isinstance(head.module, DistanceHead)
    (warning,) = head.warnings
    assert "says 'end2end: False'" in warning
    assert "need NMS" in warning
    assert "set end2end to True" in warning
    assert head.notes == built(v10()).warnings == ()


def test_the_number_of_detections_comes_from_the_file():
    module = v10()
    module.max_det = 5

    assert built(module).module.detections == 5
    assert built(v10()).module.detections == 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nc": 4}, "outputs"),
        ({"reg_max": 5}, "20 outputs, found"),
        ({"stride": torch.tensor([8.0])}, "2 strides"),
        ({"stride": torch.zeros(2)}, "2 strides of 1"),
        ({"stride": torch.tensor([8.0, 1e9])}, "to 128"),
    ],
)
def test_a_head_that_contradicts_itself_is_refused(change, message):
    module = distance_head([8, 16], 3)
    for name, value in change.items():
        setattr(module, name, value)

    with pytest.raises(ModelError, match=message):
        built(module)


@pytest.mark.parametrize("anchors", [torch.ones(2, 2), torch.zeros(2, 2, 2), torch.ones(1, 2, 2)])
def test_anchors_that_are_none_are_refused(anchors):
    module = anchor_head([8, 16], 3)
    module.anchors = anchors

    with pytest.raises(ModelError, match="anchors"):
        built(module)


def test_branches_of_boxes_and_classes_have_to_match():
    module = distance_head([8, 16], 3)
    del module.cv3[1]

    with pytest.raises(ModelError, match="as many branches"):
        built(module)


def test_a_head_without_its_mean_over_bins_is_refused():
    module = distance_head([8, 16], 3)
    module.dfl = nn.Identity()

    with pytest.raises(ModelError, match="bins 'dfl'"):
        built(module)


def test_branches_that_are_no_list_are_refused():
    module = distance_head([8, 16], 3)
    module.cv2 = nn.Sequential(*module.cv2)

    with pytest.raises(ModelError, match="a list of branches 'cv2'"):
        built(module)


@pytest.mark.parametrize("auxiliary", [True, False])
def test_learned_numbers_stay_and_an_auxiliary_head_goes(auxiliary):
    head = built(learned_head([8, 16], 3, auxiliary=auxiliary))

    assert isinstance(head.module, ImplicitAnchorHead)
    assert not any(key.startswith("m2") for key in head.module.state_dict())
    assert ("m2" in head.dropped, bool(head.notes)) == (True, auxiliary)
    assert head.reads == slice(2 if auxiliary else None)


def test_learned_numbers_for_other_maps_are_refused():
    module = learned_head([8, 16], 3)
    del module.ia[1]

    with pytest.raises(ModelError, match="2 of 'ia' and of 'im', found 1, 2"):
        built(module)


def test_a_head_merged_in_place_is_refused():
    module = learned_head([8, 16], 3)
    module.forward = None

    with pytest.raises(ModelError, match="merged already"):
        built(module)


def test_of_two_distance_heads_the_main_one_is_kept():
    head = built(twin_head([8, 16], 3))

    assert isinstance(head.module, MainDistanceHead)
    assert head.reads == slice(2, None)
    assert "auxiliary" in head.notes[0]
