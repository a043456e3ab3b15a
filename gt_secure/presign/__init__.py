"""Presigned URLs: sign a test URL, inspect any, probe one, and explain the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .inspect import PresignedUrl as PresignedUrl, inspect as inspect
    from .origin import (
        KERNEL as KERNEL,
        probe_origin_for as probe_origin_for,
        probe_origins as probe_origins,
    )
    from .probe import Probe as Probe, probe as probe
    from .sign import SignWith as SignWith, sign as sign
    from .signed_url import TestUrl as TestUrl


__all__, __getattr__, __dir__ = attach(__name__)
