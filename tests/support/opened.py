"""Hits of objects that somebody opened."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gt_secure.logs import Hits, read_hits

from . import corpus


def opened_by(*addresses: str, bucket: str = "gt-images") -> Hits:
    """Return hits in which each address opened ``scans/0007.png`` of a
    bucket by a presigned URL.
    """
    base = {**corpus.BASE, **corpus.PRESIGNED, "bucket": bucket}
    rows = [{**base, "remote_ip": each, "request_id": each} for each in addresses]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "log")
        file.write_text("".join(f"{corpus.write(row)}\n" for row in rows), encoding="utf-8")
        return read_hits(file)
