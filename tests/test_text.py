"""Text from outside: what drives a terminal becomes visible, and secrets are masked however they are spelled."""

from __future__ import annotations

import html
import json
import random
from urllib.parse import quote

import pytest

from gt_secure.text import (
    decoded,
    holds_presigned_url,
    holds_secret,
    json_text,
    printable,
    redact,
    redact_data,
    truncate,
)

TOKEN = "IQoJb3JpZ2luX2VjEJv//SECRETTOKEN+abc"
SIGV4 = (
    "https://gt-images.s3.us-east-1.amazonaws.com/scans/a%20b.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261125%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261125T000000Z"
    f"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token={quote(TOKEN, safe='')}"
    "&X-Amz-Signature=deadbeef0123SECRETSIG"
)
SIGV2 = "http://127.0.0.1:1/b/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1900000000&Signature=SECRETSIG%2Bab%3D"
SECRETS = ("SECRETSIG", "SECRETTOKEN", "IOSFODNN7")


def every_letter(text: str) -> str:
    return "".join(f"%{ord(c):02x}" for c in text)


SPELLED = {
    "as it is": lambda url: url,
    "lower case": str.lower,
    "upper case": str.upper,
    "one letter of each name": lambda url: url.replace("ignature=", "ignatur%65=").replace("oken=", "ok%65n="),
    "a letter of the key id": lambda url: url.replace("SIAIOS", "%53IAIOS").replace("KIAIOS", "%4bIAIOS"),
    "every letter": every_letter,
    "twice": lambda url: every_letter(every_letter(url)),
    "quoted": quote,
    "quoted twice": lambda url: quote(quote(url, safe=""), safe=""),
    "HTML": lambda url: url.replace("&", "&amp;"),
    "HTML numbers": lambda url: url.replace("=", "&#61;").replace("X", "&#88;"),
    "JSON": lambda url: url.replace("&", "\\u0026").replace("=", "\\u003d"),
    "cut": lambda url: url[:-4],
    "without its host": lambda url: url.partition("?")[2],
    "in curly quotes": lambda url: f"“{url}”",
    "as bytes": lambda url: repr(url.encode()),
    "in a Python list": lambda url: repr([url, {"url": url}]),
}


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("url", [SIGV4, SIGV2], ids=["SigV4", "SigV2"])
def test_no_spelling_of_a_presigned_url_keeps_its_secrets(url: str, spelling: str) -> None:
    shown = SPELLED[spelling](url)
    masked = redact(f"before {shown} after")
    everything = (masked + decoded(masked)).lower()
    assert not [secret for secret in SECRETS if secret.lower() in everything], masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert redact(masked) == masked
    assert holds_secret(shown)
    assert holds_presigned_url(shown)


@pytest.mark.parametrize("seed", range(100))
def test_no_random_spelling_keeps_them_either(seed: int) -> None:
    chance = random.Random(seed)
    share = chance.choice((0.02, 0.1, 0.5))
    spelled = "".join(
        f"%{ord(c):02x}" if chance.random() < share and c != "?" else c.swapcase() if chance.random() < share / 4 else c
        for c in chance.choice((SIGV4, SIGV2))
    )
    for wrap in chance.sample((quote, json.dumps, repr, html.escape, lambda text: f"<a href='{text}'>x</a>"), 2):
        spelled = wrap(spelled)
    masked = redact(spelled)
    everything = (masked + decoded(masked)).lower()
    assert not [secret for secret in SECRETS if secret.lower() in everything], masked
    assert redact(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x/s3, SignedHeaders=host, Signature=SECRETSIG",
        "'Authorization': 'AWS AKIAIOSFODNN7EXAMPLE:SECRETSIG='",
        "{'x-amz-signature': 'SECRETSIG00', 'x-amz-credential': 'AKIAIOSFODNN7EXAMPLE/a/b'}",
        '{"Credentials": {"SecretAccessKey": "SECRETSIGabc", "SessionToken": "SECRETTOKEN"}}',
        '"{\\"SessionToken\\": \\"SECRETTOKENabc\\"}"',
        "<SecretAccessKey>SECRETSIGabc</SecretAccessKey><SessionToken>SECRETTOKEN12</SessionToken>",
        "aws_secret_access_key = SECRETSIG/abc\naws_session_token=SECRETTOKEN",
        "x-amz-security-token:SECRETTOKEN12",
        "x-amz-security-token: b'SECRETTOKEN12'",
        "Signature:\nSECRETSIG0123456789",
        f"it said {TOKEN} and stopped",
        "https://user:SECRETSIG@host/path",
        "https://h/k?X-Goog-Signature=SECRETSIG&X-Goog-Credential=SECRETTOKEN",
        "https://d1.cloudfront.net/k?Policy=SECRETTOKEN&Signature=SECRETSIG&Key-Pair-Id=IOSFODNN7",
        "http://127.0.0.1:8888/lab?token=SECRETTOKEN",
    ],
)
def test_keys_headers_and_tokens_are_masked(text: str) -> None:
    masked = redact(text)
    assert not [secret for secret in SECRETS if secret in masked], masked
    assert redact(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "The URL has no X-Amz-Credential: it was cut or altered.",
        "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole-20200101T000000",
        "scans/" + "Patients2024/" * 10,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://gt-images.s3.us-east-1.amazonaws.com/scans/a.png?versionId=abc",
        "100 % of 3 requests; the signature does not match",
        "s3://gt-logs/100%25/x.png",
        "X-Amz-Signature=***&X-Amz-Date=20261125T000000Z",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text
    assert not holds_secret(text)


def test_data_is_masked_in_every_member_and_keeps_its_kind() -> None:
    data = {"a": [SIGV4, {"b": (SIGV2, 1, None)}], SIGV4: 2, "SessionToken": "short", "n": 1.5, "raw": SIGV2.encode()}
    masked = redact_data(data)
    assert not [secret for secret in SECRETS if secret in repr(masked)]
    assert masked["SessionToken"] == "***"
    assert masked["n"] == 1.5
    assert isinstance(masked["a"][1]["b"], tuple)
    assert masked["a"][1]["b"][1:] == (1, None)
    assert data["a"][0] == SIGV4, "the original is not changed"


@pytest.mark.parametrize(
    "text", [SIGV4 * 200, "%25" * 50_000, "x-amz-signature" * 9_000, "A1a" * 50_000, "&=?" * 50_000]
)
def test_masking_ends_on_large_text(text: str) -> None:
    assert len(redact(text)) <= len(text)


HIDDEN = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA1))),
    *"\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u3164\ufeff",
    "\ud800",
    "\U000e0041",
    "\U000e0100",
]


@pytest.mark.parametrize("char", HIDDEN, ids=lambda c: f"{ord(c):04x}")
def test_what_drives_a_terminal_or_is_not_seen_becomes_visible(char: str) -> None:
    assert printable(f"a{char}b") == "a\ufffdb"
    assert printable(f"a{char}b", keep=char) == f"a{char}b"
    shown = json_text({"k": [f"a{char}b"]}, indent=2)
    assert char == "\n" or char == " " or char not in shown
    assert json.loads(shown) == {"k": [f"a{char}b"]}


def test_letters_of_every_script_stay() -> None:
    text = "Größe 日本語 العربية हिन्दी 👩 1:2"
    assert printable(text) == text
    assert json_text(text) == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 59, 60, 61])
def test_long_text_is_cut_in_the_middle(most: int) -> None:
    text = "start" + "x" * 50 + "the end"
    cut = truncate(text, most)
    assert len(cut) <= most
    assert truncate("short", 60) == "short"
    if most >= 21:
        assert cut.startswith("start")
        assert cut.endswith("the end")
