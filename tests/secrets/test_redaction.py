"""Masks: whatever the name, the separator, the quotes and the spelling, the secret is gone."""

from __future__ import annotations

import html
import json
import random
import textwrap
from urllib.parse import quote

import pytest

from gt_secure.secrets import decoded, holds_presigned_url, holds_secret, redact, redact_data
from support.secret_corpus import NAMES, SPELLED, Values, every_letter, spelled

KEY = "Q3EGRZ5NV7B2YTKD"
TOKEN = "IQoJb3JpZ2luX2VjEJv//SECRETTOKEN7+abc"
SIGV4 = (
    "https://gt-images.s3.us-east-1.amazonaws.com/scans/a%20b.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential=ASIA{KEY}%2F20261125%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261125T000000Z"
    f"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token={quote(TOKEN, safe='')}"
    "&X-Amz-Signature=deadbeef0123SECRETSIG"
)
SIGV2 = f"http://127.0.0.1:1/b/k?AWSAccessKeyId=AKIA{KEY}&Expires=1900000000&Signature=SECRETSIG%2Bab%3D"
SECRETS = ("SECRETSIG", "SECRETTOKEN", KEY)


URLS = {
    "as it is": lambda url: url,
    "lower case": str.lower,
    "upper case": str.upper,
    "one letter of each name": lambda url: url.replace("ignature=", "ignatur%65=").replace(
        "oken=", "ok%65n="
    ),
    "a letter of the key id": lambda url: url.replace("ASIA", "A%53IA").replace("AKIA", "A%4bIA"),
    "every letter": every_letter,
    "twice": lambda url: every_letter(every_letter(url)),
    "quoted": quote,
    "quoted twice": lambda url: quote(quote(url, safe=""), safe=""),
    "HTML": lambda url: url.replace("&", "&amp;"),
    "HTML numbers": lambda url: url.replace("=", "&#61;").replace("X", "&#88;"),
    "HTML numbers without an end": lambda url: url.replace("=", "&#x3d"),
    "JSON": lambda url: url.replace("&", "\\u0026").replace("=", "\\u003d"),
    "JavaScript": lambda url: (
        url.replace("&", "\\x26").replace("=", "\\x3d").replace("-", "\\u002d")
    ),
    "quoted-printable": lambda url: url.replace("=", "=3D"),
    "cut": lambda url: url[:-4],
    "without its host": lambda url: url.partition("?")[2],
    "in curly quotes": lambda url: f"“{url}”",
    "as bytes": lambda url: repr(url.encode()),
    "in a Python list": lambda url: repr([url, {"url": url}]),
    "in colours": lambda url: url.replace("Amz", "\x1b[35mAm\x1b[0mz").replace(
        "SIG", "S\x1b[1mI\x1b[0mG"
    ),
}


@pytest.mark.parametrize("spelling", URLS)
@pytest.mark.parametrize("url", [SIGV4, SIGV2], ids=["SigV4", "SigV2"])
def test_no_spelling_of_a_presigned_url_keeps_its_secrets(url: str, spelling: str) -> None:
    shown = URLS[spelling](url)
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
        f"%{ord(c):02x}"
        if chance.random() < share and c != "?"
        else c.swapcase()
        if chance.random() < share / 4
        else c
        for c in chance.choice((SIGV4, SIGV2))
    )
    for wrap in chance.sample(
        (quote, json.dumps, repr, html.escape, lambda text: f"<a href='{text}'>x</a>"), 2
    ):
        spelled = wrap(spelled)
    masked = redact(spelled)
    everything = (masked + decoded(masked)).lower()
    assert not [secret for secret in SECRETS if secret.lower() in everything], masked
    assert redact(masked) == masked


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("name", NAMES)
def test_the_secret_is_gone_whatever_the_separator_and_the_quotes(name: str, spelling: str) -> None:
    left = []
    for value, text in spelled(name, spelling):
        masked = redact(text)
        everything = masked + decoded(masked)
        pieces = (
            {value, value[4:-4]}
            if len(value) < 40
            else {value[i : i + 16] for i in range(4, len(value) - 20)}
        )
        if any(piece in everything for piece in pieces) or redact(masked) != masked:
            left.append((text[:80], masked[:160]))
    assert not left


def test_the_quotes_of_a_value_stay() -> None:
    value = Values().make("secret40")
    assert redact(f"secret_key='{value}', token=None)") == "secret_key='***', token=None)"
    assert redact(f'{{"SessionToken": "{value}{value}"}}') == '{"SessionToken": "***"}'


@pytest.mark.parametrize("width", [60, 76, 80, 100, 115])
def test_wrapped_lines_hide_nothing(width: int) -> None:
    values = Values(5)
    url = SIGV4.replace("deadbeef0123SECRETSIG", values.make("hex64")).replace(
        quote(TOKEN, safe=""), values.make("sts")
    )
    wrapped = "\n".join(url[i : i + width] for i in range(0, len(url), width))
    for text in (wrapped, "\n".join(textwrap.wrap(url, width)), f"{wrapped}\nDone, 3 objects.\n"):
        masked = redact(text)
        joined = masked.replace("\n", "")
        for value in values.made:
            assert not [
                value[i : i + 16]
                for i in range(0, len(value) - 16, 4)
                if value[i : i + 16] in joined
            ], masked
        assert KEY not in joined
    assert masked.endswith("\nDone, 3 objects.\n")


def test_lines_that_are_no_continuation_stay() -> None:
    text = f"{SIGV4}\n200\nfinished in 3.1 s\n"
    assert redact(text).endswith("X-Amz-Signature=***\n200\nfinished in 3.1 s\n")


@pytest.mark.parametrize(
    "text",
    [
        (
            f"Authorization: AWS4-HMAC-SHA256 Credential=AKIA{KEY}/x/s3, SignedHeaders=host,"
            f" Signature={'4f1d' * 16}"
        ),
        f"'Authorization': 'AWS AKIA{KEY}:SECRETSIG='",
        f"{{'x-amz-signature': 'SECRETSIG00', 'x-amz-credential': 'AKIA{KEY}/a/b'}}",
        '{"Credentials": {"SecretAccessKey": "SECRETSIGabc", "SessionToken": "SECRETTOKEN"}}',
        '"{\\"SessionToken\\": \\"SECRETTOKENabc\\"}"',
        "<SecretAccessKey>SECRETSIGabc1</SecretAccessKey><SessionToken>SECRETTOKEN12</SessionToken>",
        "aws_secret_access_key = SECRETSIG/abc1\naws_session_token=SECRETTOKEN7",
        "x-amz-security-token:SECRETTOKEN12",
        "x-amz-security-token: b'SECRETTOKEN12'",
        "Signature:\nSECRETSIG0123456789",
        f"it said {TOKEN} and stopped",
        "https://user:SECRETSIG@host/path",
        "https://h/k?X-Goog-Signature=SECRETSIG&X-Goog-Credential=SECRETTOKEN",
        "https://d1.cloudfront.net/k?Policy=eyJ&Signature=SECRETSIG&Key-Pair-Id=K1",
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
        "aws_session_token=assumedRoleCredentials['SessionToken']",
        "sessionToken = getSessionTokenFromService()",
        "secret_key=sagemakerSessionCredentialsProviderValue",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text
    assert not holds_secret(text)


def test_data_is_masked_in_every_member_and_keeps_its_kind() -> None:
    data = {
        "a": [SIGV4, {"b": (SIGV2, 1, None)}],
        SIGV4: 2,
        "SessionToken": "short",
        "n": 1.5,
        "raw": SIGV2.encode(),
    }
    masked = redact_data(data)
    assert not [secret for secret in SECRETS if secret in repr(masked)]
    assert masked["SessionToken"] == "***"
    assert masked["n"] == 1.5
    assert isinstance(masked["a"][1]["b"], tuple)
    assert masked["a"][1]["b"][1:] == (1, None)
    assert data["a"][0] == SIGV4, "the original is not changed"


@pytest.mark.parametrize(
    "text",
    [
        SIGV4 * 200,
        "%25" * 50_000,
        "x-amz-signature" * 9_000,
        "A1a" * 50_000,
        "&=?" * 50_000,
        "password" * 20_000,
        "://" * 50_000,
        "eyJ" * 50_000,
        "token=<" * 20_000,
        "token=" * 30_000,
        "AKIA" * 30_000,
        "secret: [" * 20_000,
        "&amp;" * 40_000,
        "a" * 60 + ("b1" * 40 + "\n") * 3000,
    ],
)
def test_masking_ends_on_large_text(text: str) -> None:
    assert len(redact(text)) <= len(text)
