"""Every line that the engines must agree on: quirks, published lines, odd keys,
hostile texts, and noise.
"""

from __future__ import annotations

import random
from pathlib import Path

from gt_secure.base.network import parse_networks
from gt_secure.logs.named_networks import NamedNetwork, Networks
from support import corpus

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published-lines.log"

KEYS = [
    "a+b", "a+b%2520c+", "a%252Bb", "a%2520b", "100%25", "%zz", "%", "%2", "%25FF", "%FF", "%25C3%25A9", "%C3%A9",
    "%25EF%25BF%25BD", "%EF%BF%BD", "%25E2%2598", "%F0%9F%98%80", "x%2500y", "%252525", "a%0Ab", "caf\u00e9",
    "%ED%A0%80", "a%20b%zz%2", "%%41", "%2520%zz",
]  # fmt: skip
"""Keys as a log may hold them: encoded twice, once, not at all, or not decodable."""
SECRETS = (
    "IQoJb3JpZ2luX2VjEXAMPLETOKEN", "ASIAEXAMPLEKEYID0001", "AKIAIOSFODNN7EXAMPLE", "E3e%2Fx%3D",
)  # fmt: skip


AGES = {
    "X-Amz-Date=20261120T085500Z&X-Amz-Expires=600": ("2026-11-20 08:55:00", 600),
    "x-amz-dat%65=20261120T085500Z&X-Amz-Expires=%36%30": ("2026-11-20 08:55:00", 60),
    "X-Amz-Date=20261120T085500Z&X-Amz-Date=20261120T000000Z&X-Amz-Expires=": (
        "2026-11-20 08:55:00",
        None,
    ),
    "X-Amz-Date=20261320T085500Z&X-Amz-Expires=604800": (None, 604800),
    "X-Amz-Date=20260230T085500Z&X-Amz-Expires=12.5": (None, None),
    "X-Amz-Date=20261120T245500Z&X-Amz-Expires=-5": (None, None),
    "X-Amz-Date=20261120T085500&X-Amz-Expires=99999999": (None, None),
    "X-Amz-Date=21261120T085500Z&X-Amz-Expires=1": (None, 1),
    "X-Amz-Expires=1": (None, 1),
}
"""Queries of presigned requests, with the time of signing and the lifetime that they name."""


NETWORKS = Networks(
    [
        NamedNetwork("Berlin office", parse_networks(["203.0.113.0/25"]), "office"),
        NamedNetwork("VPN pool", parse_networks(["198.51.100.0/24", "2001:db8:40::/48"]), "vpn"),
    ]
)
"""Names of some of the addresses in the lines."""


def all_lines(rows: int = 400) -> list[str]:
    """The lines, without their ends."""
    found = [case.text for case in corpus.cases()]
    found += [corpus.case("x", key=key).text for key in KEYS]
    found += [corpus.case("x", key=key, operation="BATCH.DELETE.OBJECT").text for key in KEYS]
    found += [
        corpus.case("x", referer="https://x.example/?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026&a=b").text,
        corpus.case("x", user_agent="AKIAIOSFODNN7EXAMPLE back\\slash it's $1 {0} ${x}").text,
        corpus.case("x", **{**corpus.PRESIGNED, "request_uri": "GET /a%2Fb?b=2&a=1&X-Amz-Expires=60&x-gt-secure-test=1"
                            "&X-Amz-Credential=ASIAEXAMPLEKEYID0001%2f20261120&X-Amz-Signature=abc HTTP/1.1"}).text,
        corpus.case("x", request_uri="GET /no-query HTTP/1.1 ?odd=1").text,
        *(corpus.case("x", **{**corpus.PRESIGNED, "request_uri": f"GET /a?{query}&X-Amz-Signature=abc HTTP/1.1"}).text
          for query in AGES),
        "", "   ", "\t", "\\N", "a\\tb", corpus.case("x").text[:-30] + "\r", "1e2 [x] " * 4,
    ]  # fmt: skip
    found += [found[0], found[0], found[11]]  # delivered twice
    rng = random.Random(5)
    found += [corpus.write(corpus.random_record(rng, hostile=0.4)) for _ in range(rows)]
    if PUBLISHED.exists():
        found += PUBLISHED.read_text(encoding="utf-8").splitlines()
    return found
