"""A value that AWS's table does not list: nothing is proved because a policy lists all others."""

from __future__ import annotations

from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.iam.request_keys import TABLES
from gt_secure.engine.policies.age_limit import build_age_limit, build_version_limit
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import exposed

OFFICE, OUTSIDE = "203.0.113.0/24", "198.51.100.9"
VERSION, TLS, TYPE = "s3:signatureversion", "s3:TlsVersion", "aws:PrincipalType"
LISTED = {
    VERSION: ["AWS", "AWS4-HMAC-SHA256"],
    TLS: ["1.2", "1.3"],
    TYPE: ["AssumedRole", "User", "Account", "FederatedUser"],
}


def deny(*resources: str, **condition: Any) -> dict[str, Any]:
    bucket = "arn:aws:s3:::gt-images"
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [*(resources or (bucket, f"{bucket}/*"))],
        "Condition": condition,
    }


def guard(**condition: Any) -> dict[str, Any]:
    return deny(NotIpAddressIfExists={"aws:SourceIp": OFFICE}, **condition)


NO_HTTP = deny(Bool={"aws:SecureTransport": "false"})
CLOSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "both versions": ([guard(StringEquals={VERSION: LISTED[VERSION]})], VERSION),
    "both versions, if they exist": ([guard(StringEqualsIfExists={VERSION: LISTED[VERSION]})], VERSION),
    "both versions by pattern": ([guard(StringLike={VERSION: ["AWS", "AWS4-HMAC-*"]})], VERSION),
    "all but one by name": ([guard(StringNotEquals={VERSION: "AWS4-ECDSA-P256-SHA256"})], VERSION),
    "version 2 denied, version 4 guarded": (
        [deny(StringEquals={VERSION: "AWS"}), guard(StringEquals={VERSION: "AWS4-HMAC-SHA256"})], VERSION,
    ),
    "both versions of TLS": ([NO_HTTP, guard(StringEquals={TLS: LISTED[TLS]})], TLS),
    "no later version of TLS": ([NO_HTTP, guard(NumericLessThanEquals={TLS: "1.3"})], TLS),
    "an early limit of TLS": ([NO_HTTP, guard(NumericLessThan={TLS: "1.4"})], TLS),
    "until a year or a second of 1970": ([guard(DateGreaterThan={"aws:CurrentTime": "2027"}), guard(DateLessThan={"aws:CurrentTime": "2027-01"})], 'the date "2027"'),
    "every type": ([guard(StringEquals={TYPE: LISTED[TYPE]})], TYPE),
    "every type but an odd one": ([guard(StringNotEquals={TYPE: "Robot"})], TYPE),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_a_list_of_all_values_proves_nothing(name: str) -> None:
    statements, key = CLOSED[name]
    exposure = exposed({"Version": "2012-10-17", "Statement": statements})
    proof = prove(exposure.locks, Claim("", (parse_network(OFFICE),)))
    assert (proof.proved, proof.depends_on) == (None, (key,))
    if key != TYPE and "2027" not in key:
        answer = exposure.at(OUTSIDE, "presigned")
        assert (answer.answer, answer.depends_on) == ("unknown", (key,))
    assert exposure.at("203.0.113.7", "presigned").answer == "opened"


GUARDS = build_guard("gt-images", networks=[OFFICE])
DECIDED: dict[str, list[dict[str, Any]]] = {
    "our guard": [GUARDS],
    "our age limit": [GUARDS, *build_age_limit(GUARDS, 900)],
    "our version limit": [GUARDS, build_version_limit(GUARDS)],
    "every version": [guard(StringLike={VERSION: "*"})],
    "whatever has a version": [guard(Null={VERSION: "false"})],
    "all but version 4 denied, version 4 guarded": [
        deny(StringNotEquals={VERSION: "AWS4-HMAC-SHA256"}), guard(StringEquals={VERSION: "AWS4-HMAC-SHA256"}),
    ],
    "TLS of 1.2 and later": [NO_HTTP, guard(NumericGreaterThanEquals={TLS: "1.2"})],
    "TLS before 1.3 denied": [NO_HTTP, deny(NumericLessThan={TLS: "1.3"}), guard(NumericGreaterThanEquals={TLS: "1.3"})],
    "since a year that is over": [guard(DateGreaterThan={"aws:CurrentTime": "2020"})],
    "since a date": [guard(DateGreaterThan={"aws:CurrentTime": "2020-01-01"})],
    "every type": [guard(StringLike={TYPE: "*"})],
}  # fmt: skip


@pytest.mark.parametrize("name", DECIDED)
def test_what_holds_for_every_value_stays_proved(name: str) -> None:
    exposure = exposed({"Version": "2012-10-17", "Statement": DECIDED[name]})
    assert prove(exposure.locks, Claim("", (parse_network(OFFICE),))).proved is True
    assert exposure.at(OUTSIDE, "presigned").answer == "refused"


def test_a_known_version_is_no_other_one() -> None:
    statements, _ = CLOSED["both versions"]
    document = {"Version": "2012-10-17", "Statement": statements}
    known = Facts({VERSION: ("AWS4-HMAC-SHA256",)})
    locks = locks_of_policies("gt-images", document, "111122223333", known)
    assert Exposure(locks, "k").at(OUTSIDE, "presigned").answer == "refused"


def test_every_list_of_values_has_its_source() -> None:
    for name, facts in TABLES["keys"].items():
        assert ("complete" in facts) + ("among" in facts) == ("values" in facts), name
