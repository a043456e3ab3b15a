"""Presigned URLs: mint a test URL, inspect any, probe one, and explain the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .inspect import PresignedUrl, inspect
    from .mint import mint
    from .origin import KERNEL, ProbeOrigin, probe_origin_for, probe_origins
    from .probe import Probe, probe
    from .test_url import TestUrl

__all__ = [
    "KERNEL",
    "PresignedUrl",
    "Probe",
    "ProbeOrigin",
    "TestUrl",
    "inspect",
    "mint",
    "probe",
    "probe_origin_for",
    "probe_origins",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "KERNEL": ".origin",
        "PresignedUrl": ".inspect",
        "Probe": ".probe",
        "ProbeOrigin": ".origin",
        "TestUrl": ".test_url",
        "inspect": ".inspect",
        "mint": ".mint",
        "probe": ".probe",
        "probe_origin_for": ".origin",
        "probe_origins": ".origin",
    },
)
