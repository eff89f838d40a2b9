from __future__ import annotations

from edgekit.measure.fates import FATES
from edgekit.report.loss_tables import MEANING, loss_examples, loss_sentences, loss_tables


def without(diagnosis, **parts):
    return diagnosis.model_copy(update=parts)


def test_every_fate_that_is_measured_has_its_words():
    assert tuple(MEANING) == FATES


def test_the_sentences_tell_what_was_kept_how_the_scale_lies_and_which_threshold_to_use(diagnosis):
    kept, shift, threshold = loss_sentences(diagnosis)

    assert kept == (
        "FP32 makes 10 detections from confidence 0.25 on 112 images: 6 of them (60.0 %) are kept."
    )
    assert shift == (
        "Confidences of the 8 detections that both have differ from FP32's by −0.012 in the median "
        "(95 %: −0.020 to 0.000); half of the differences lie within −0.031 to +0.011."
    )
    assert threshold == (
        "What FP32 keeps at confidence 0.25, this row keeps at 0.231 (95 %: 0.210 to 0.240): "
        "10 detections, against 9 at 0.25."
    )


def test_thresholds_that_cannot_be_told_apart_are_said_to_be_so(diagnosis):
    wide = diagnosis.thresholds[0].model_copy(update={"same_count_ci95": (0.2, 0.26)})

    *_, threshold = loss_sentences(without(diagnosis, thresholds=(wide,)))

    assert threshold.endswith("; the two cannot be told apart on these images, so use 0.25.")


def test_what_is_not_known_is_not_told(diagnosis):
    bare = without(diagnosis, shift=None, thresholds=(), map_lost=None, classes=(), sizes=())

    assert len(loss_sentences(bare)) == 1
    causes, fates = loss_tables(bare)
    assert {row[2] for row in causes.rows} == {"–"}
    assert [row[1] for row in fates.rows] == ["6", "0", "2", "1", "1", "0", "2"]


def test_causes_stand_beside_each_other_for_agreement_and_map(diagnosis):
    causes = loss_tables(diagnosis)[0]

    assert causes.rows[0][1:] == ("2.3 (0.4 to 3.2)", "−0.3 (−1.6 to 0.8)")
    assert [row[0].split(":")[0] for row in causes.rows] == ["confidence", "place", "presence"]
    assert [row[1][:3] for row in causes.rows] == ["2.3", "3.5", "0.1"]


def test_a_threshold_that_is_not_reached_has_no_line(diagnosis):
    table = loss_tables(diagnosis)[2]

    assert [row[0] for row in table.rows] == [
        "FP32",
        "here, unchanged",
        "here, as many detections",
        "here, same recall",
    ]
    assert table.rows[2] == ("here, as many detections", "0.231", "10", "0.690", "0.490")


def test_too_few_objects_are_said_to_be_too_few_and_such_classes_left_out(diagnosis):
    table = loss_tables(diagnosis)[3]

    assert table.title == "By size and class, 2 classes with too few objects left out"
    assert [row[0] for row in table.rows] == ["small", "large", "per|son"]
    assert table.rows[1][-1] == "too few to tell"
    assert table.rows[2] == ("per|son", "187", "51", "62.1", "61.6", "0.5 (−0.7 to 1.6)")


def test_without_labels_the_groups_are_of_agreement(diagnosis):
    table = loss_tables(without(diagnosis, labelled=False))[3]

    assert table.headings[3] == "Agreement, FP32"


def test_an_example_shows_both_sides(diagnosis):
    assert loss_examples(diagnosis) == (
        "street_1.jpg: per|son 0.43 in FP32, per|son 0.12 here, IoU 0.91",
        "street_1.jpg: nothing in FP32, per|son 0.43 here",
    )


def test_the_second_threshold_is_of_the_best_f1(diagnosis):
    twice = without(diagnosis, thresholds=diagnosis.thresholds * 2)

    names = [row[0] for row in loss_tables(twice)[2].rows]

    assert names[::4] == ["FP32", "FP32, best F1"]
