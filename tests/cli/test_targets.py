import json

from edgekit.config.recipe import list_recipes


def test_every_recipe_is_listed(edgekit):
    rows = json.loads(edgekit("targets", "--json").stdout)

    assert [r["target"] for r in rows] == list(list_recipes())
    assert {r["precision"] for r in rows} == {"fp32", "fp16", "int8"}


def test_the_table_says_the_same(edgekit):
    ended = edgekit("targets")

    assert (ended.code, ended.stderr) == (0, "")
    assert all(name in ended.stdout for name in list_recipes())
