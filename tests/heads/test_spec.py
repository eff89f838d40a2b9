from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgekit.heads.spec import NmsOptions, outputs_of, spec_from_json
from tests.heads.heads import HEADS, anchors_head, decoded_head


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_head_survives_json(head):
    assert spec_from_json(head.model_dump_json()) == head


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "cone"}',
        '{"kind": "decoded"}',
        decoded_head().model_dump_json()[:-1] + ', "x": 1}',
    ],
)
def test_an_unknown_kind_a_missing_key_and_a_strange_key_are_errors(text):
    with pytest.raises(ValidationError):
        spec_from_json(text)


def test_a_head_and_its_options_cannot_be_changed():
    with pytest.raises(ValidationError):
        anchors_head().classes = 5
    with pytest.raises(ValidationError):
        NmsOptions().iou = 0.1


def test_outputs_of_names_each_output_once():
    assert outputs_of(anchors_head()) == {"out"}
