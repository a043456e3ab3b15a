"""Presigned URLs: mint a test URL, inspect any, probe one, and explain the answer."""

from .inspect import PresignedUrl, inspect
from .mint import mint
from .probe import Probe, probe
from .scenes import Scene, Scenes
from .secret import TestUrl
from .vantage import KERNEL, Vantage, vantage_for, vantages

__all__ = [
    "KERNEL",
    "PresignedUrl",
    "Probe",
    "Scene",
    "Scenes",
    "TestUrl",
    "Vantage",
    "inspect",
    "mint",
    "probe",
    "vantage_for",
    "vantages",
]
