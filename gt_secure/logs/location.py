"""Destination of access logs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLocation:
    """Destination of a bucket's server access logs, for either form of their keys."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The ``s3://`` address of the prefix."""
        return f"s3://{self.bucket}/{self.prefix}"
