"""What a report holds of a speed that nobody measured."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from edgekit.report.parts import Fraction, Part, Positive


class Estimated(Part):
    """Milliseconds per image that a model of the device expects of inference.

    Attributes:
        ms: Letterboxed image to the network's outputs, one image at a time.
        low_ms: With ``high_ms``, within which 80 % of published times of such processors lie.
        bound: What most of its layers' time waits for.
        compute_share: Part of the time that waits for arithmetic,
        memory_share: for memory,
        overhead_share: and what layers cost besides.
        basis: What the estimate stands on, in one sentence.
    """

    ms: Positive
    low_ms: Positive
    high_ms: Positive
    bound: Literal["compute", "memory"]
    compute_share: Fraction
    memory_share: Fraction
    overhead_share: Fraction
    basis: str

    @model_validator(mode="after")
    def _lies_within_its_interval(self) -> Self:
        if not self.low_ms <= self.ms <= self.high_ms:
            raise ValueError(f"expected {self.ms} ms in {self.low_ms} to {self.high_ms}")
        return self
