from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from edgekit.quantize.least_casts import FLOAT, HALF, Wire, float_side

FREE = (2, 3, 4, 5)
sides = st.sampled_from((FLOAT, HALF, *FREE))
wires = st.builds(Wire, sides, st.frozensets(sides, min_size=1, max_size=4))


def casts(found, wires):
    """How many wires have a reader on the other side than their producer."""
    wide = {FLOAT, *found}
    return sum(
        any((reader in wide) != (wire.producer in wide) for reader in wire.consumers)
        for wire in wires
    )


@given(st.lists(wires, max_size=10))
def test_no_other_choice_of_the_free_nodes_needs_fewer_casts(wires):
    choices = [
        {node for node, wide in zip(FREE, bits, strict=True) if wide}
        for bits in product((False, True), repeat=len(FREE))
    ]

    found = float_side(wires)

    fewest = min(casts(choice, wires) for choice in choices)
    assert casts(found, wires) == fewest
    cheapest = [choice for choice in choices if casts(choice, wires) == fewest]
    assert len(found) == min(map(len, cheapest))


def test_a_join_of_three_before_a_node_in_float32_stays_in_16_bits():
    join = 2
    read = [Wire(HALF, frozenset({join})) for _ in range(3)]

    assert float_side([*read, Wire(join, frozenset({FLOAT}))]) == set()


def test_a_split_into_three_nodes_in_float32_is_split_in_float32():
    split = 2
    given_out = [Wire(split, frozenset({FLOAT})) for _ in range(3)]

    assert float_side([Wire(HALF, frozenset({split})), *given_out]) == {split}


def test_a_value_is_cast_once_however_many_read_it():
    assert casts(set(), [Wire(HALF, frozenset({FLOAT, 2, 3}))]) == 1
    assert float_side([Wire(HALF, frozenset({FLOAT, 2, 3}))]) == set()
