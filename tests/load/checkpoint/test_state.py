import time
from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.state import find_state
from edgekit.load.checkpoint.values import Checkpoint, Instance


def found(content):
    return find_state(Checkpoint(Path("a.pt"), "", content))


def state(value: float = 0.0, prefix: str = "", **more) -> dict:
    """Return the state of two layers, every number in it ``value``."""
    names = ["backbone.conv.weight", "backbone.conv.bias", "head.weight"]
    return {f"{prefix}{name}": np.full(2, value, np.float32) for name in names} | more


def module(
    class_name="models.yolo.Model", *, parameters=None, buffers=None, passing=(), **children
):
    parts = {"_parameters": parameters or {}, "_buffers": buffers or {}, "_modules": children}
    return Instance(class_name, parts | {"_non_persistent_buffers_set": list(passing)})


def holds(result, value: float) -> bool:
    assert list(result.arrays) == list(state())
    return all((array == value).all() for array in result.arrays.values())


def test_a_bare_state_is_taken_as_it_is():
    content = state(1)

    result = found(content)

    assert holds(result, 1)
    assert result.arrays["head.weight"] is content["head.weight"]
    assert result.notes == ()


@pytest.mark.parametrize(
    "name", ["state_dict", "model_state_dict", "model_state", "model", "net", "params", "weights"]
)
def test_a_state_is_found_under_the_usual_names(name):
    result = found({"epoch": 3, name: state(1), "optimizer": {"state": {}}})

    assert holds(result, 1)
    assert result.notes == ()


@pytest.mark.parametrize(
    ("averaged", "plain"),
    [
        ("ema", "model"),
        ("ema_state_dict", "state_dict"),
        ("state_dict_ema", "state_dict"),
        ("model_ema", "model"),
        ("ema_model", "model"),
        ("ema_net", "net"),
        ("params_ema", "params"),
    ],
)
def test_averaged_weights_come_first_and_are_said(averaged, plain):
    both = found({plain: state(1), averaged: state(2)})
    alone = found({averaged: state(2)})
    neither = found({plain: state(1), averaged: None})

    assert holds(both, 2)
    assert both.notes == (f"The averaged (EMA) weights under '{averaged}' are used.",)
    assert holds(alone, 2)
    assert holds(neither, 1)
    assert alone.notes == neither.notes == ()


@pytest.mark.parametrize("ema", [True, 0.9999, {"decay": 0.9}, {"module": {"updates": 3}}, []])
def test_what_is_called_ema_and_holds_no_weights_is_passed_over(ema):
    result = found({"ema": ema, "model": state(1)})

    assert holds(result, 1)
    assert result.notes == ()


def test_a_state_may_lie_two_names_deep():
    assert holds(found({"ema": {"module": state(2), "updates": 5}, "model": state(1)}), 2)


def test_mmengine_keeps_the_average_where_others_keep_the_model():
    raw = state(1, "module.", steps=np.array(500))

    result = found({"state_dict": state(2), "ema_state_dict": raw, "message_hub": {}})

    assert holds(result, 2)
    assert result.notes == ("The averaged (EMA) weights under 'state_dict' are used.",)


def test_copies_that_mmdetection_2_keeps_beside_the_average_are_left_out():
    copies = {f"ema_{key.replace('.', '_')}": value for key, value in state(1).items()}

    result = found({"state_dict": state(2) | copies})

    assert holds(result, 2)
    assert result.notes == ("Left out: 3 copies under 'ema_', which are not averaged.",)


def test_nanodets_average_takes_the_place_of_the_model():
    result = found({"state_dict": state(1, "model.") | state(2, "avg_model.")})

    assert holds(result, 2)
    assert result.notes == (
        "The averaged (EMA) weights under 'avg_model.' are used.",
        "Every key began with 'model.': left out.",
    )


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "module._orig_mod.", "module.model.", "module." * 2],
)
def test_wrappers_that_all_keys_name_are_left_out_and_said(prefix):
    result = found(state(1, prefix))

    assert holds(result, 1)
    assert result.notes == (f"Every key began with '{prefix}': left out.",)


@pytest.mark.parametrize(
    "keys",
    [
        ["module.a.weight", "b.weight"],
        ["model.0.conv.weight", "model.24.m.0.weight"],
        ["modules.a.weight"],
    ],
    ids=["not all", "yolo's own", "another word"],
)
def test_names_that_are_no_wrappers_stay(keys):
    result = found({key: np.ones(1) for key in keys})

    assert list(result.arrays) == keys
    assert result.notes == ()


def test_a_wrapper_around_yolos_own_names_is_left_out():
    result = found({"model": {"model.model.0.conv.weight": np.ones(1)}})

    assert list(result.arrays) == ["model.0.conv.weight"]


def test_counters_of_training_tools_are_left_out():
    counters = {"n_averaged": np.array(5), "head.total_ops": np.ones(1), "total_params": np.ones(1)}

    assert holds(found({"ema": state(1) | counters}), 1)


def test_what_is_no_tensor_among_the_weights_is_left_out_and_said():
    result = found(state(1, version=3, **{"head._extra": None}))

    assert holds(result, 1)
    assert result.notes == ("Left out, as no tensors: 'version', 'head._extra'.",)


def test_a_whole_module_is_named_as_its_state_dict_would_be():
    one = np.ones(1)
    conv = module(parameters={"weight": one, "bias": None})
    norm = module(parameters={"weight": one}, buffers={"running_mean": one})
    head = module(buffers={"anchors": one, "grid": one}, passing=["grid"], m=conv)
    inner = module("torch.nn.Sequential", **{"0": module(conv=conv, bn=norm), "1": head})

    result = found({"model": module(model=inner), "ema": None})

    assert list(result.arrays) == [
        "model.0.conv.weight",
        "model.0.bn.weight",
        "model.0.bn.running_mean",
        "model.1.anchors",
        "model.1.m.weight",
    ]


def test_a_module_inside_data_parallel_is_unwrapped():
    net = module(backbone=module(parameters={"weight": np.ones(1)}))

    result = found(module("torch.nn.parallel.DataParallel", module=net))

    assert list(result.arrays) == ["backbone.weight"]
    assert result.notes == ("Every key began with 'module.': left out.",)


def shared(depth, width, **leaf):
    inner = module(**leaf)
    for _ in range(depth):
        inner = module(**{f"m{i}": inner for i in range(width)})
    return inner


@pytest.mark.parametrize(
    "content",
    [
        shared(19, 2, parameters={"weight": np.ones(1)}),
        shared(3, 100),
        shared(1, 100, parameters={f"p{i}": np.ones(1) for i in range(2000)}),
    ],
    ids=["deep", "wide", "tensors"],
)
def test_modules_shared_endlessly_are_refused(content):
    with pytest.raises(ModelError, match=r"a\.pt': expected at most 100000 modules and tensors"):
        found({"model": content})


def test_dicts_shared_endlessly_are_looked_at_once():
    content = dict.fromkeys(map(str, range(300_000)), 1)
    for _ in range(3):
        content = dict.fromkeys(["ema", "model", "state_dict", "net", "params", "weights"], content)

    start = time.process_time()
    with pytest.raises(ModelError, match="expected weights by name"):
        found(content)

    assert time.process_time() - start < 5


def test_only_so_many_wrappers_are_left_out():
    (key,) = found({"module." * 100_000 + "weight": np.ones(1)}).arrays

    assert key == "module." * 99_995 + "weight"


def test_modules_deeper_than_any_network_are_left_out():
    assert list(found(shared(20, 1, parameters={"weight": np.ones(1)})).arrays) == [
        "m0." * 20 + "weight"
    ]
    with pytest.raises(ModelError, match="expected weights by name"):
        found(shared(21, 1, parameters={"weight": np.ones(1)}))


def test_names_that_are_no_text_are_passed_over():
    odd = {"_modules": {5: module()}, "_parameters": {"weight": np.ones(1), 5: np.ones(1)}}
    state = odd | {"_buffers": 3, "_non_persistent_buffers_set": [np.ones(3), "x"]}

    assert list(found(Instance("x.Y", state)).arrays) == ["weight"]


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        ({}, "found nothing"),
        ({"epoch": 3, 5: 1, "model": None}, "found the keys 'epoch', a int, 'model'"),
        ({str(i): i for i in range(20)}, r"'7' \.\.\."),
        ([1, 2], "found a list"),
        (np.ones(3), "found a ndarray"),
        (Instance("models.yolo.Model", {}), r"found 'models\.yolo\.Model'"),
        (
            module(parameters={5: np.ones(1), "a": "text"}, buffers={"total_ops": np.ones(1)}),
            "Model",
        ),
        (Instance("x.Y", {"_parameters": 3, "_buffers": [], "_modules": {"a": 1}}), "'x.Y'"),
        ({"best_fitness": np.ones(1), "epoch": 1}, "found the keys 'best_fitness'"),
        ({"weight": np.ones(1), "a": 1, "b": 2, "c": 3}, "found the keys 'weight'"),
    ],
)
def test_a_file_without_weights_says_what_it_has(content, summary):
    with pytest.raises(ModelError, match=summary) as caught:
        found(content)

    assert "Cannot load 'a.pt': expected weights by name, bare or under one of" in str(caught.value)
