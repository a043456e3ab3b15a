"""Whether an answer is the predicted one: unknown where policies did not decide,
or the prediction is none.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.explain.causes import Cause
from gt_secure.explain.explanation import _agrees
from gt_secure.presign.probe import Probe

OPENED = Probe(200, "own", None, "gt-images", "a.png", 1.0, request_id="A")
REFUSED = Probe(403, "own", None, "gt-images", "a.png", 1.0, "AccessDenied", "Access Denied")
EXPIRED = Probe(403, "own", None, "gt-images", "a.png", 1.0, "AccessDenied", "Request has expired")
BUSY = Probe(503, "own", None, "gt-images", "a.png", 1.0, "SlowDown")


def verdict(decision: str, layer: str | None = "resource") -> Any:
    kind = None if layer is None else SimpleNamespace(kind=layer)
    return SimpleNamespace(
        decision=decision, allowed=decision == "allow", outcome=SimpleNamespace(layer=kind)
    )


def cause(code: str) -> Cause:
    return Cause(code, "", "", "")


@pytest.mark.parametrize(
    ("predicted", "probe", "code", "fits"),
    [
        (None, REFUSED, "bucket-guard", None),
        (verdict("unknown"), REFUSED, "bucket-guard", None),
        (verdict("unknown"), OPENED, "opened", None),
        (verdict("invalid"), REFUSED, "bucket-guard", None),
        (verdict("explicit deny"), EXPIRED, "expired", None),
        (verdict("explicit deny"), BUSY, "busy", None),
        (verdict("explicit deny"), BUSY, "unknown", None),
        (verdict("explicit deny"), OPENED, "opened", False),
        (verdict("allow"), REFUSED, "bucket-guard", False),
        (verdict("allow"), OPENED, "opened", True),
        (verdict("explicit deny"), REFUSED, "bucket-guard", True),
        (verdict("explicit deny", "identity"), REFUSED, "bucket-guard", False),
        (verdict("explicit deny", "scp"), REFUSED, "organization-policy", True),
        (verdict("implicit deny", None), REFUSED, "bucket-guard", True),
        (verdict("explicit deny", "identity"), REFUSED, "unknown", True),
    ],
)
def test_an_answer_fits_if_the_same_kind_of_policy_decided(
    predicted: Any, probe: Probe, code: str, fits: bool | None
) -> None:
    assert _agrees(cast(Any, predicted), probe, cause(code)) is fits
