"""The wanted state: a restriction, its validation, its expectations and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .expectations import Expectation, expect
    from .files import dump_restriction, dumps_restriction, load_restriction, loads_restriction, schema
    from .messages import Notice
    from .model import Restriction

__all__ = [
    "Expectation",
    "Notice",
    "Restriction",
    "dump_restriction",
    "dumps_restriction",
    "expect",
    "load_restriction",
    "loads_restriction",
    "schema",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Expectation": ".expectations",
        "Notice": ".messages",
        "Restriction": ".model",
        "dump_restriction": ".files",
        "dumps_restriction": ".files",
        "expect": ".expectations",
        "load_restriction": ".files",
        "loads_restriction": ".files",
        "schema": ".files",
    },
)
