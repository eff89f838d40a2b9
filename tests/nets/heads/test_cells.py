import torch

from edgekit.nets.heads.cells import cells_xy, centres_xy, strides_of


def test_cells_are_columns_and_rows():
    cells = cells_xy(2, 3, torch.zeros(1))

    assert cells.shape == (2, 3, 2)
    assert cells[1, 2].tolist() == [2, 1]


def test_cells_follow_the_type_of_the_map():
    assert cells_xy(2, 2, torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


def test_centres_and_strides_of_all_maps_line_up():
    maps = [torch.zeros(1, 5, 2, 3), torch.zeros(1, 5, 1, 2)]

    centres, strides = centres_xy(maps), strides_of(maps, (8.0, 16.0))

    assert (centres * strides).transpose(0, 1).tolist() == [
        *([4 + 8 * x, 4 + 8 * y] for y in range(2) for x in range(3)),
        [8, 8],
        [24, 8],
    ]
