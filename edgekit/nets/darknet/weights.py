"""The numbers of a Darknet weights file, dealt out to layers in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from edgekit.nets.darknet.layers import LocalConv


class DarknetWeights:
    """What is left of the numbers; each layer takes its own."""

    def __init__(
        self, numbers: NDArray[np.float32], where: str, *, transposed: bool = False
    ) -> None:
        """Take all numbers behind the file's header, and where they go, for messages.

        ``transposed`` says that the matrices of connected layers stand with inputs first.
        """
        self._numbers = numbers
        self._where = where
        self._transposed = transposed
        self._next = 0

    def fill(self, conv: nn.Conv2d, bn: nn.BatchNorm2d | None) -> None:
        """Give ``conv`` and the normalization behind it their numbers.

        They come as: bias (that of the normalization where there is one), then its factors, means
        and variances, then the kernel.

        Raises:
            ModelError: There are not enough left, or one is not finite.
        """
        if bn is None:
            tensors = {"bias": self._take((conv.out_channels,))}
        else:
            names = ("bias", "weight", "running_mean", "running_var")
            state = {name: self._take((bn.num_features,)) for name in names}
            state["num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
            bn.load_state_dict(state, assign=True)
            tensors = {}
        tensors["weight"] = self._take(tuple(conv.weight.shape))
        conv.load_state_dict(tensors, assign=True)

    def fill_connected(self, linear: nn.Linear) -> None:
        """Give ``linear`` its bias, then its matrix.

        Raises:
            ModelError: There are not enough left, or one is not finite.
        """
        bias, shape = self._take((linear.out_features,)), tuple(linear.weight.shape)
        weight = self._take(shape[::-1]).T.contiguous() if self._transposed else self._take(shape)
        linear.load_state_dict({"bias": bias, "weight": weight}, assign=True)

    def fill_local(self, local: LocalConv) -> None:
        """Give ``local`` its biases, then its kernels, place by place.

        Raises:
            ModelError: There are not enough left, or one is not finite.
        """
        names = ("bias", "weight")
        tensors = {name: self._take(tuple(getattr(local, name).shape)) for name in names}
        local.load_state_dict(tensors, assign=True)

    def finish(self) -> None:
        """Hold that nothing is left.

        Raises:
            ModelError: There are numbers that no layer took.
        """
        if self._next != self._numbers.size:
            raise self._wrong(f"{self._next} numbers in the weights file")

    def _take(self, shape: tuple[int, ...]) -> Tensor:
        start, self._next = self._next, self._next + int(np.prod(shape))
        if self._next > self._numbers.size:
            raise self._wrong(f"at least {self._next} numbers in the weights file")
        part = self._numbers[start : self._next]
        if not np.isfinite(part).all():
            raise self._wrong(f"finite numbers at {start} and after", "NaN or infinity")
        return torch.from_numpy(np.array(part.reshape(shape)))

    def _wrong(self, expected: str, found: str | None = None) -> ModelError:
        return ModelError(
            f"{self._where}: expected {expected}, found {found or self._numbers.size}. Take the "
            "weights that belong to this configuration."
        )
