"""The block of MobileOne, as it is trained and as it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator


class MobileOneBlock(nn.Module):
    """Branches side by side on one input, several of them alike, their outputs added.

    Source:
        Vasu et al., "MobileOne: An Improved One Millisecond Mobile Backbone" (CVPR 2023),
        section 3.2.
    """

    def __init__(self, activation: nn.Module, se: nn.Module, **branches: nn.Module) -> None:
        """Take the ``branches`` under their package's names; a list of modules is as many."""
        super().__init__()
        self.activation = activation
        self.se = se
        self.names = tuple(branches)
        for name, branch in branches.items():
            self.add_module(name, branch)

    def branches(self) -> Iterator[nn.Module]:
        """Yield every branch, those of a list one by one."""
        for name in self.names:
            found = self.get_submodule(name)
            yield from found if isinstance(found, nn.ModuleList) else (found,)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated sum."""
        first, *others = (branch(x) for branch in self.branches())
        activated: Tensor = self.activation(self.se(sum(others, start=first)))
        return activated
