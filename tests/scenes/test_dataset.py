import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import edgekit.scenes.dataset as module
from edgekit.errors import ConfigError, MissingExtraError
from edgekit.images.coco import open_coco
from edgekit.images.overlap import dataset_sha256, shared_images
from edgekit.images.read import read_image
from edgekit.scenes.dataset import SceneRequest, rendered_dataset, write_scenes
from edgekit.scenes.scene import render_scene
from edgekit.scenes.sources import sources
from tests.scenes.absent import make_absent

FEW = SceneRequest("eval", 3)
FOLDER = "scenes-1-eval-3-0"


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def truths(dataset):
    return [(r.truth.xyxy.tolist(), r.truth.categories.tolist()) for r in dataset.records]


@pytest.fixture
def rendered(monkeypatch):
    """Which scenes were rendered, in order."""
    drawn = []

    def counted(split, index, seed):
        drawn.append((split, index, seed))
        return render_scene(split, index, seed)

    monkeypatch.setattr(module, "render_scene", counted)
    return drawn


@pytest.fixture
def interrupted(monkeypatch):
    """Let the third scene never be finished."""

    def stopped(split, index, seed):
        if index == 2:
            raise KeyboardInterrupt
        return render_scene(split, index, seed)

    monkeypatch.setattr(module, "render_scene", stopped)


def test_a_request_is_frozen_and_asks_for_something():
    with pytest.raises(FrozenInstanceError):
        FEW.count = 4
    with pytest.raises(ConfigError, match="'calib': expected a count of 1 or more, found 0"):
        SceneRequest("calib", 0)


def test_what_is_written_opens_as_the_scenes_that_were_drawn(tmp_path):
    path = write_scenes(SceneRequest("eval", 8), tmp_path / "a" / "scenes")

    dataset = open_coco(path)

    assert path == tmp_path / "a" / "scenes" / "instances.json"
    assert [r.path.name for r in dataset.records] == [f"{i:06}.bmp" for i in range(8)]
    assert [(c.id, c.name) for c in dataset.categories] == [(i, str(i)) for i in range(10)]
    assert set(dataset.faults) <= {"image-without-objects"}
    for index, record in enumerate(dataset.records):
        scene, read = render_scene("eval", index), read_image(record)
        expected = [(b.left, b.top, b.right, b.bottom) for b in scene.boxes]
        np.testing.assert_array_equal(read.pixels_rgb, scene.image)
        assert read.faults == ()
        assert record.truth.xyxy.tolist() == np.reshape(expected, (-1, 4)).tolist()
        assert record.truth.categories.tolist() == list(scene.classes)
        assert record.truth.area.tolist() == [box.area for box in scene.boxes]
        assert not record.truth.crowd.any()


def test_annotations_are_numbered_from_one(tmp_path):
    content = json.loads(write_scenes(FEW, tmp_path / "scenes").read_bytes())

    count = sum(len(render_scene("eval", i).boxes) for i in range(3))
    assert [a["id"] for a in content["annotations"]] == list(range(1, count + 1))


def test_scenes_are_written_to_the_same_bytes_each_time(tmp_path):
    for name in "ab":
        write_scenes(FEW, tmp_path / name)

    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(contents(tmp_path / "a")) == 4


def test_progress_is_told_scene_by_scene(tmp_path):
    told = []

    write_scenes(FEW, tmp_path / "scenes", lambda *step: told.append(step))

    assert told == [("render scenes", done, 3) for done in (1, 2, 3)]


def test_a_folder_that_could_not_be_finished_is_not_there(tmp_path, interrupted):
    with pytest.raises(KeyboardInterrupt):
        write_scenes(FEW, tmp_path / "scenes")

    assert list(tmp_path.iterdir()) == []


def test_scenes_that_could_not_be_replaced_stay_whole(tmp_path, interrupted):
    write_scenes(SceneRequest("eval", 2), tmp_path / "scenes")
    before = contents(tmp_path / "scenes")

    with pytest.raises(KeyboardInterrupt):
        write_scenes(FEW, tmp_path / "scenes")

    assert contents(tmp_path / "scenes") == before
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]


def test_other_scenes_are_replaced_and_the_same_ones_kept(tmp_path, rendered):
    write_scenes(SceneRequest("calib", 4), tmp_path / "scenes")
    write_scenes(FEW, tmp_path / "scenes")
    write_scenes(FEW, tmp_path / "scenes")

    assert [split for split, *_ in rendered] == ["calib"] * 4 + ["eval"] * 3
    assert len(contents(tmp_path / "scenes")) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "scenes").mkdir()

    assert write_scenes(FEW, tmp_path / "scenes").is_file()


def put_file(folder):
    folder.write_text("mine")


def put_notes(folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")


def put_images(folder):
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "000000.bmp").write_text("mine")


def put_other_dataset(folder):
    put_images(folder)
    (folder / "instances.json").write_text('{"info": {"sha256": "0"}, "images": []}')


def put_image_among_ours(folder):
    write_scenes(SceneRequest("eval", 1), folder)
    (folder / "images" / "mine.png").write_text("mine")


def change_ours(folder):
    path = write_scenes(SceneRequest("eval", 1), folder)
    path.write_text(path.read_text().replace('"iscrowd": 0', '"iscrowd": 1'))


@pytest.mark.parametrize(
    ("put", "found"),
    [
        (put_file, "found a file"),
        (put_notes, "notes.txt"),
        (put_images, "images"),
        (put_other_dataset, "images"),
        (put_image_among_ours, "images/mine.png"),
        (change_ours, "images"),
    ],
)
def test_a_folder_with_anything_else_in_it_is_refused_untouched(tmp_path, put, found):
    put(tmp_path / "scenes")
    before = contents(tmp_path)

    with pytest.raises(ConfigError, match=rf"scenes: expected.*{found}.*Choose another folder"):
        write_scenes(FEW, tmp_path / "scenes")

    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_an_error_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"Cannot write .*scenes: Not a directory\. Choose"):
        write_scenes(FEW, tmp_path / "file" / "scenes")
    with pytest.raises(ConfigError, match=r"Cannot write .*Not a directory\. Set EDGEKIT_CACHE"):
        rendered_dataset(FEW, tmp_path / "file")


def test_scenes_another_process_put_there_meanwhile_are_as_good(tmp_path):
    def meanwhile(stage, done, total):
        if done == total:
            write_scenes(FEW, tmp_path / "scenes")

    path = write_scenes(FEW, tmp_path / "scenes", meanwhile)

    assert len(open_coco(path).records) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]


def test_a_folder_that_appears_at_the_last_moment_is_taken_when_it_is_whole(tmp_path, monkeypatch):
    write_scenes(FEW, tmp_path / "other")
    place = module._put_in_place

    def too_late(work, folder):
        (tmp_path / "other").rename(folder)
        monkeypatch.setattr(type(folder), "exists", lambda path: False)
        try:
            place(work, folder)
        finally:
            monkeypatch.undo()

    monkeypatch.setattr(module, "_put_in_place", too_late)

    assert len(open_coco(write_scenes(FEW, tmp_path / "scenes")).records) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["scenes"]


def test_scenes_are_rendered_once_and_then_only_opened(tmp_path, rendered):
    first, second = rendered_dataset(FEW, tmp_path), rendered_dataset(FEW, tmp_path)

    assert rendered == [("eval", 0, 0), ("eval", 1, 0), ("eval", 2, 0)]
    assert first.labelled
    assert truths(first) == truths(second)
    assert dataset_sha256(first) == dataset_sha256(second)


def test_every_request_and_every_version_has_a_folder_of_its_own(tmp_path, monkeypatch, rendered):
    requests = [FEW, SceneRequest("calib", 3), SceneRequest("eval", 2), SceneRequest("eval", 3, 9)]

    hashes = {dataset_sha256(rendered_dataset(request, tmp_path)) for request in requests}
    monkeypatch.setattr(module, "RENDERER", module.RENDERER + 1)
    rendered_dataset(FEW, tmp_path)

    assert len(hashes) == 4
    assert len(list(tmp_path.iterdir())) == 5
    assert len(rendered) == 3 + 3 + 2 + 3 + 3


def test_a_smaller_count_is_the_beginning_of_a_larger_one(tmp_path):
    two = rendered_dataset(SceneRequest("eval", 2), tmp_path)
    three = rendered_dataset(FEW, tmp_path)

    assert [a.id for a, _ in shared_images(two, three)] == [0, 1]
    assert truths(two) == truths(three)[:2]


def test_no_scene_is_in_two_splits(tmp_path):
    calib, scored = (rendered_dataset(SceneRequest(s, 5), tmp_path) for s in ("calib", "eval"))

    assert shared_images(calib, scored) == ()


def cut_image(folder):
    path = folder / "images" / "000001.bmp"
    path.write_bytes(path.read_bytes()[:1000])


def change_pixel(folder):
    path = folder / "images" / "000002.bmp"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


def remove_image(folder):
    (folder / "images" / "000000.bmp").unlink()


def remove_json(folder):
    (folder / "instances.json").unlink()


def cut_json(folder):
    path = folder / "instances.json"
    path.write_bytes(path.read_bytes()[:-200])


def change_box(folder):
    path = folder / "instances.json"
    content = json.loads(path.read_bytes())
    content["annotations"][0]["bbox"][0] += 1
    path.write_text(json.dumps(content))


def other_json(folder):
    (folder / "instances.json").write_text("[1, 2]")


@pytest.mark.parametrize(
    "damage",
    [cut_image, change_pixel, remove_image, remove_json, cut_json, change_box, other_json],
)
def test_a_damaged_cache_is_rendered_again(tmp_path, damage):
    rendered_dataset(FEW, tmp_path)
    before = contents(tmp_path)
    damage(tmp_path / FOLDER)

    dataset = rendered_dataset(FEW, tmp_path)

    assert len(dataset.records) == 3
    assert contents(tmp_path) == before


def test_a_cache_that_was_left_half_rendered_is_finished(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "to_bmp", interrupt_after(2))
        with pytest.raises(KeyboardInterrupt):
            rendered_dataset(FEW, tmp_path)

    assert sorted(contents(tmp_path / FOLDER)) == ["images/000000.bmp", "images/000001.bmp"]
    assert len(rendered_dataset(FEW, tmp_path).records) == 3


def interrupt_after(count):
    calls = iter(range(count))

    def stopped(pixels_rgb):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return to_bmp(pixels_rgb)

    to_bmp = module.to_bmp
    return stopped


def test_images_stay_readable_while_a_damaged_cache_is_rendered_again(tmp_path, monkeypatch):
    early = rendered_dataset(FEW, tmp_path)
    change_pixel(tmp_path / FOLDER)
    seen = []

    def looked(split, index, seed):
        seen.append([read_image(record).faults for record in early.records])
        return render_scene(split, index, seed)

    monkeypatch.setattr(module, "render_scene", looked)
    rendered_dataset(FEW, tmp_path)

    assert seen == [[(), (), ()]] * 3


def hash_of_rendered(cache):
    return dataset_sha256(rendered_dataset(FEW, cache))


def test_processes_that_render_at_once_all_get_the_scenes(tmp_path):
    # A fork of a process with threads may hang; a fresh one is what two commands are, too.
    fresh = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(2, mp_context=fresh) as pool:
        hashes = list(pool.map(hash_of_rendered, [tmp_path] * 4))

    assert set(hashes) == {hash_of_rendered(tmp_path / "other")}
    assert len(contents(tmp_path / FOLDER)) == 4


@pytest.mark.parametrize("package", ["sklearn", "PIL"])
def test_scenes_need_the_extra_only_until_they_are_rendered(tmp_path, monkeypatch, package):
    rendered_dataset(FEW, tmp_path)
    make_absent(monkeypatch, package)
    sources.cache_clear()

    assert len(rendered_dataset(FEW, tmp_path).records) == 3
    with pytest.raises(MissingExtraError, match=r"edgekit\[demo\]"):
        rendered_dataset(SceneRequest("eval", 4), tmp_path)
    with pytest.raises(MissingExtraError, match=r"edgekit\[demo\]"):
        write_scenes(FEW, tmp_path / "scenes")
    assert [p.name for p in tmp_path.iterdir()] == [FOLDER]
