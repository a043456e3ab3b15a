"""Presigned URLs: mint a test URL, inspect any, probe one, and explain the answer."""

from .inspect import PresignedUrl, inspect
from .mint import mint
from .origin import KERNEL, Vantage, vantage_for, vantages
from .probe import Probe, probe
from .test_url import TestUrl

__all__ = [
    "KERNEL",
    "PresignedUrl",
    "Probe",
    "TestUrl",
    "Vantage",
    "inspect",
    "mint",
    "probe",
    "vantage_for",
    "vantages",
]
