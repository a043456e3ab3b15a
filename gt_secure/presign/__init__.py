"""Presigned URLs: mint a test URL, inspect any, probe one, and explain the answer."""

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
