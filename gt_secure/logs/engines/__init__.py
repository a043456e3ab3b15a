"""Engines that run a question over logs; those outside of this kernel are loaded when one of them is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import attach

if TYPE_CHECKING:
    from .remote import count_elsewhere, read_elsewhere

__all__ = ["count_elsewhere", "read_elsewhere"]

__getattr__, __dir__ = attach(__name__, {"count_elsewhere": ".remote", "read_elsewhere": ".remote"})
