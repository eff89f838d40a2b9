import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edgekit.config.recipe import Fp16, Fp32, Gates, Int8, Recipe, find_recipe
from edgekit.errors import ConfigError

OWN = {
    "version": 1,
    "summary": "Ours.",
    "device": "host",
    "backend": "onnxruntime",
    "precision": {"kind": "int8", "observer": "minmax"},
    "gates": {"map_drop_points_max": 0.5},
}


@pytest.fixture
def write(tmp_path):
    def write(name="own.yaml", **changes):
        content = {key: value for key, value in (OWN | changes).items() if value is not None}
        (tmp_path / name).write_text(yaml.safe_dump(content))
        return str(tmp_path / name)

    return write


def test_the_int8_recipe_leaves_the_rest_to_defaults():
    recipe = find_recipe("ort-cpu-int8")

    assert recipe.precision == Int8(kind="int8")
    assert recipe.precision.calibration.count == 64
    assert recipe.precision.weight_rule == "auto"
    assert recipe.gates == Gates()


def test_the_recipe_in_16_bits_runs_on_a_gpu():
    recipe = find_recipe("ort-cuda-fp16")

    assert recipe.precision == Fp16(kind="fp16")
    assert (recipe.provider, recipe.device) == ("cuda", "generic-nvidia-gpu")
    assert find_recipe("ort-cpu-int8").provider == "cpu"


def test_a_recipe_of_ones_own_is_read_from_its_path(write):
    recipe = find_recipe(write())

    assert recipe.precision.observer == "minmax"
    assert recipe.gates.map_drop_points_max == 0.5


def test_what_a_recipe_leaves_out_comes_from_the_one_it_extends(write):
    path = write(extends="ort-cpu-fp32", precision=None, device=None, backend=None)

    recipe = find_recipe(path)

    assert recipe.precision == Fp32(kind="fp32")
    assert (recipe.summary, recipe.device) == ("Ours.", "host")


def test_a_recipe_extends_one_level_only(write):
    parent = write("parent.yaml", extends="ort-cpu-fp32")

    with pytest.raises(ConfigError, match=r"key 'extends'.*which extends 'ort-cpu-fp32'"):
        find_recipe(write(extends=parent))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "key 'version': .*1, found 2"),
        ({"device": None}, "key 'device': field required"),
        ({"devise": "host"}, "key 'devise': extra"),
        ({"precision": {"kind": "int4"}}, "key 'precision': .*'fp32', 'fp16', 'int8'"),
        ({"precision": {"kind": "fp32", "observer": "mse"}}, r"precision\.fp32\.observer': extra"),
        (
            {"precision": {"kind": "int8", "observer": "best"}},
            "observer': .*'damage', found 'best'",
        ),
        ({"gates": {"p90_ms_max": -1}}, r"gates\.p90_ms_max': .*greater than 0, found -1"),
    ],
)
def test_a_key_that_does_not_fit_is_named_with_what_was_expected_and_found(write, changes, message):
    with pytest.raises(ConfigError, match=rf"(?s)own\.yaml does not fit.*{message}"):
        find_recipe(write(**changes))


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValidationError):
        find_recipe("ort-cpu-fp32").device = "other"


@given(
    observer=st.sampled_from(["minmax", "moving-average", "percentile", "mse"]),
    rule=st.sampled_from(["auto", "full", "paired", "narrow"]),
    keep_float=st.lists(st.text(max_size=5), max_size=3),
    drop=st.none() | st.floats(0, 100),
)
def test_a_recipe_survives_yaml(observer, rule, keep_float, drop):
    precision = Int8(kind="int8", observer=observer, weight_rule=rule, keep_float=tuple(keep_float))
    recipe = Recipe.model_validate(
        OWN | {"precision": precision, "gates": {"map_drop_points_max": drop}}
    )

    text = yaml.safe_dump(recipe.model_dump(mode="json"))

    assert Recipe.model_validate(yaml.safe_load(text)) == recipe


def test_an_opset_older_than_quantization_per_channel_is_refused(write):
    assert find_recipe(write(opset=17)).opset == 17
    with pytest.raises(ConfigError, match="opset"):
        find_recipe(write(opset=12))
