import json

from edgekit.cli.tables import show

ROWS = [{"name": "a", "value": 1}, {"name": "longer", "value": None}]


def test_rows_are_aligned_and_what_is_not_known_is_a_dash():
    assert [line.split() for line in show(ROWS, as_json=False).splitlines()] == [
        ["name", "value"],
        ["a", "1"],
        ["longer", "-"],
    ]


def test_json_keeps_every_value():
    assert json.loads(show(ROWS, as_json=True)) == ROWS


def test_no_rows_are_an_empty_list():
    assert json.loads(show([], as_json=True)) == []
    assert show([], as_json=False).strip() == ""


def test_brackets_are_text_and_not_markup():
    text = show([{"path": "runs/[red]model[/red].onnx"}], as_json=False)

    assert "runs/[red]model[/red].onnx" in text
