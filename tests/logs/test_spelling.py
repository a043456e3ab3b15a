"""No spelling hides a request: servers decode names and values before they verify,
and so does the reader.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gt_secure.base.url_journal import UrlJournal
from gt_secure.logs import Hits, read_hits
from support import corpus

QUERY = corpus.PRESIGNED["request_uri"].split(" ")[1].split("?")[1]
PAIRS = [tuple(pair.split("=", 1)) for pair in QUERY.split("&")]
SECRETS = (
    "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
    "ASIAEXAMPLEKEYID0001",
    "5eb63bbbe01eeed093cb22bb8f5acdc3",
)
URI = corpus.PRESIGNED["request_uri"].replace("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", SECRETS[2])
V2 = {
    "signature_version": "SigV2",
    "request_uri": "GET /scans/0007.png?AWSAccessKeyId=ASIAEXAMPLEKEYID0001&Expires=1763630000"
    "&Signature=vjbyNxlnr8Lm%3D&x-amz-security-token=IQoJb3JpZ2luX2VjEXAMPLETOKEN"
    "&response-content-type=image%2Fpng HTTP/1.1",
}


def record(**changes: object) -> dict[str, object]:
    return {**corpus.BASE, **corpus.PRESIGNED, "request_uri": URI, **changes}


def read(folder: Path, *uris: str, **changes: object) -> Hits:
    lines = [
        corpus.write(record(request_uri=uri, request_id=f"R{n}", **changes))
        for n, uri in enumerate(uris)
    ]
    (folder / "log").write_text("\n".join(lines) + "\n")
    return read_hits(folder)


def encode(text: str, which: Callable[[str], bool], upper: bool = True) -> str:
    """Percent-encode the letters and digits that are chosen, outside of what is encoded already."""
    shape = "%{:02X}" if upper else "%{:02x}"
    parts = []
    at = 0
    while at < len(text):
        if text[at] == "%":
            parts.append(text[at : at + 3])
            at += 3
        else:
            parts.append(
                shape.format(ord(text[at]))
                if text[at] not in "&=" and which(text[at])
                else text[at]
            )
            at += 1
    return "".join(parts)


def respelled(uri: str, change: Callable[[str], str]) -> str:
    method, target, version = uri.split(" ")
    path, query = target.split("?")
    return f"{method} {path}?{change(query)} {version}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "a letter of a name": lambda q: q.replace("X-Amz-Expires", "X-Amz-Expire%73"),
    "the first letter of each name": lambda q: q.replace("X-Amz", "%58-Amz"),
    "lower-case hexadecimal digits": lambda q: encode(q, lambda c: c in "jkz-", upper=False),
    "a digit of a value": lambda q: q.replace("Expires=600", "Expires=%3600"),
    "a slash of a value": lambda q: q.replace("%2F", "/"),
    "every letter": lambda q: encode(q, str.isalpha),
    "everything": lambda q: encode(q, lambda c: True),
    "the first parameter's name": lambda q: "%58" + q[1:],
    "the signature's name": lambda q: q.replace("X-Amz-Signature", "X-Amz-Signatur%65"),
    "the token's name": lambda q: q.replace("X-Amz-Security-Token", "X%2DAmz-Security-Toke%6e"),
    "the credential's name": lambda q: q.replace("X-Amz-Credential", "X-Amz-C%72edential"),
    "a doubled separator": lambda q: q.replace("&", "&&"),
    "a separator first": lambda q: "&" + q,
    "a separator last": lambda q: q + "&",
    "another order": lambda q: "&".join(reversed(q.split("&"))),
    "another order, encoded": lambda q: encode(
        "&".join(reversed(q.split("&"))), lambda c: c in "aeiou"
    ),
}


def test_a_spelling_is_the_same_url(tmp_path: Path) -> None:
    spelled = [respelled(URI, change) for change in SPELLINGS.values()]
    assert URI not in spelled
    with read(tmp_path, URI, *spelled) as hits:
        assert [row[2] for row in hits.count(["presigned", "fingerprint"]).rows] == [
            1 + len(spelled)
        ]
        assert_no_secret(hits, tmp_path)


def test_blanks_and_semicolons_of_a_value(tmp_path: Path) -> None:
    named = URI.replace(" HTTP", "&response-content-disposition={} HTTP")
    spelled = [
        named.format(v)
        for v in ("inline%3B%20a%2Bb", "inline%3b+a%2bb", "inline;%20a%2Bb", "%69nline;+a%2Bb")
    ]
    with read(tmp_path, *spelled) as hits:
        assert [n for _, n in hits.count(["fingerprint"]).rows] == [4]
    with read(
        tmp_path, named.format("a%2Bb"), named.format("a%20b"), named.format("a%252Bb")
    ) as hits:
        # a plus, a blank, an encoded plus
        assert [n for _, n in hits.count(["fingerprint"]).rows] == [
            1,
            1,
            1,
        ]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    named = URI.replace(" HTTP", "&response-content-disposition={} HTTP")
    with read(
        tmp_path, named.format("caf%E9x"), named.format("caf%e9%78"), named.format("caf%E8x")
    ) as hits:
        assert [n for _, n in hits.count(["fingerprint"]).rows] == [2, 1]


def test_an_encoded_separator_separates_nothing(tmp_path: Path) -> None:
    other = URI.replace("X-Amz-Expires=600", "X-Amz-Expires=600%26versionId%3D1")
    both = URI.replace("X-Amz-Expires=600", "X-Amz-Expires=600&versionId=1")
    with read(tmp_path, other, both) as hits:
        assert [n for _, n in hits.count(["fingerprint"]).rows] == [1, 1]


def test_any_random_spelling(tmp_path: Path) -> None:
    dice = random.Random(7)
    spelled = [URI]
    for _ in range(200):
        pairs = dice.sample(QUERY.split("&"), len(PAIRS))
        chance = dice.random()
        text = encode(
            "&".join(pairs),
            lambda c, chance=chance: dice.random() < chance,
            upper=dice.random() < 0.5,
        )
        spelled.append(respelled(URI, lambda q, text=text: text))
    spelled[1:] = [uri.replace("X" * 32, SECRETS[2]) for uri in spelled[1:]]
    with read(tmp_path, *spelled) as hits:
        assert len(hits.filter(presigned=True)) == len(spelled)
        assert len(hits.count(["fingerprint"]).rows) == 1
        assert len(hits.count(["access_key"]).rows) == 1
        assert_no_secret(hits, tmp_path)


def assert_no_secret(hits: Hits, folder: Path) -> None:
    """Nothing that leaves the reader holds a secret, also after decoding it."""
    from urllib.parse import unquote

    for way in ("csv", "json", "parquet"):
        getattr(hits, f"to_{way}")(folder / f"out.{way}")
    texts = [
        (folder / "out.csv").read_text(),
        (folder / "out.json").read_text(),
        hits.rows().to_json(),
    ]
    texts += [json.dumps(hits.to_pandas().astype(str).to_dict())]
    for text in texts:
        for _ in range(3):
            for secret in SECRETS:
                assert secret not in text
            text = unquote(text)


@pytest.mark.parametrize(
    "hidden",
    [
        "https://x.example/?u=" + "X-Amz-Signature%3D5eb63bbbe01eeed093cb22bb8f5acdc3",
        "https://x.example/?u=X-Amz-Signatur%65=5eb63bbbe01eeed093cb22bb8f5acdc3",
        "https://x.example/?u=X-Amz-Signatur%2565%3D5eb63bbbe01eeed093cb22bb8f5acdc3",
        "https://x.example/?u=X-Amz-Securit%2579-Token%253DIQoJb3JpZ2luX2VjEXAMPLETOKEN",
        "https://x.example/?X-Amz-Secur%69ty-Token=IQoJb3JpZ2luX2VjEXAMPLETOKEN&b=%ff",
    ],
)
def test_secrets_in_other_texts(hidden: str, tmp_path: Path) -> None:
    with read(tmp_path, URI, referer=hidden, user_agent=hidden) as hits:
        assert_no_secret(hits, tmp_path)


ODD = (
    "X-Amz-Security-Token%00=TOKEN", "X-Amz-Security-Token%20=TOKEN", "%EF%BC%B8-Amz-Security-Token=TOKEN",
    "X-Amz-%EF%BC%B3ecurity-Token=TOKEN", "X-Amz-Security-Token[]=TOKEN", "X-Amz-Security-Token;=TOKEN", "t=TOKEN",
    "X-Amz-Security-Token+=TOKEN", "X-Amz-Security-Token%C2%A0%3DTOKEN", "X-Amz-Security-Token=a%26b=TOKEN", "TOKEN",
    "X-Amz-Signature%00=SIGNATURE", "%EF%BC%B8-Amz-Signature=SIGNATURE", "Signature%09=SIGNATURE",
    "X-Amz-Credential%00=KEY", "AWSAccessKeyId%00=KEY", "x=KEY",
)  # fmt: skip
"""Queries that S3 refuses, and logs."""


@pytest.mark.parametrize("start", ["IQoJb3JpZ2luX2VjEXAMPLETOKEN", "FwoGZXIvYXdzEXAMPLETOKEN/+=x"])
def test_secrets_of_refused_odd_requests(start: str, tmp_path: Path) -> None:
    secrets = {"TOKEN": start, "SIGNATURE": SECRETS[2], "KEY": SECRETS[1]}
    asked = [
        pair.replace(name, secret)
        for pair in ODD
        for name, secret in secrets.items()
        if pair.endswith(name)
    ]
    uris = [
        uri
        for pair in asked
        for uri in (f"GET /k?{pair} HTTP/1.1", f"GET /k?a=b&{pair}&c=d HTTP/1.1")
    ]
    with read(tmp_path, *uris, http_status=403, referer=f"https://x.example/?{asked[0]}") as hits:
        assert len(hits) == len(uris) == 2 * len(ODD)
        assert_no_secret(hits, tmp_path)
        assert start not in (tmp_path / "out.csv").read_text()


def test_the_authentication_type_alone_makes_it_presigned(tmp_path: Path) -> None:
    with read(tmp_path, "GET /scans/0007.png HTTP/1.1", "GET /scans/0007.png?a=b HTTP/1.1") as hits:
        assert len(hits.filter(presigned=True)) == 2


def test_a_form_is_presigned(tmp_path: Path) -> None:
    with read(
        tmp_path, "POST / HTTP/1.1", auth_type="HtmlForm", operation="REST.POST.OBJECT"
    ) as hits:
        assert len(hits.filter(presigned=True)) == 1


SAME: tuple[Callable[[str], str], ...] = (
    lambda u: u.replace(" HTTP", "&x-junk=1 HTTP"),
    lambda u: u.replace("?AWS", "?x-junk=1&AWS"),
    lambda u: u.replace(" HTTP", "&X-Amz-Date=20261120T091400Z HTTP"),
    lambda u: u.replace("Signature", "Signatur%65").replace("AWSAccessKeyId", "AWSAccess%4BeyId"),
    lambda u: u.replace("image%2Fpng", "image/png"),
    lambda u: u.replace("&Expires=1763630000", "").replace(" HTTP", "&Expires=%31763630000 HTTP"),
    lambda u: u.replace("/scans/0007.png", "/gt-images/scans/0007.png"),
    lambda u: u.replace(" HTTP", "&expires=1 HTTP"),
    lambda u: u.replace("?AWS", "?expires=1&AWS"),
    lambda u: u.replace(" HTTP", "&Expires=1763630000 HTTP"),
    lambda u: u.replace(" HTTP", "&Expires=1863630000 HTTP"),
    lambda u: u.replace(" HTTP", "&AWSAccessKeyId=ASIAEXAMPLEKEYID0001 HTTP"),
    lambda u: u.replace(" HTTP", "&AWSAccessKeyId=ASIAEXAMPLEKEYID0002&awsaccesskeyid=x HTTP"),
    lambda u: u.replace(
        " HTTP", "&Signature=x&x-amz-security-token=y&ACL&VersionId=3&versionid=4 HTTP"
    ),
    lambda u: u.replace("?AWS", "?Response-Content-Type=text/html&AWS"),
    lambda u: u.replace(" HTTP", f"&{u.split('?')[1]}").replace(
        "&response-content-type=image%2Fpng HTTP", " HTTP"
    ),
    lambda u: u.replace("Expires", "Expire%73").replace(" HTTP", "&%45xpires=7 HTTP"),
)


def test_what_sigv2_does_not_sign_makes_no_other_url(tmp_path: Path) -> None:
    uri = str(V2["request_uri"])
    spelled = [change(uri) for change in SAME]
    with read(
        tmp_path, uri, *spelled, signature_version="SigV2", host_header="s3.amazonaws.com"
    ) as hits:
        assert [row[2] for row in hits.count(["presigned", "fingerprint"]).rows] == [1 + len(SAME)]


OTHER: tuple[Callable[[str], str], ...] = (
    lambda u: u.replace("Expires=1763630000", "Expires=1763630001"),
    lambda u: u.replace("image%2Fpng", "image%2Fjpeg"),
    lambda u: u.replace(" HTTP", "&versionId=3 HTTP"),
    lambda u: u.replace("KEYID0001", "KEYID0002"),
    lambda u: u.replace("?AWS", "?Expires=1763630001&AWS"),
    lambda u: u.replace("?AWS", "?AWSAccessKeyId=ASIAEXAMPLEKEYID0002&AWS"),
    lambda u: u.replace(" HTTP", "&acl HTTP"),
    lambda u: u.replace(" HTTP", "&response-content-type=image%2Fpng HTTP"),
)


def test_what_sigv2_signs_makes_another_url(tmp_path: Path) -> None:
    uri = str(V2["request_uri"])
    with read(
        tmp_path, *[uri] * 3, *(change(uri) for change in OTHER), signature_version="SigV2"
    ) as hits:
        counts = [n for *_, n in hits.count(["fingerprint"]).rows]
        assert max(counts) == 3, "none of the others is counted with the URL itself"
        assert sum(counts) == 3 + len(OTHER)


def test_lines_of_before_2019(tmp_path: Path) -> None:
    uri = str(V2["request_uri"])
    signed = corpus.write(record(request_uri=uri), fields=18)
    anonymous = corpus.write(record(request_uri=uri, requester=None), fields=18)
    (tmp_path / "log").write_text(f"{signed}\n{anonymous}\n")
    with read_hits(tmp_path) as hits:
        assert sorted(hits.count(["presigned"]).rows) == [(False, 1), (True, 1)]


def with_marker(marker: str, uri: str = URI) -> str:
    return uri.replace("&X-Amz-Signature", f"&x-gt-secure-test={marker}&X-Amz-Signature")


USED = datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC)


def own_tests(hits: Hits) -> list[bool]:
    return [test for (test,) in hits.rows(columns=["test"]).rows]


def test_only_a_marker_of_this_installation_is_a_test(tmp_path: Path) -> None:
    ours = UrlJournal().new_marker()
    UrlJournal().record_use(ours, USED.timestamp())
    with read(
        tmp_path,
        with_marker(ours),
        with_marker("1"),
        with_marker("0" * 32),
        time=USED.replace(tzinfo=None),
    ) as hits:
        assert sorted(own_tests(hits)) == [False, False, True]


def test_a_test_url_that_somebody_else_uses_is_no_test(tmp_path: Path) -> None:
    ours = UrlJournal().new_marker()
    UrlJournal().record_use(ours, USED.timestamp() - 3600)
    with read(tmp_path, with_marker(ours), time=USED.replace(tzinfo=None)) as hits:
        assert own_tests(hits) == [False]


def test_a_marker_on_a_sigv2_url_is_no_test(tmp_path: Path) -> None:
    ours = UrlJournal().new_marker()
    UrlJournal().record_use(ours, USED.timestamp())
    uri = str(V2["request_uri"]).replace(" HTTP", f"&x-gt-secure-test={ours} HTTP")
    with read(tmp_path, uri, signature_version="SigV2", time=USED.replace(tzinfo=None)) as hits:
        assert own_tests(hits) == [False]
        assert len(hits.filter(presigned=True, test=False)) == 1


def test_a_marker_of_another_installation_is_no_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = UrlJournal().new_marker()
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "elsewhere"))
    UrlJournal().record_use(ours, USED.timestamp())
    with read(tmp_path, with_marker(ours), time=USED.replace(tzinfo=None)) as hits:
        assert own_tests(hits) == [False]


def test_all_pairs_are_signed_once() -> None:
    assert len(PAIRS) == len({name for name, _ in PAIRS})
    assert list(itertools.chain(*PAIRS))
