"""A plan that revokes URLs names who else loses some, as the log shows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from gt_secure.changes.revoke import Revoked, _affects
from gt_secure.logs import read_hits
from support import corpus

NOW = dt.datetime(2026, 11, 20, 9, 16, tzinfo=dt.UTC)
ONE, OTHER, KEYS = (
    "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker",
    "arn:aws:sts::111122223333:assumed-role/Exports/nightly",
    "arn:aws:iam::111122223333:user/anna",
)
ALL = Revoked("gt-images", "", None, None, dt.datetime(2026, 11, 20, 9, 20, tzinfo=dt.UTC), None)


def line(
    requester: str,
    key: str = "scans/0007.png",
    address: str = "203.0.113.7",
    signed: str = "T091400Z",
) -> str:
    uri = (
        str(corpus.PRESIGNED["request_uri"])
        .replace("scans/0007.png", key)
        .replace("T091400Z", signed)
    )
    row = {"requester": requester, "key": key, "request_uri": uri, "remote_ip": address}
    return corpus.write({**corpus.BASE, **corpus.PRESIGNED, **row})


LOG = [
    line(ONE), line(ONE, address="198.51.100.9"), line(ONE, "scans/0008.png"), line(OTHER), line(KEYS),
    line(OTHER, "scans/0009.png", signed="T090000Z"),  # over at 09:10
]  # fmt: skip
EXECUTION = (
    "role GroundTruthExecution: 2 URLs in the log that may still work, used from 2 addresses"
)
EXPORTS = "role Exports: 1 URL in the log that may still work, used from 1 address"
ANNA = "user anna: 1 URL in the log that may still work, used from 1 address"


@pytest.mark.parametrize(
    ("revoked", "named"),
    [
        (ALL, [EXECUTION, EXPORTS]),
        (replace(ALL, signer=ONE), [EXECUTION]),
        (replace(ALL, signer=OTHER), [EXPORTS]),
        (replace(ALL, signer=KEYS), [ANNA]),
        (
            replace(ALL, key="scans/0008.png"),
            [EXECUTION.replace("2 URLs", "1 URL").replace("2 addresses", "1 address")],
        ),
        (replace(ALL, prefix="scans/"), [EXECUTION, EXPORTS]),
        (replace(ALL, prefix="other/"), []),
        (replace(ALL, before=dt.datetime(2026, 11, 20, 9, 13, tzinfo=dt.UTC)), []),
    ],
)
def test_who_else_loses_urls(tmp_path: Path, revoked: Revoked, named: list[str]) -> None:
    (tmp_path / "log").write_text("\n".join(LOG))
    with read_hits(tmp_path) as hits:
        found = _affects(revoked, hits, NOW)[1:]
    assert found == named
