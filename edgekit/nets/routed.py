"""A network as a list of layers, each of which says which earlier ones it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

Source = int | tuple[int, ...]


class RoutedNetwork(nn.Module):
    """Layers in order; the output of the last one is the network's."""

    def __init__(self, layers: Sequence[nn.Module], sources: Sequence[Source]) -> None:
        """Take for each layer the place of the one it reads, or of several; -1 is the image."""
        super().__init__()
        self.model = nn.ModuleList(layers)
        self.sources = tuple(sources)
        self._last_use = {at: i for i, source in enumerate(sources) for at in _all(source)}

    def forward(self, image: Tensor) -> Tensor:
        """Return decoded predictions of an image ``(N, 3, H, W)`` in 0..1."""
        kept = {-1: image}
        for i, (layer, source) in enumerate(zip(self.model, self.sources, strict=True)):
            read = kept[source] if isinstance(source, int) else [kept[at] for at in source]
            kept[i] = layer(read)
            for at in _all(source):
                if self._last_use[at] == i:
                    kept.pop(at, None)
        return kept[len(self.model) - 1]


def _all(source: Source) -> tuple[int, ...]:
    return (source,) if isinstance(source, int) else source
