from dataclasses import replace

import numpy as np
import pytest

from edgekit.images import overlap
from edgekit.images.overlap import dataset_sha256, file_sha256, shared_images
from edgekit.values import Category, Dataset, ImageRecord, Truth


@pytest.fixture
def dataset(tmp_path):
    def make(folder, *contents):
        (tmp_path / folder).mkdir()
        paths = [tmp_path / folder / f"{i}.jpg" for i in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return Dataset(folder, tuple(ImageRecord(i, path) for i, path in enumerate(paths)))

    return make


def test_the_same_image_under_another_name_is_shared(dataset):
    first, second = dataset("a", b"one", b"two"), dataset("b", b"six", b"longer", b"one")

    pairs = shared_images(first, second)

    assert [(a.path.name, b.path.name) for a, b in pairs] == [("0.jpg", "2.jpg")]


def test_sets_of_other_images_share_none(dataset):
    assert shared_images(dataset("a", b"one"), dataset("b", b"two")) == ()


def test_the_hash_follows_content_and_labels_not_names(dataset):
    first, renamed = dataset("a", b"one", b"two"), dataset("b", b"one", b"two")
    other = dataset("c", b"one", b"six")
    truth = Truth(np.zeros((1, 4), np.float32), np.array([1]), np.array([False]), np.ones(1, "f4"))
    labelled = replace(first, records=tuple(replace(r, truth=truth) for r in first.records))
    named = replace(first, categories=(Category(1, "cat"),))

    hashes = [dataset_sha256(d) for d in (first, renamed, other, labelled, named)]

    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


def test_a_file_hash_is_the_sha256_of_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")

    assert file_sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    )


def test_no_file_is_read_twice_however_many_have_its_size(dataset, monkeypatch):
    first, second = dataset("a", b"one", b"two", b"ten"), dataset("b", b"six", b"two", b"one")
    read = []
    monkeypatch.setattr(
        overlap, "file_sha256", lambda path: (read.append(path), path.read_bytes())[1]
    )

    pairs = shared_images(first, second)

    assert [(a.path.name, b.path.name) for a, b in pairs] == [
        ("1.jpg", "1.jpg"),
        ("0.jpg", "2.jpg"),
    ]
    assert len(read) == len(set(read)) == 6
