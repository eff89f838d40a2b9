"""Scenes that several tests look at, rendered once."""

from __future__ import annotations

import hashlib

import pytest

from edgekit.scenes.scene import render_scene

SPLITS = ("train", "calib", "search", "eval")


@pytest.fixture(scope="session")
def scenes():
    """The first 50 scenes of each split, by split."""
    return {split: [render_scene(split, i) for i in range(50)] for split in SPLITS}


@pytest.fixture(scope="session")
def every_scene(scenes):
    return [scene for split in SPLITS for scene in scenes[split]]


def digest(scene):
    """A hash of all that a scene is."""
    sha256 = hashlib.sha256(scene.image.tobytes())
    for box in scene.boxes:
        sha256.update(repr((box.left, box.top, box.right, box.bottom)).encode())
    sha256.update(repr((scene.classes, scene.digits)).encode())
    return sha256.hexdigest()
