"""A probe is opened only if S3 carried the request out, refused only if a policy refused it, and no
truth value otherwise.

The cases are drawn from what S3, AWS KMS, a proxy and a network answer to one request; what each
says of the locks is written beside it, from the AWS documentation, and not read from the product.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gt_secure
from gt_secure.cli.exit_codes import FOUND, OK, UNKNOWN
from gt_secure.cli.sign import _exit_code
from gt_secure.explain.explanation import explain
from gt_secure.presign.probe import Probe

CASES = 600
FLOORS = {"opened": 40, "refused": 60, "unknown": 300}
WHO = (
    "arn:aws:sts::111122223333:assumed-role/R/s",
    "arn:aws:iam::111122223333:user/a",
    "anonymous",
)
KEYS = (
    "a.png",
    "Request has expired",
    "perform: kms:Decrypt",
    "is not authorized to perform: s3:x",
)
LAYERS = (
    "resource-based policy",
    "session policy",
    "service control policy",
    "VPC endpoint policy",
)
METHODS = ("GET", "HEAD", "LIST", "PUT", "DELETE")
FAILURES = ("time-out", "dns", "refused", "tls", "network")
EXPIRED = ("Request has expired", "Request has expired given timeout and signed time")
BUSY = ((503, "SlowDown"), (503, "ServiceUnavailable"), (500, "InternalError"), (429, "SlowDown"))
ABSENT = (
    (404, "NoSuchKey"),
    (404, "NoSuchBucket"),
    (404, "NoSuchVersion"),
    (405, "MethodNotAllowed"),
)
KMS = ("KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException")
TOKENS = ("ExpiredToken", "InvalidToken", "InvalidAccessKeyId")
PAGES = (200, 204, 302, 403, 407, 451, 502, 511)
"""Status codes with which a proxy, a firewall or a sign-in page answers in the place of S3."""


class Case(NamedTuple):
    kind: str
    wanted: str
    probe: Probe


def made(
    status: int | None, code: str = "", message: str = "", *, from_s3: bool = True, **more: Any
) -> Probe:
    given = {
        "probe_origin": "kernel",
        "source": None,
        "bucket": "b",
        "key": "k",
        "elapsed_ms": 1.0,
        "request_id": "ABC" if from_s3 else "",
        **more,
    }
    return Probe(status=status, error_code=code, error_message=message, **given)


def drawn(rng: random.Random) -> Iterator[Case]:
    """Yield one case of each kind of outcome."""
    one = rng.choice
    method = one(METHODS)
    yield Case("carried out", "opened", made(one((200, 204, 206)), method=method))
    named = f'User: {one(WHO)} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/{one(KEYS)}"'
    deny = one(
        (
            f"with an explicit deny in a {one(LAYERS)}",
            f"because no {one(LAYERS)} allows the s3:GetObject action",
        )
    )
    yield Case("policy", "refused", made(403, "AccessDenied", f"{named} {deny}"))
    yield Case(
        "policy in short",
        "refused",
        made(403, "AccessDenied", one(("Access Denied", "Access Denied."))),
    )
    key = f"User: {one(WHO)} is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:::key/k"
    yield Case("key policy", "unknown", made(403, "AccessDenied", f"{key} {deny}"))
    yield Case("key", "unknown", made(400, one(KMS), "The key is disabled."))
    yield Case("expired", "unknown", made(403, "AccessDenied", one(EXPIRED)))
    yield Case("expired token", "unknown", made(400, one(TOKENS), "x"))
    yield Case("other method", "unknown", made(403, "SignatureDoesNotMatch", "x", method=method))
    yield Case("absent", "unknown", made(*one(ABSENT), "x"))
    yield Case("absent, HEAD", "unknown", made(one((403, 404)), method="HEAD"))
    yield Case("throttled", "unknown", made(*one(BUSY), "Please reduce your request rate."))
    yield Case(
        "redirect", "unknown", made(one((301, 302, 307)), one(("PermanentRedirect", "")), "x")
    )
    yield Case(
        "no answer", "unknown", made(None, failure=one(FAILURES), from_s3=False, method=method)
    )
    yield Case(
        "proxy",
        "unknown",
        made(one(PAGES), from_s3=False, proxied=one((True, False)), method=method),
    )


def asked(seed: int, number: int) -> tuple[Counter[str], list[str]]:
    """Return how many cases of each outcome were met, and those that say what they must not."""
    rng, met, wrong = random.Random(seed), Counter[str](), []
    while sum(met.values()) < number:
        for case in drawn(rng):
            met[case.wanted] += 1
            wrong += [f"{case.kind}: {said}" for said in faults(case)]
    return met, wrong


def faults(case: Case) -> Iterator[str]:
    probe = case.probe
    if probe.answer != case.wanted:
        yield f"{probe.answer} for {case.wanted}: {probe}"
        return
    data = {"opened": True, "refused": False}.get(case.wanted)
    if probe.to_dict()["opened"] is not data:
        yield "the data differ"
    said = explain(probe)
    codes = {
        "opened": (OK, FOUND), "refused": (FOUND, OK), "unknown": (UNKNOWN, UNKNOWN),
    }[case.wanted]  # fmt: skip
    for word, code in zip(("opened", "refused"), codes, strict=True):
        if _exit_code([(probe, said.to_dict())], [word]) != code:
            yield f"--expect {word} does not end with {code}"
        try:
            value = getattr(probe, word)
        except TypeError as error:
            if case.wanted != "unknown" or "nothing was decided. The answer was" not in str(error):
                yield str(error)
        else:
            if value is not (word == case.wanted) or case.wanted == "unknown":
                yield f".{word} is {value}"


def test_a_probe_is_certain_or_no_truth_value() -> None:
    met, wrong = asked(20261130, CASES)
    assert wrong == []
    assert {word for word, floor in FLOORS.items() if met[word] < floor} == set()


@pytest.mark.slow
def test_a_probe_is_certain_or_no_truth_value_in_many_cases() -> None:
    met, wrong = asked(7, 100_000)
    assert wrong == []
    print(dict(met))


@pytest.mark.parametrize(
    "fault", ["a sign-in page opens", "a key refuses", "what is not opened is refused"]
)
def test_each_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "a sign-in page opens":
        monkeypatch.setattr(Probe, "from_s3", True)
    elif fault == "a key refuses":
        module = import_module(Probe.__module__)
        pattern = module._BY_POLICY.pattern.replace("(?!: kms:)", "").replace(r"\S+", ".*")
        monkeypatch.setattr(module, "_BY_POLICY", re.compile(pattern))
    else:
        monkeypatch.setattr(Probe, "refused", property(lambda probe: probe.answer != "opened"))
    assert asked(20261130, CASES)[1]


def test_no_guide_shows_an_assert_that_a_broken_test_satisfies() -> None:
    root = Path(gt_secure.__file__).parents[1]
    pages = [*root.glob("docs/**/*.md"), *root.glob("notebooks/**/*.ipynb"), root / "README.md"]
    assert any("probe(url" in page.read_text(encoding="utf-8") for page in pages)
    weak = re.compile(
        r"assert [^`\n]*(not [^`\n]*\.opened\b|\.(opened|status) *(is not|!=|== 403|is False))"
    )
    shown = {page.name: weak.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: found for name, found in shown.items() if found} == {}
