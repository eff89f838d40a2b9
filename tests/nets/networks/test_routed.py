import torch
from torch import nn

from edgekit.nets.networks.routed import RoutedNetwork, needed


class Add(nn.Module):
    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x):
        return x + self.amount


class Join(nn.Module):
    def forward(self, maps):
        return torch.stack(maps)


def test_each_layer_reads_what_it_names():
    network = RoutedNetwork([Add(1), Add(10), Add(100), Join()], [-1, 0, 0, (2, 1, -1)])

    assert network(torch.zeros(())).tolist() == [101, 11, 0]


def test_one_named_in_a_list_still_comes_as_a_list():
    network = RoutedNetwork([Add(1), Join()], [-1, (0,)])

    assert network(torch.zeros(())).tolist() == [1]


def test_a_map_read_twice_by_one_layer_is_there_twice():
    network = RoutedNetwork([Add(1), Join()], [-1, (0, 0)])

    assert network(torch.zeros(())).tolist() == [1, 1]


def test_keys_are_numbered_under_model():
    network = RoutedNetwork([nn.Conv2d(1, 1, 1, bias=False)], [-1])

    assert list(network.state_dict()) == ["model.0.weight"]


class Refuse(nn.Module):
    def forward(self, x):
        raise AssertionError


def test_a_layer_nobody_reads_is_kept_and_never_run():
    layers = [Add(1), Refuse(), Refuse(), Add(10)]
    network = RoutedNetwork(layers, [-1, 0, (0, 1), 0])

    assert network(torch.zeros(())).item() == 11
    assert len(network.model) == 4


def test_what_the_last_layer_depends_on_is_found_through_lists():
    assert needed([-1, 0, 0, (1, -1), 2, (3, 0)]) == (0, 1, 3, 5)
