"""The target that spells a presigned URL in any way that a server accepts: one fingerprint,
and no secret shows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, unquote_plus

from support import corpus
from support.fuzzing.log_targets import parse_log
from support.fuzzing.target import Target, check, landmark

SECRETS = (
    "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
    "ASIAEXAMPLEKEYID0001",
    "5eb63bbbe01eeed093cb22bb8f5acdc3",
    "vjbyNxlnr8Lm",
)
_V4 = corpus.PRESIGNED["request_uri"].split("?")[1].split(" ")[0].replace("X" * 32, SECRETS[2])
_V2 = f"AWSAccessKeyId={SECRETS[1]}&Expires=1763630000&Signature={SECRETS[3]}%3D&x-amz-security-token={SECRETS[0]}"
_MORE = ("", "&response-content-disposition=inline%3B%20filename%3D%22a%2Bb%C3%A9.png%22", "&versionId=a%26b%3D%25c",
         "&response-content-type=image%2Fpng", "&response-content-language=caf%E9")  # fmt: skip
_LINES = 24


def spelled(query: str, rng: random.Random, signed_by_sigv2: bool) -> str:
    """Spell a query in another way that means the same to a server."""
    pairs = query.split("&")
    rng.shuffle(pairs)
    if signed_by_sigv2:
        junk = [
            "x-junk=1",
            "X-Amz-Date=20261120T091400Z",
            "x-gt-secure-test=" + "0" * 32,
            "a",
            "=",
            "%",
        ]
        for word in rng.sample(junk, rng.randrange(3)):
            pairs.insert(rng.randrange(len(pairs) + 1), word)
    chance = rng.choice((0.02, 0.2, 0.6, 1.0))
    return "&".join(
        "=".join(_encoded(part, rng, chance) for part in pair.split("=", 1)) for pair in pairs
    )


def _encoded(text: str, rng: random.Random, chance: float) -> str:
    out = []
    for piece in re.findall("%[0-9A-Fa-f]{2}|.", text, re.DOTALL):
        if len(piece) == 3:
            out.append(_respelled(piece, rng, chance))
        elif piece.isalnum() and rng.random() < chance:
            out.append(rng.choice(("%{:02x}", "%{:02X}")).format(ord(piece)))
        else:
            out.append(piece)
    return "".join(out)


def _respelled(escape: str, rng: random.Random, chance: float) -> str:
    if rng.random() > chance:
        return escape
    if escape == "%20":
        return rng.choice(("+", "%20"))
    plain = unquote(escape)
    if plain.isascii() and plain in "/:;,@!$'()*" and rng.random() < 0.5:
        return plain
    return rng.choice((escape.lower(), escape.upper()))


def run_spelling(data: bytes) -> None:
    """All spellings of one URL are one URL, presigned, of one signer;
    and nothing that is kept holds a secret.
    """
    rng = random.Random(data)
    v2 = rng.random() < 0.4
    query = (_V2 if v2 else _V4) + rng.choice(_MORE)
    changes: dict[str, Any] = {"signature_version": "SigV2" if v2 else "SigV4"}
    queries = [query, *(spelled(query, rng, v2) for _ in range(_LINES))]
    lines = [
        corpus.write(
            {
                **corpus.BASE,
                **corpus.PRESIGNED,
                **changes,
                "request_uri": f"GET /scans/0007.png?{one} HTTP/1.1",
            }
        )
        for one in queries
    ]
    rows = parse_log("\n".join(lines).encode())
    check(len(rows) == len(lines), "every line has a row", len(rows))
    check(
        len({row["fingerprint"] for row in rows}) == 1,
        "one fingerprint",
        *_odd(rows, "fingerprint"),
    )
    check(all(row["presigned"] for row in rows), "presigned", queries)
    check(len({row["access_key"] for row in rows}) == 1, "one signer", *_odd(rows, "access_key"))
    for row in rows:
        for text in _decodings(
            " ".join(str(value) for name, value in row.items() if name != "line")
        ):
            check(not any(secret in text for secret in SECRETS), "no secret", row["request_uri"])
    landmark((v2, len(query), rows[1]["request_uri"] == rows[0]["request_uri"]))


def _odd(rows: list[dict[str, Any]], name: str) -> list[str]:
    return [row["request_uri"] for row in rows if row[name] != rows[0][name]][:2]


def _decodings(text: str) -> Iterator[str]:
    for decode in (unquote, unquote_plus):
        shown = text
        for _ in range(4):
            yield shown
            shown = decode(shown)


def _seeds() -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(12)]


SPELLING = Target("spelling", run_spelling, _seeds, (b"\0", b"\1", b"\xff"), 10)
