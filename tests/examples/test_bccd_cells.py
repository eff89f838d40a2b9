import numpy as np
import pytest

from examples.bccd.cells import SIDE, Cells, View, load_cells, random_view, report_set, turned
from examples.bccd.train import BATCH, CellBatches, objects_of

RED = np.array([255, 0, 0])


def painted(left, top, right, bottom, kind=2):
    """A black image with one red object."""
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[top:bottom, left:right] = RED
    return pixels, np.array([[kind, left, top, right, bottom]], np.float32)


def red_box(pixels):
    """The edges of what is more red than not."""
    red = (pixels[..., 0] > 127) & (pixels[..., 1] < 50)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.fixture
def cells():
    images, labels = zip(
        painted(300, 200, 380, 260),
        painted(100, 300, 200, 420),
        painted(500, 50, 560, 100),
        strict=True,
    )
    return Cells(images, labels)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_view_has_its_boxes_where_its_pixels_are(quarters, mirrored):
    pixels, labels = painted(20, 40, 120, 90)
    view = View(pixels[:SIDE, :SIDE], labels)

    found = turned(view, quarters=quarters, mirrored=mirrored)

    assert tuple(found.labels[0, 1:]) == red_box(found.pixels)


def test_boxes_of_single_views_are_where_their_pixels_are(cells):
    rng = np.random.default_rng(0)
    boxes = 0
    for at in range(90):
        view = random_view(cells, at % 3, rng, mosaic=False)
        for label in view.labels:
            np.testing.assert_allclose(label[1:], red_box(view.pixels), atol=1.01)
            boxes += 1

    assert boxes > 60


def test_mosaics_show_more_objects_and_none_beyond_their_edges(cells):
    rng = np.random.default_rng(0)
    views = [random_view(cells, 0, rng, mosaic=True) for _ in range(40)]

    labels = np.concatenate([view.labels for view in views])
    assert max(len(view.labels) for view in views) > 1
    assert labels[:, 1:].min() >= 0
    assert labels[:, 1:].max() <= SIDE
    assert {view.pixels.shape for view in views} == {(SIDE, SIDE, 3)}


def test_an_object_of_which_little_is_left_is_none(cells):
    rng = np.random.default_rng(0)

    shown = [random_view(cells, 1, rng, mosaic=False).labels for _ in range(90)]

    least = min((box[3:] - box[1:3]).min() for boxes in shown for box in boxes)
    assert any(len(boxes) == 0 for boxes in shown)
    assert least > 4


def test_an_epoch_has_the_same_batches_whenever_it_is_asked_for(cells):
    batches = CellBatches(cells, 2 * BATCH, epochs=2)

    once, again, other = (list(batches.of(epoch)) for epoch in (0, 0, 1))

    assert len(once) == batches.count == 2
    assert all((a.images == b.images).all() for a, b in zip(once, again, strict=True))
    assert any(
        a.images.shape != b.images.shape or (a.images != b.images).any()
        for a, b in zip(once, other, strict=True)
    )
    assert once[0].images.shape == (BATCH, 3, SIDE, SIDE)
    assert once[0].images.min() >= 0
    assert once[0].images.max() <= 1


def test_labels_are_padded_and_say_so():
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    one = np.array([[1, 10, 20, 30, 40]], np.float32)
    views = [View(pixels, one), View(pixels, np.concatenate([one, one]))]

    objects = objects_of(views)

    assert objects.real.tolist() == [[True, False], [True, True]]
    assert objects.classes.tolist() == [[1, 0], [1, 1]]
    assert objects.xyxy[0].tolist() == [[10, 20, 30, 40], [0, 0, 0, 0]]


def test_images_without_an_object_make_a_batch_too():
    view = View(np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((0, 5), np.float32))

    assert objects_of([view, view]).real.tolist() == [[False], [False]]


@pytest.mark.data
def test_nothing_that_trains_is_in_the_report_set(data_dir):
    folder = data_dir / "bccd" / "BCCD"

    trained, reported = load_cells(folder, "train"), report_set(folder)

    assert len(trained.images) == 205
    assert len(reported.records) == len({record.id for record in reported.records}) == 87 + 72
    names = {line.strip() for line in (folder / "ImageSets/Main/train.txt").read_text().split()}
    assert names.isdisjoint(record.path.stem for record in reported.records)
