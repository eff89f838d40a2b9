import numpy as np
import pytest

from edgekit.calibrate.audit import (
    ENOUGH,
    Repeat,
    evaluated_findings,
    image_findings,
    label_findings,
    labels_of,
    outlier_findings,
    overlap_finding,
    repeats,
    repeats_of,
)
from edgekit.calibrate.audit import ImageFacts as Facts
from edgekit.calibrate.coverage import Outlier
from edgekit.values import Category, Dataset, ImageRecord, Truth


def looks(seed):
    return np.random.default_rng(seed).integers(0, 256, (9, 9), np.uint8)


def image(number, **changes):
    usual = {
        "name": f"{number}.jpg",
        "sha256": f"hash-{number}",
        "size_hw": (480, 640),
        "fingerprint": looks(number),
    }
    return Facts(**usual | changes)


def images(count=ENOUGH):
    return [image(number) for number in range(count)]


def kinds(findings):
    return [finding.kind for finding in findings]


def labelled(path, *objects):
    """A record with objects, each a category id and an area."""
    ids, areas = ([o[i] for o in objects] for i in (0, 1))
    truth = Truth(
        np.zeros((len(ids), 4), np.float32),
        np.array(ids, np.int64),
        np.zeros(len(ids), np.bool_),
        np.array(areas, np.float32),
    )
    return ImageRecord(1, path, truth=truth)


def test_images_that_differ_and_are_enough_give_no_finding():
    assert image_findings(images(), 160) == ()


@pytest.mark.parametrize(("count", "found"), [(31, ["few"]), (32, [])])
def test_fewer_than_32_are_few(count, found):
    assert kinds(image_findings(images(count), 160)) == found


def test_an_image_that_cannot_be_read_is_named_with_its_fault_and_does_not_count():
    broken = Facts("broken.jpg", "x", None, faults=("truncated-image",))

    few, unreadable = image_findings([*images(31), broken], 160)

    assert few.sentence.startswith("Only 31 images")
    assert "truncated-image: broken.jpg" in unreadable.sentence
    assert unreadable.images == ("broken.jpg",)


def test_the_same_file_and_the_same_picture_are_told_apart():
    copy = image(100, sha256="hash-3", fingerprint=looks(3))
    saved_again = image(101, fingerprint=looks(4) + (looks(4) < 200))

    exact, near = image_findings([*images(), copy, saved_again], 160)

    assert (exact.kind, exact.images) == ("duplicate", ("100.jpg",))
    assert (near.kind, near.images) == ("near-duplicate", ("101.jpg",))
    assert "101.jpg and 4.jpg" in near.sentence


def test_a_repeat_is_of_the_first_that_showed_it():
    same = [image(n, fingerprint=looks(0)) for n in range(3)]

    assert repeats(same) == (Repeat("1.jpg", "0.jpg", False), Repeat("2.jpg", "0.jpg", False))


def test_images_of_one_set_are_compared_with_the_other_alone():
    twice = [image(n, fingerprint=looks(0)) for n in (7, 8)]

    assert repeats_of(images(3), twice) == (
        Repeat("7.jpg", "0.jpg", False),
        Repeat("8.jpg", "0.jpg", False),
    )
    assert repeats_of([image(50)], twice) == ()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"size_hw": (159, 100)}, "small"),
        ({"grey": True}, "grey"),
        ({"even": True}, "even"),
    ],
)
def test_doubtful_images_are_named_by_kind(changes, kind):
    (finding,) = image_findings([*images(), image(99, **changes)], 160)

    assert (finding.kind, finding.images) == (kind, ("99.jpg",))
    assert "99.jpg" in finding.sentence


def test_an_image_long_enough_on_one_side_is_not_small():
    assert image_findings([*images(), image(99, size_hw=(20, 160))], 160) == ()


def test_only_a_few_names_are_in_a_sentence_and_all_of_them_beside_it():
    (finding,) = image_findings([image(n, grey=True) for n in range(ENOUGH)], 160)

    assert "0.jpg, 1.jpg, 2.jpg and 29 more" in finding.sentence
    assert len(finding.images) == ENOUGH


def test_pictures_that_are_also_evaluated_are_told_unless_their_bytes_are_the_same():
    evaluated = [
        image(100, fingerprint=looks(1)),
        image(101, sha256="hash-2", fingerprint=looks(2)),
    ]

    (finding,) = evaluated_findings(images(), evaluated)

    assert (finding.kind, finding.images) == ("evaluated", ("1.jpg",))
    assert "1.jpg and 100.jpg" in finding.sentence
    assert evaluated_findings(images(), [image(50), Facts("x", "y", None)]) == ()


def test_a_warning_of_overlap_is_a_finding_of_the_same_kind():
    assert overlap_finding("2 images are in both.").kind == "evaluated"


def test_objects_are_counted_by_class_and_by_size_as_coco_divides_them(tmp_path):
    records = (
        labelled(tmp_path, (5, 1023), (5, 1024), (7, 9215)),
        labelled(tmp_path, (5, 9216)),
        labelled(tmp_path),
    )
    categories = (Category(5, "cat"), Category(7, "dog"), Category(9, "cow"), Category(8, "cat"))

    labels = labels_of(Dataset("ours", records, categories))

    assert labels.objects == {"cat": 3, "dog": 1, "cow": 0}
    assert labels.sizes == {"small": 1, "medium": 2, "large": 1}
    assert labels.empty == 1
    (finding,) = label_findings(labels)
    assert "1 of 3 classes are in no image (cow)" in finding.sentence


def test_a_size_that_no_image_shows_is_told(tmp_path):
    labels = labels_of(Dataset("ours", (labelled(tmp_path, (5, 9)),), (Category(5, "cat"),)))

    (finding,) = label_findings(labels)

    assert finding.sentence.startswith("No image has medium or large objects.")


def test_images_without_labels_have_none(tmp_path):
    assert labels_of(Dataset("ours", (ImageRecord(1, tmp_path),))) is None


def test_an_outlier_is_named_with_its_share():
    (finding,) = outlier_findings([Outlier(1, 0.25)], ["a.jpg", "b.jpg"])

    assert (finding.kind, finding.images) == ("outlier", ("b.jpg",))
    assert finding.sentence.startswith("b.jpg alone sets 25 % of all ends of ranges")
