"""What every YAML file edgekit reads has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """Base of every schema: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
