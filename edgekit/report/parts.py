"""What every part of a report is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Interval95 = tuple[float, float]


class Part(BaseModel):
    """Base of every part of a report: frozen; keys of a later edgekit are read over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
