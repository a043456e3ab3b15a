"""Explanation of a refusal: S3's answer beside the policies that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import attach

if TYPE_CHECKING:
    from .expectation_log import LoggedProbe as LoggedProbe, Scenes as Scenes


__all__, __getattr__, __dir__ = attach(__name__)
