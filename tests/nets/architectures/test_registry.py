import pytest

from edgekit.nets.architectures.registry import ARCHITECTURES, ClassCount


@pytest.mark.parametrize(
    ("count", "shape", "expected"),
    [
        (ClassCount("head"), (80,), 80),
        (ClassCount("head", cells=3, besides=5), (255, 128, 1, 1), 80),
        (ClassCount("head", cells=3, besides=5), (256,), None),
        (ClassCount("head", besides=5), (5,), None),
        (ClassCount("other"), (80,), None),
        (ClassCount("head"), (), None),
    ],
)
def test_classes_are_told_from_one_tensor(count, shape, expected):
    assert count.of({"head": shape}) == expected


def test_every_network_is_found_by_its_own_name():
    assert all(name == of.name for name, of in ARCHITECTURES.items())
