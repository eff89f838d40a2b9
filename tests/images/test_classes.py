import pytest

from edgekit.errors import DataError
from edgekit.images.classes import UNMATCHED, match_classes
from edgekit.values import Category

ANIMALS = (Category(7, "dog"), Category(3, "cat"), Category(9, "polar bear"))


def test_names_match_whatever_their_order_case_and_spacing():
    assert match_classes(("Dog", "polar_bear", "CAT"), ANIMALS, 3) == (7, 9, 3)


def test_without_names_classes_match_by_rank_of_category_id():
    assert match_classes((), ANIMALS, 3) == (3, 7, 9)


@pytest.mark.parametrize("names", [("0", "1", "2"), ("class_0", "class_1", "class_2")])
def test_numbered_names_match_by_rank(names):
    assert match_classes(names, ANIMALS, 3) == (3, 7, 9)


def test_unnamed_categories_match_by_rank():
    numbered = tuple(Category(i, str(i)) for i in range(3))

    assert match_classes(("cat", "dog", "bear"), numbered, 3) == (0, 1, 2)


def test_a_name_spelled_otherwise_matches_by_rank_while_the_others_agree():
    assert match_classes(("cat", "dog", "white bear"), ANIMALS, 3) == (3, 7, 9)


def test_a_class_the_labels_do_not_have_is_unmatched():
    assert match_classes(("cat", "zebra", "dog", "gnu"), ANIMALS, 4) == (3, UNMATCHED, 7, UNMATCHED)


def test_an_unused_extra_category_does_no_harm_when_there_are_names():
    categories = (Category(0, "animals"), *ANIMALS)

    assert match_classes(("cat", "dog", "polar bear"), categories, 3) == (3, 7, 9)


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_classes_that_cannot_match_are_an_error_with_both_counts(names):
    with pytest.raises(DataError, match=r"expected 2 categories .*found 3 .cat, dog, polar bear"):
        match_classes(names, ANIMALS, 2)


def test_as_many_classes_of_other_names_are_an_error():
    with pytest.raises(DataError, match="Cannot match"):
        match_classes(("apple", "pear", "plum"), ANIMALS, 3)


def test_names_that_are_not_one_per_class_are_an_error():
    with pytest.raises(DataError, match="has 80 classes but names 3"):
        match_classes(("cat", "dog", "polar bear"), ANIMALS, 80)
