"""A network as a list of layers, each of which says which earlier ones it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

Source = int | tuple[int, ...]


class RoutedNetwork(nn.Module):
    """Layers in order; the output of the last one is the network's.

    A layer that nothing on the way to the last one reads is kept, and never run.
    """

    def __init__(self, layers: Sequence[nn.Module], sources: Sequence[Source]) -> None:
        """Take for each layer the place of the one it reads, or of several; -1 is the image."""
        super().__init__()
        self.model = nn.ModuleList(layers)
        self.sources = tuple(sources)
        self._run = needed(sources)
        self._last_use = {at: i for i in self._run for at in _all(self.sources[i])}

    def forward(self, image: Tensor) -> Tensor:
        """Return decoded predictions of an image ``(N, 3, H, W)`` in 0..1."""
        kept = {-1: image}
        for i in self._run:
            source = self.sources[i]
            read = kept[source] if isinstance(source, int) else [kept[at] for at in source]
            kept[i] = self.model[i](read)
            for at in _all(source):
                if self._last_use[at] == i:
                    kept.pop(at, None)
        return kept[len(self.model) - 1]


def needed(sources: Sequence[Source]) -> tuple[int, ...]:
    """Return the places, in order, of the layers that the last one depends on, itself included."""
    found = {len(sources) - 1}
    for place in reversed(range(len(sources))):
        if place in found:
            found.update(at for at in _all(sources[place]) if at >= 0)
    return tuple(sorted(found))


def _all(source: Source) -> tuple[int, ...]:
    return (source,) if isinstance(source, int) else source
