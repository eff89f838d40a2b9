"""Sums of parallel branches over one image, and what they compute by definition."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from tests.networks import network


@dataclass(frozen=True, eq=False)
class ConvTerm:
    """A Conv of the image; ``pads`` as ONNX orders them."""

    weight: np.ndarray
    bias: np.ndarray
    groups: int = 1
    stride: int = 1
    dilation: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def attributes(self) -> str:
        return (
            f"group={self.groups}, strides={[self.stride] * 2}, "
            f"dilations={[self.dilation] * 2}, pads={list(self.pads)}"
        )

    def of(self, x: np.ndarray) -> np.ndarray:
        """The definition, in float64, one tap of the kernel after the other."""
        top, left, bottom, right = self.pads
        padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
        outputs, inputs, *kernel = self.weight.shape
        rows, cols = (
            (size - self.dilation * (k - 1) - 1) // self.stride + 1
            for size, k in zip(padded.shape[2:], kernel, strict=True)
        )
        total = np.zeros((len(x), outputs, rows, cols))
        for out, ch, i, j in product(range(outputs), range(inputs), *map(range, kernel)):
            channel = out // (outputs // self.groups) * inputs + ch
            seen = padded[:, channel, i * self.dilation :, j * self.dilation :]
            seen = seen[:, :: self.stride, :: self.stride][:, :rows, :cols]
            total[:, out] += self.weight[out, ch, i, j].astype(np.float64) * seen
        return total + self.bias.astype(np.float64)[:, None, None]


@dataclass(frozen=True, eq=False)
class NormTerm:
    """A batch normalization of the image."""

    stats: dict[str, np.ndarray]

    def of(self, x: np.ndarray) -> np.ndarray:
        """The definition, in float64."""
        gamma, beta, mean, var = (a.astype(np.float64)[:, None, None] for a in self.stats.values())
        return gamma * (x - mean) / np.sqrt(var + 1e-5) + beta


@dataclass(frozen=True)
class SameTerm:
    """The image as it is."""

    def of(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.float64)


@dataclass
class Sum:
    """A network that adds up ``terms``; nodes are called Conv, Conv_1 ... in order of the terms.

    ``order`` seeds in which order; 'Sum' adds all at once.
    """

    shape: tuple[int, int, int]
    terms: list
    order: int | str = 0
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def graph(self):
        lines = [self._line(n, term) for n, term in enumerate(self.terms)]
        names = ["x" if isinstance(t, SameTerm) else f"t{n}" for n, t in enumerate(self.terms)]
        body = " ".join([*lines, *self._additions(names)])
        size = ",".join(map(str, (1, *self.shape)))
        return network(f"g (float[{size}] x) => (y) {{ {body} }}", **self.weights)

    def of(self, x: np.ndarray) -> np.ndarray:
        return sum(term.of(x) for term in self.terms)

    def _line(self, n: int, term) -> str:
        if isinstance(term, SameTerm):
            return ""
        if isinstance(term, NormTerm):
            self.weights |= {f"{name}{n}": array for name, array in term.stats.items()}
            names = ", ".join(f"{name}{n}" for name in term.stats)
            return f"t{n} = BatchNormalization(x, {names})"
        self.weights |= {f"w{n}": term.weight, f"b{n}": term.bias}
        return f"t{n} = Conv<{term.attributes}>(x, w{n}, b{n})"

    def _additions(self, names: list[str]) -> list[str]:
        if self.order == "Sum":
            return [f"y = Sum({', '.join(names)})"]
        rng, lines = np.random.default_rng(self.order), []
        while len(names) > 1:
            one, two = (names.pop(rng.integers(len(names))) for _ in range(2))
            names.append(f"s{len(names)}" if names else "y")
            lines.append(f"{names[-1]} = Add({one}, {two})")
        return lines


def conv_term(rng, channels: tuple[int, int], kernel: tuple[int, int], **attributes) -> ConvTerm:
    """A Conv with random weights, ``channels`` from and to."""
    inputs, outputs = channels
    weight = rng.normal(size=(outputs, inputs // attributes.get("groups", 1), *kernel))
    bias = rng.normal(size=outputs)
    return ConvTerm(weight.astype(np.float32), bias.astype(np.float32), **attributes)


def centred_term(rng, channels: tuple[int, int], kernel: int, **attributes) -> ConvTerm:
    """A square Conv of odd ``kernel``, padded so that its centre stays where it is."""
    pads = (attributes.get("dilation", 1) * (kernel // 2),) * 4
    return conv_term(rng, channels, (kernel, kernel), pads=pads, **attributes)


def norm_term(rng, channels: int) -> NormTerm:
    """A batch normalization with random statistics."""
    stats = {name: rng.normal(size=channels) for name in ("gamma", "beta", "mean")}
    stats["var"] = rng.uniform(0.1, 2, size=channels)
    return NormTerm({name: array.astype(np.float32) for name, array in stats.items()})
