"""Bad restrictions, each with what a person is told. The snapshot is made to be read:
run with GT_SECURE_UPDATE=1.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import GtSecureError
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.restrictions import loads_restriction

SNAPSHOT = Path(__file__).with_name("bad_restrictions.md")
GOOD: dict[str, Any] = {"addresses": ["203.0.113.0/24"], "bucket": "gt-images"}
ARN = "arn:aws:sagemaker:us-east-1:111122223333:workteam"


def many(count: int) -> list[str]:
    return [f"10.{i // 256}.{i % 256}.1".replace("10.", "20.", 1) for i in range(0, count * 2, 2)]


# What is changed in a good restriction of a team, and for whom it is bad.
TABLE: list[tuple[str, dict[str, Any]]] = [
    # the team
    ("team with a blank", {"team": "radiology team"}),
    ("team is empty", {"team": ""}),
    ("team is a number", {"team": 42}),
    ("team with an underscore", {"team": "radiology_team"}),
    ("team ends in a hyphen", {"team": "radiology-"}),
    ("team of 64 letters", {"team": "a" * 64}),
    ("team with markup", {"team": "<b>team</b>"}),
    ("ARN of a labeling job", {"team": "arn:aws:sagemaker:us-east-1:111122223333:labeling-job/x"}),
    ("ARN with a short account", {"team": "arn:aws:sagemaker:us-east-1:1111:workteam/private-crowd/x"}),
    ("vendor team with SourceIp", {"team": f"{ARN}/vendor-crowd/acme", "url_lock": "SourceIp"}),
    ("public crowd with the URL lock off", {"team": f"{ARN}/public-crowd/default", "url_lock": False}),
    # addresses
    ("host bits", {"addresses": ["203.0.113.7/24"]}),
    ("everything, IPv4", {"addresses": ["0.0.0.0/0"]}),
    ("everything, IPv6", {"addresses": ["::/0"]}),
    ("private 10/8", {"addresses": ["10.0.0.0/8"]}),
    ("private 192.168/16 among public", {"addresses": ["203.0.113.0/24", "192.168.0.0/16"]}),
    ("carrier NAT", {"addresses": ["100.64.1.0/24"]}),
    ("private IPv6", {"addresses": ["fd00::/8"]}),
    ("loopback", {"addresses": ["127.0.0.1"]}),
    ("link-local", {"addresses": ["169.254.169.254"]}),
    ("link-local IPv6", {"addresses": ["fe80::1"]}),
    ("multicast", {"addresses": ["224.0.0.0/4"]}),
    ("unspecified", {"addresses": ["0.0.0.0"]}),
    ("reserved", {"addresses": ["240.0.0.0/8"]}),
    ("octet above 255", {"addresses": ["203.0.113.256"]}),
    ("three octets", {"addresses": ["203.0.113"]}),
    ("leading zeros", {"addresses": ["203.000.113.007"]}),
    ("prefix length above 32", {"addresses": ["203.0.113.0/33"]}),
    ("empty prefix length", {"addresses": ["203.0.113.0/"]}),
    ("netmask", {"addresses": ["203.0.113.0/255.255.255.0"]}),
    ("from-to range", {"addresses": ["203.0.113.1-203.0.113.9"]}),
    ("host name", {"addresses": ["office.example.com"]}),
    ("IPv6 with a zone", {"addresses": ["fe80::1%eth0"]}),
    ("IPv4-mapped IPv6", {"addresses": ["::ffff:203.0.113.7"]}),
    ("an endpoint among the addresses", {"addresses": ["vpce-0a1b2c3d"]}),
    ("a number", {"addresses": [203]}),
    ("None in the list", {"addresses": [None]}),
    ("a mapping", {"addresses": {"office": "203.0.113.7"}}),
    ("one number", {"addresses": 203}),
    ("bytes", {"addresses": b"203.0.113.7"}),
    ("words in pasted text", {"addresses": "203.0.113.0/24, head office"}),
    ("1,001 ranges", {"addresses": many(1001)}),
    ("more than 20 KB of policy", {"addresses": [f"2001:db8:{i:x}:1::/64" for i in range(0, 1998, 2)]}),
    # endpoints
    ("endpoint without digits", {"endpoints": ["vpce-"]}),
    ("endpoint with letters beyond f", {"endpoints": ["vpce-0a1b2c3g"]}),
    ("the name of a VPC instead of its id", {"endpoints": ["vpc-office"]}),
    ("an endpoint service", {"endpoints": ["vpce-svc-0a1b2c3d4e5f60718"]}),
    ("DNS name of an endpoint", {"endpoints": ["vpce-0a1b2c3d-x.s3.us-east-1.vpce.amazonaws.com"]}),
    ("an address among the endpoints", {"endpoints": ["203.0.113.7"]}),
    ("endpoint is a number", {"endpoints": [7]}),
    # the locks
    ("both toggles", {"url_lock": ["SourceIp", "VpcSourceIp"]}),
    ("both toggles, in a word", {"url_lock": "both"}),
    ("an address as URL lock", {"url_lock": "203.0.113.0/24"}),
    ("URL lock 1", {"url_lock": 1}),
    ("URL lock in lower case", {"url_lock": "sourceip"}),
    ("URL lock without a team", {"team": None, "url_lock": "SourceIp"}),
    ("URL lock off without a team", {"team": None, "url_lock": False}),
    ("portal lock is a word", {"portal_lock": "yes"}),
    ("portal lock without addresses", {"addresses": (), "guard": None, "portal_lock": True}),
    ("portal lock with 11 ranges", {"addresses": many(11), "portal_lock": True}),
    (
        "portal lock, private among public",
        {"addresses": ["10.0.0.0/16", "203.0.113.7"], "guard": None, "portal_lock": True},
    ),
    ("guard is a word", {"guard": "on"}),
    ("guard without any source", {"addresses": ()}),
    ("guard to remove, no bucket", {"addresses": (), "bucket": None, "guard": False}),
    ("addresses that no lock takes", {"bucket": None}),
    ("addresses with the guard left alone", {"guard": None}),
    ("endpoints with the portal lock alone", {"endpoints": ["vpce-0a1b2c3d"], "guard": None, "portal_lock": True}),
    ("nothing at all", {"team": None, "addresses": (), "bucket": None}),
    # the bucket
    ("bucket in upper case", {"bucket": "GT-Images"}),
    ("bucket of two letters", {"bucket": "gt"}),
    ("bucket like an address", {"bucket": "192.0.2.1"}),
    ("bucket with two dots", {"bucket": "gt..images"}),
    ("an access point alias", {"bucket": "gt-images-s3alias"}),
    ("bucket is a number", {"bucket": 7}),
    ("prefix with a star", {"prefix": "scans/*"}),
    ("prefix with a policy variable", {"prefix": "${aws:userid}/"}),
    ("prefix that begins with a slash", {"prefix": "/scans/"}),
    ("prefix is an S3 address", {"prefix": "s3://gt-images/scans/"}),
    ("prefix of 1,025 bytes", {"prefix": "a" * 1025}),
    ("prefix is a number", {"prefix": 7}),
    ("prefix without a bucket", {"bucket": None, "addresses": (), "prefix": "scans/"}),
    ("two prefixes", {"bucket": "s3://gt-images/scans/", "prefix": "slides/"}),
]  # fmt: skip

EXPECTATIONS: list[tuple[str, Any]] = [
    ("no source", lambda: expect.allowed()),
    ("a range as source", lambda: expect.allowed("203.0.113.0/24")),
    ("a host name as source", lambda: expect.refused("office.example.com")),
    ("a private source without its endpoint", lambda: expect.allowed("10.0.3.4")),
    ("a loopback source", lambda: expect.refused("127.0.0.1")),
    ("a number as source", lambda: expect.allowed(7)),  # type: ignore[arg-type]
    ("an unknown scope", lambda: expect.allowed("203.0.113.7", of="workforce")),  # type: ignore[arg-type]
    ("a prefix with a star", lambda: expect.allowed("203.0.113.7", prefix="*")),
    (
        "allowed and refused",
        lambda: Restriction(
            "t", **GOOD, expectations=[expect.allowed("203.0.113.7"), expect.refused("203.0.113.7")]
        ),
    ),
    ("a text among expectations", lambda: Restriction("t", **GOOD, expectations=["203.0.113.7"])),  # type: ignore[list-item]
    (
        "of a team, none named",
        lambda: Restriction(**GOOD, expectations=[expect.allowed("203.0.113.7", of="team")]),
    ),
    (
        "of a bucket, none named",
        lambda: Restriction("t", expectations=[expect.allowed("203.0.113.7", of="bucket")]),
    ),
]

FILES: list[tuple[str, str]] = [
    ("empty", ""),
    ("a list", '["radiology-team"]'),
    ("not JSON", "team: radiology-team"),
    ("cut off", '{"team": "radiology-team"'),
    ("unknown member", '{"team": "t", "adresses": ["203.0.113.7"]}'),
    ("a member twice", '{"team": "t", "bucket": "gt-images", "bucket": "gt-logs"}'),
    ("another version", '{"version": 2, "team": "t"}'),
    ("version true", '{"version": true, "team": "t"}'),
    ("expectation without a kind", '{"team": "t", "expectations": [{"of": "team"}]}'),
    (
        "expectation of both kinds",
        '{"team": "t", "expectations": [{"allowed": "203.0.113.7", "refused": "203.0.113.8"}]}',
    ),
    ("expectation with an unknown member", '{"team": "t", "expectations": [{"allowed": "203.0.113.7", "why": "x"}]}'),
]  # fmt: skip


def _try(make: Any) -> GtSecureError:
    with pytest.raises(GtSecureError) as caught:
        make()
    return caught.value


def _cases() -> list[tuple[str, str, GtSecureError]]:
    found = []
    for name, change in TABLE:
        values = {"team": "radiology-team", **GOOD, **change}
        found.append(
            (
                "Restriction",
                f"{name}: `{_short(change)}`",
                _try(lambda values=values: Restriction(**values)),
            )
        )
    found += [("Expectation", name, _try(make)) for name, make in EXPECTATIONS]
    found += [
        (
            "File",
            f"{name}: `{text}`",
            _try(lambda text=text: loads_restriction(text, name="wish.json")),
        )
        for name, text in FILES
    ]
    return found


def _short(change: dict[str, Any]) -> str:
    text = ", ".join(f"{key}={value!r}" for key, value in change.items())
    return (text if len(text) <= 90 else text[:87] + "...").replace("|", "\\|")


def _page(cases: list[tuple[str, str, GtSecureError]]) -> str:
    lines = [
        "# Bad restrictions and what a person is told",
        "",
        (
            f"{len(cases)} cases. Written by `GT_SECURE_UPDATE=1 pytest"
            " tests/restriction/test_bad_restrictions.py`."
        ),
    ]
    kind = ""
    for group, name, error in cases:
        if group != kind:
            kind = group
            lines += ["", f"## {kind}", "", "| input | message | next step |", "|---|---|---|"]
        cells = [
            text.replace("|", "\\|").replace("\n", " ") for text in (error.message, error.next_step)
        ]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def test_every_bad_restriction_says_what_is_wrong_and_what_to_do() -> None:
    cases = _cases()
    assert len(cases) >= 60
    for _, name, error in cases:
        assert isinstance(error, ValueError), name
        assert 10 < len(error.message) < 420, name
        assert error.next_step, name
        assert error.field, name  # type: ignore[attr-defined]
    page = _page(cases)
    if os.environ.get("GT_SECURE_UPDATE"):
        SNAPSHOT.write_text(page, encoding="utf-8")
    assert page == SNAPSHOT.read_text(encoding="utf-8"), (
        "the messages changed: look at them, then GT_SECURE_UPDATE=1"
    )


def test_the_good_restriction_of_the_table_is_good() -> None:
    assert Restriction("radiology-team", **GOOD).guard is True
