"""Hypothesis strategies for bucket policies in the part of the language that
the z3 encoding covers.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import strategies as st

from .smt import ME, OTHER

VPCES = ["vpce-0a1b2c3d", "vpce-0b2c3d4e"]
VPCS = ["vpc-0a1b2c3d", "vpc-0b2c3d4e"]
ORGS = ["o-a1b2c3d4e5", "o-zzzzzzzzzz"]
TAGS = ["radiology", "true"]
REFERERS = ["https://portal.example/*", "https://portal.example/task"]
AGES = ["0", "900000", "604800000"]


def network(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 3)):
        base = draw(
            st.sampled_from(
                [
                    "10.0.0.0",
                    "203.0.113.0",
                    "203.0.113.128",
                    "198.51.100.7",
                    "0.0.0.0",
                    "127.255.0.0",
                ]
            )
        )
        length = draw(st.sampled_from([0, 1, 8, 15, 24, 25, 31, 32]))
    else:
        base = draw(
            st.sampled_from(["2001:db8::", "2001:db8:40::", "::ffff:203.0.113.0", "::", "fe80::1"])
        )
        length = draw(st.sampled_from([0, 1, 32, 48, 96, 120, 127, 128]))
    return str(ipaddress.ip_network(f"{base}/{length}", strict=False))


@st.composite
def networks(draw: st.DrawFn) -> list[str]:
    return [network(draw) for _ in range(draw(st.integers(1, 4)))]


def if_exists(operator: str) -> st.SearchStrategy[str]:
    return st.sampled_from([operator, f"{operator}IfExists"])


def block(
    operators: list[str], key: str, values: list[str], most: int = 2
) -> st.SearchStrategy[tuple[str, str, Any]]:
    chosen = st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)
    return st.tuples(st.sampled_from(operators).flatmap(if_exists), st.just(key), chosen)


EQUALS, LIKE = ["StringEquals", "StringNotEquals"], ["StringLike", "StringNotLike"]
SOURCES = [
    st.tuples(
        st.sampled_from(["IpAddress", "NotIpAddress"]).flatmap(if_exists),
        st.just("aws:SourceIp"),
        networks(),
    ),
    block(EQUALS, "aws:SourceVpce", VPCES),
    block(EQUALS, "aws:SourceVpc", VPCS),
    st.tuples(
        st.just("Null"),
        st.sampled_from(["aws:SourceIp", "aws:SourceVpce"]),
        st.sampled_from([["true"], ["false"]]),
    ),
]
OTHERS = [
    block(["Bool"], "aws:SecureTransport", ["true", "false"], 1),
    block(["NumericLessThan", "NumericGreaterThan"], "s3:signatureAge", AGES, 1),
    block(EQUALS + LIKE, "aws:Referer", REFERERS, 1),
    block(EQUALS, "s3:authType", ["REST-QUERY-STRING", "REST-HEADER", "POST"]),
    block(EQUALS, "aws:PrincipalAccount", [ME, OTHER]),
    block(["Bool"], "aws:ViaAWSService", ["true", "false"], 1),
]
FACTS = [
    block(EQUALS, "aws:PrincipalOrgID", ORGS, 1),
    block(EQUALS, "aws:PrincipalTag/team", TAGS, 1),
    block(EQUALS, "s3:ExistingObjectTag/class", TAGS, 1),
    st.tuples(
        st.just("Null"), st.just("aws:PrincipalOrgID"), st.sampled_from([["true"], ["false"]])
    ),
]


@st.composite
def statements(draw: st.DrawFn, *, organization: bool = False) -> dict[str, Any]:
    chosen = draw(st.lists(st.one_of(*SOURCES, *SOURCES, *OTHERS, *FACTS), max_size=3))
    condition: dict[str, dict[str, Any]] = {}
    for operator, key, values in chosen:
        condition.setdefault(operator, {})[key] = values
    statement: dict[str, Any] = {
        "Effect": "Deny" if organization else draw(st.sampled_from(["Deny", "Deny", "Allow"])),
        "Action": draw(st.sampled_from(["s3:*", "s3:GetObject", "s3:Get*", ["s3:PutObject", "s3:GetObject"], "*"])),
        "Resource": draw(
            st.sampled_from(["*", "arn:aws:s3:::gt-images/*", "arn:aws:s3:::gt-images/scans/*",
                             ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"], "arn:aws:s3:::gt-images/other/*"])
        ),
        "Principal": "*" if organization else draw(
            st.sampled_from(["*", {"AWS": "*"}, {"AWS": f"arn:aws:iam::{ME}:root"}, {"AWS": OTHER}])
        ),
    }  # fmt: skip
    return {**statement, "Condition": condition} if condition else statement


@st.composite
def policies(draw: st.DrawFn, most: int = 4) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": draw(st.lists(statements(), min_size=1, max_size=most)),
    }


@st.composite
def control_policies(draw: st.DrawFn) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [draw(statements(organization=True))]}
