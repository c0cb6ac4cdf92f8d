"""Base of what comes in over HTTP."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


def _no_nul(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("a text holds a NUL character: remove it")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _no_nul(key)
            _no_nul(inner)
    elif isinstance(value, list):
        for inner in value:
            _no_nul(inner)


class Body(BaseModel):
    """Base of request bodies: a field that is not known is refused, so that a typing error shows."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        _no_nul(value)
        return value
