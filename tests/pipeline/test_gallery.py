import numpy as np

from edgekit.measure.accuracy import Detections
from edgekit.pipeline.gallery import gallery_of
from edgekit.pipeline.rows import Scores
from edgekit.values import Boxes


def found(name, scores_by_image):
    boxes = {
        image: Boxes(
            np.tile(np.array([[1, 1, 9, 9]], np.float32), (len(scores), 1)),
            np.array(scores, np.float32),
            np.zeros(len(scores), np.int64),
        )
        for image, scores in scores_by_image.items()
    }
    return Scores(Detections(name, boxes), None, None, None)


def pair(before, after):
    return {"fp32": found("fp32", before), "int8": found("int8", after)}


def test_without_an_int8_row_there_is_nothing_to_compare(scored):
    assert gallery_of(scored, {"fp32": found("fp32", {})}, (), "int8") is None
    assert gallery_of(None, {}, (), "int8") is None


def test_the_images_that_changed_most_come_first_and_the_calmest_last(scored):
    ids = [r.id for r in scored.records]
    before = {image: [0.9] for image in ids}
    after = {image: [0.9 - 0.05 * rank] for rank, image in enumerate(ids)}

    gallery = gallery_of(scored, pair(before, after), ("disc",), "int8")

    names = [r.path.name for r in scored.records]
    assert [p.name for p in gallery.pictures] == [*names[:-5:-1], names[1], names[0]]
    assert gallery.chosen.startswith("The 4 images")
    assert gallery.class_names == ("disc",)


def test_only_what_a_row_is_sure_of_is_drawn(scored):
    first, second, third = (r.id for r in scored.records[:3])
    before = {first: [0.8, 0.2], second: [0.1], third: []}
    after = {first: [0.26], second: [0.24], third: []}

    gallery = gallery_of(scored, pair(before, after), (), "int8")

    assert [p.name for p in gallery.pictures] == [scored.records[0].path.name]
    assert len(gallery.pictures[0].before) == len(gallery.pictures[0].after) == 1
    assert gallery.chosen.startswith("All images in which")


def test_an_image_that_only_int8_sees_something_in_is_shown(scored):
    image = scored.records[0].id

    gallery = gallery_of(scored, pair({image: []}, {image: [0.7]}), (), "int8")

    assert len(gallery.pictures) == 1
