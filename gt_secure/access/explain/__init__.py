"""Explanation of a refusal: S3's answer beside the policies that were read."""

from .expectation_log import Scene, Scenes

__all__ = ["Scene", "Scenes"]
