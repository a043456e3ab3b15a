"""The wanted state: a restriction, its validation, its expectations and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .expectations import expect as expect
    from .files import (
        dump_restriction as dump_restriction,
        dumps_restriction as dumps_restriction,
        load_restriction as load_restriction,
        schema as schema,
    )
    from .messages import Notice as Notice
    from .model import Restriction as Restriction


__all__, __getattr__, __dir__ = attach(__name__)
