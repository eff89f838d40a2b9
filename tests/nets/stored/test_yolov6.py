import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.stored.build import build_detector
from edgekit.nets.stored.module import StoredModule
from edgekit.nets.stored.yolov6 import build_yolov6, is_yolov6
from tests.upstream import checkpoint, record, yolo
from tests.upstream_yolov6 import NC, whole


def predictions(module):
    torch.manual_seed(0)
    with torch.inference_mode():
        return module.eval()(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("variant", ["", "0.2", "fuse-ab", "distill"])
def test_a_whole_model_computes_what_the_named_network_does(variant):
    own, model = whole(variant)

    detector = build_detector(checkpoint({"model": model}))

    assert torch.equal(predictions(detector.module), predictions(own))
    assert detector.module.state_dict().keys() == model.state_dict().keys()
    assert (detector.family, detector.strides) == ("yolov6", (8, 16, 32))
    assert bool(detector.notes) == (variant in {"fuse-ab", "distill"})


def test_a_model_with_merged_branches_loads():
    own, model = whole()
    layer = model.backbone.stem
    merged = nn.Conv2d(3, 16, 3, 2, 1)
    for name in ("rbr_dense", "rbr_1x1"):
        delattr(layer, name)
    layer.rbr_reparam = merged

    built = build_detector(checkpoint({"model": model})).module

    image = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(built.backbone.stem(image), merged(image).relu())
    assert own.state_dict().keys() != built.state_dict().keys()


def test_only_models_of_yolov6_are_told_to_be_one():
    assert is_yolov6(StoredModule(record(whole()[1]), "tiny.pt"))
    assert not is_yolov6(StoredModule(record(yolo("yolov5")), "tiny.pt"))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"nc": NC + 1}, "3 times 4 outputs of 'cls_preds'"),
        ({"use_dfl": True}, "3 times 68 outputs of 'reg_preds'"),
        ({"stride": torch.tensor([8, 16])}, "2 times 3 outputs"),
        ({"stride": torch.tensor([0, 16, 32])}, "strides of 1"),
        ({"use_dfl": None}, "'use_dfl'"),
    ],
)
def test_a_head_that_contradicts_itself_is_refused(attributes, message):
    _, model = whole(**attributes)

    with pytest.raises(ModelError, match=message):
        build_yolov6(StoredModule(record(model), "tiny.pt"))


def test_an_unknown_head_is_refused_by_name():
    _, model = whole()
    read = record(model)
    read.state["_modules"]["detect"].class_name = "yolov6.models.heads.effidehead_lite.Detect"

    with pytest.raises(ModelError, match="effidehead_lite"):
        build_yolov6(StoredModule(read, "tiny.pt"))


def test_a_head_without_its_bins_is_refused():
    _, model = whole()
    del model.detect.proj

    with pytest.raises(ModelError, match="'proj'"):
        build_yolov6(StoredModule(record(model), "tiny.pt"))
