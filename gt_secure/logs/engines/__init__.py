"""Engines that run a question over logs; those outside of this kernel are loaded when one of them is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import attach

if TYPE_CHECKING:
    from .remote import count_elsewhere as count_elsewhere, read_elsewhere as read_elsewhere


__all__, __getattr__, __dir__ = attach(__name__)
