"""``edgekit targets``."""

from __future__ import annotations

import typer

from edgekit.cli.flags import Json


def targets(json: Json = False) -> None:
    """List what --target takes."""
    from edgekit.cli.tables import show
    from edgekit.config.recipe import find_recipe, list_recipes

    recipes = {name: find_recipe(name) for name in list_recipes()}
    rows = [
        {
            "target": name,
            "device": recipe.device,
            "backend": recipe.backend,
            "precision": recipe.precision.kind,
            "summary": recipe.summary,
        }
        for name, recipe in recipes.items()
    ]
    typer.echo(show(rows, as_json=json), nl=False)
