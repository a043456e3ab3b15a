"""Explanation of a refusal: S3's answer beside the policies that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import attach

if TYPE_CHECKING:
    from .expectation_log import Scene, Scenes

__all__ = ["Scene", "Scenes"]

__getattr__, __dir__ = attach(__name__, {"Scene": ".expectation_log", "Scenes": ".expectation_log"})
