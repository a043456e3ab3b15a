"""Guards with a hole, as a person may leave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_forms(guard: Mapping[str, Any]) -> dict[str, Any]:
    """Return a guard that refuses neither POST forms nor requests on the bucket itself."""
    resource = guard["Resource"]
    return {
        **guard,
        "Resource": resource[-1] if isinstance(resource, list) else resource,
        "Condition": {**guard["Condition"], "StringEquals": {"s3:authType": "REST-QUERY-STRING"}},
    }
