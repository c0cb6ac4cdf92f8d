"""JSON values on their way into a statement."""

from typing import Any

import orjson


def to_text(value: Any) -> str:
    """JSON text for a parameter that the statement casts to jsonb."""
    return orjson.dumps(value, default=str).decode()
