"""The wanted state: a restriction, its validation, its expectations and its files."""

from __future__ import annotations

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
