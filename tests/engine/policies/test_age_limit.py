"""The age limit beside the guard: its text, its undoing, and what counts as an edit."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.policies.age_limit import AGE_SID, SIGV2_SID, age_text, parse_age
from gt_secure.engine.policies.bucket_guard import GUARD_SIDS, build_guard
from gt_secure.engine.policies.equivalence import policies_equal
from support.guards import find_guard, merge_guards, remove_statements

GUARD = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
FOREIGN = (
    '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource":'
    ' "arn:aws:s3:::gt-images/*"}'
)
POLICIES = [
    f'{{"Version":"2012-10-17","Statement":[{FOREIGN}]}}',
    f'{{"Statement": {FOREIGN} , "Version":"2012-10-17"}}',
    f'{{"Version":"2012-10-17","Statement":[\n {FOREIGN},\n {FOREIGN}\n]}}',
    None,
]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_text_comes_back_exactly(policy: str | None) -> None:
    merged = merge_guards(policy, GUARD, 900)
    sids = [each.get("Sid") for each in json.loads(merged)["Statement"]]
    assert [sid for sid in sids if sid] == list(GUARD_SIDS)
    assert remove_statements(merged, reversed(GUARD_SIDS)) == policy


@pytest.mark.parametrize("policy", POLICIES)
def test_a_cap_is_changed_and_removed_alone(policy: str | None) -> None:
    limited = merge_guards(policy, GUARD, 900)
    assert policies_equal(merge_guards(merge_guards(policy, GUARD, 60), GUARD, 900), limited)
    assert policies_equal(merge_guards(limited, GUARD, None), merge_guards(policy, GUARD, None))


def test_a_guard_tells_its_cap() -> None:
    guard = find_guard(merge_guards(None, GUARD, 900))
    assert guard is not None
    assert (guard.age_limit_s, guard.drifted) == (900, False)
    assert find_guard(merge_guards(None, GUARD, None)).age_limit_s is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"900000"', '"900001"'),
        ('"900000"', "[]"),
        ("s3:signatureAge", "s3:signatureversion"),
        (f'"{SIGV2_SID}"', '"Other"'),
        ('"AWS"', '"AWS4-HMAC-SHA256"'),
    ],
)
def test_half_a_cap_or_an_edited_one_is_drift(old: str, new: str) -> None:
    text = json.dumps(json.loads(merge_guards(None, GUARD, 900)))
    assert old in text
    guard = find_guard(text.replace(old, new))
    assert guard is not None
    assert guard.drifted


def test_the_statement_on_version_2_may_stand_alone() -> None:
    """It is the version limit; whoever wants an age limit too sees that the guard has none."""
    text = json.dumps(json.loads(merge_guards(None, GUARD, 900)))
    guard = find_guard(text.replace(f'"{AGE_SID}"', '"Other"'))
    assert guard is not None
    assert (guard.drifted, guard.age_limit_s) == (False, None)


def test_a_cap_for_other_objects_is_drift() -> None:
    data = json.loads(merge_guards(None, GUARD, 900))
    data["Statement"][1]["Resource"] = "arn:aws:s3:::gt-images/elsewhere/*"
    guard = find_guard(json.dumps(data))
    assert guard is not None
    assert guard.drifted


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("15m", 900, "15m"),
        ("90 s", 90, "90s"),
        ("60min", 3600, "1h"),
        ("48H", 172_800, "2d"),
        ("1s", 1, "1s"),
    ],
)
def test_ages(text: str, seconds: int, shown: str) -> None:
    assert parse_age(text) == parse_age(dt.timedelta(seconds=seconds)) == seconds
    assert age_text(seconds) == shown


@pytest.mark.parametrize(
    "value",
    [
        "",
        "15",
        "0m",
        "7d",
        "1w",
        "-5m",
        "1.5h",
        "\u0661m",
        "9999999d",
        15,
        None,
        [],
        dt.timedelta(seconds=1.5),
    ],
)
def test_no_ages(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_age(value)  # type: ignore[arg-type]
    assert caught.value.field == "age_limit"
