import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.stored.module import StoredModule
from edgekit.nets.stored.table import build_module
from edgekit.nets.stored.yolov6_rules import RULES
from tests.upstream import record, saved
from tests.upstream_yolov6 import LAYERS, whole


def built(module):
    return build_module(StoredModule(record(module), "tiny.pt", "model"))


def test_every_class_stands_under_its_whole_name():
    assert all(name.startswith("yolov6.") for name in RULES)
    assert "yolov6.layers.common.RepVGGBlock" in RULES


@pytest.mark.parametrize(("variant", "maps"), [("", 4), ("0.2", 3)])
def test_the_backbone_gives_the_finest_map_only_where_it_is_fused(variant, maps):
    backbone = built(whole(variant)[1].backbone).eval()

    assert len(backbone(torch.zeros(1, 3, 64, 64))) == maps


def test_a_flag_that_is_not_there_is_not_set():
    backbone = whole("0.2")[1].backbone
    backbone.fuse_P2 = None

    assert built(backbone).maps == 3


def test_a_block_of_neither_kind_is_refused():
    layer = saved(f"{LAYERS}.RepVGGBlock", {"nonlinearity": nn.ReLU(), "se": nn.Identity()})

    with pytest.raises(ModelError, match="rbr_dense"):
        built(layer)
