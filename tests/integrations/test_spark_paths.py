"""Paths that Spark reads for a source: an ``s3://`` address is a prefix,
as for the other engines.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs import LogLocation
from gt_secure_spark import SparkRun


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("s3://logs/2026-11", "s3://logs/2026-11*"),
        ("s3a://logs/gt/2026-", "s3a://logs/gt/2026-*"),
        ("s3://logs/gt/", "s3://logs/gt/"),
        ("s3://logs", "s3://logs/"),
        ("s3a://logs/gt/2026-11-0[1-7]*", "s3a://logs/gt/2026-11-0[1-7]*"),
        ("/var/logs/2026", "/var/logs/2026"),
        (Path("logs"), "logs"),
        (LogLocation("logs", "gt/2026"), "s3://logs/gt/2026*"),
    ],
)
def test_an_address_of_s3_is_a_prefix(source, path) -> None:
    assert SparkRun(source, SimpleNamespace(version="3.5.1")).paths == [path]


def test_standard_input_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not this source"):
        SparkRun("-", SimpleNamespace(version="3.5.1"))
