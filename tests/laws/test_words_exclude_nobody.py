"""A request that the words of an answer exclude is refused.

An answer that something is opened names the choices under which it is: a time of issue, a header, a
session. Policies refuse by one to three conditions that only hold together. Requests are drawn by a
sampler that knows nothing of how gt_secure looks for such choices, and the words are read by a
reader of their own: a request that they exclude must not be opened.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import pytest

from gt_secure.engine.access import Exposure, conditions_of_opening, locks_of_policies
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_space import Dimension, RequestSpace
from gt_secure.engine.iam.statement_table import DimensionValue, mask_of
from gt_secure.engine.policies.revocation import build_revocations

OWN, OTHER, OUTSIDE = "111122223333", "444455556666", "198.51.100.9"
BUCKET = "arn:aws:s3:::gt-images"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TIMES = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
ISSUED = ("2026-09-01T00:00:00Z", *TIMES, "2026-10-15T00:00:00Z", "2026-11-20T00:00:00Z", "")
CONDITIONS: tuple[tuple[str, str, Any], ...] = (
    *((operator, "aws:TokenIssueTime", each) for operator in ("DateLessThan", "DateGreaterThan") for each in TIMES),
    ("DateNotEquals", "aws:TokenIssueTime", TIMES[0]), ("StringLike", "aws:TokenIssueTime", "2026-1*"),
    ("Null", "aws:TokenIssueTime", "true"), ("Null", "aws:TokenIssueTime", "false"),
    ("StringLike", "aws:userid", "*:gt-viewer-a"), ("StringNotLike", "aws:userid", "*:gt-viewer-a"),
    ("StringEquals", "aws:PrincipalTag/team", "red"), ("Null", "aws:PrincipalTag/team", "true"),
    ("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/team-*"), ("Bool", "aws:SecureTransport", "false"),
    ("Bool", "aws:SecureTransport", "true"), ("NumericLessThan", "s3:TlsVersion", "1.3"),
    ("NumericGreaterThan", "s3:signatureAge", "600000"), ("NumericLessThan", "s3:signatureAge", "600000"),
    ("StringEquals", "s3:signatureversion", "AWS"), ("StringNotEquals", "s3:signatureversion", "AWS"),
    ("StringNotLike", "aws:Referer", ["https://a.example/*", "x"]), ("StringLike", "aws:Referer", "https://a.example/*"),
    ("StringNotEqualsIgnoreCase", "aws:UserAgent", "Probe"), ("StringLikeIfExists", "aws:UserAgent", "curl*"),
    ("Null", "aws:Referer", "true"), ("Null", "aws:Referer", "false"),
)  # fmt: skip
SIGNERS = (f"arn:aws:iam::{OWN}:role/team-a", f"arn:aws:sts::{OWN}:assumed-role/app/gt-viewer-b",
           f"arn:aws:iam::{OTHER}:user/app", f"arn:aws:iam::{OTHER}:role/team-b")  # fmt: skip
KINDS = {"presigned": "own", "other-account": "other"}


def policy(random: Random) -> dict[str, Any]:
    """Return one or two Denies of one to three conditions each, beside a grant."""
    both = {"Principal": "*", "Action": "s3:*", "Resource": [BUCKET, f"{BUCKET}/*"]}
    statements: list[dict[str, Any]] = [{"Effect": "Allow", **both}]
    for _ in range(random.choice((1, 1, 2))):
        condition: dict[str, Any] = {}
        for operator, key, value in random.sample(CONDITIONS, random.choice((1, 2, 2, 3))):
            condition.setdefault(operator, {})[key] = value
        statements.append({"Effect": "Deny", **both, "Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements}


def revoking(random: Random) -> dict[str, Any]:
    """Return one or two revocations beside a grant: of everybody, a signer, a viewer or both."""
    both = [BUCKET, f"{BUCKET}/*"]
    statements: list[Any] = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": both}
    ]
    for _ in range(random.choice((1, 1, 2))):
        statements += build_revocations(
            random.choice((both, f"{BUCKET}/scans/*", f"{BUCKET}/scans/1.png")),
            before=datetime.fromisoformat(random.choice(TIMES)),
            until=None,
            signer=random.choice((None, *SIGNERS)),
            session=random.choice(("", "gt-viewer-a")),
        )
    return {"Version": "2012-10-17", "Statement": statements}


def request(random: Random, signer: str, tag: str | None) -> Request:
    """Return a presigned request with every key that the policies name at random;
    ``tag`` is the signers', if known.
    """
    account, name = OWN if signer == "own" else OTHER, random.choice(("team-a", "team-b", "app"))
    issued, team = (
        random.choice(ISSUED),
        random.choice(("red", "blue", "")) if tag is None or signer != "own" else tag,
    )
    is_tls, is_two = random.random() < 0.6, random.random() < 0.2
    apart = Random(repr(random.getstate()[1][-1]))  # the draw of everything else stays the same
    version = apart.choice(("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"))
    keys = {
        "aws:SourceIp": OUTSIDE, "s3:authType": "REST-QUERY-STRING", "aws:ViaAWSService": "false",
        "aws:PrincipalIsAWSService": "false", "aws:PrincipalAccount": account, "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalArn": f"arn:aws:iam::{account}:role/{name}", "aws:SecureTransport": "true" if is_tls else "false",
        "aws:userid": f"AROAEXAMPLE:{random.choice(('gt-viewer-a', 'gt-viewer-b', 'work'))}",
        "aws:TokenIssueTime": issued or ISSUED[0], "aws:PrincipalTag/team": team,
        "s3:TlsVersion": random.choice(("1.2", "1.3")) if is_tls else "",
        "s3:signatureversion": "AWS" if is_two else version,
        "s3:signatureAge": "0" if is_two else random.choice(("0", "1", "599999", "600000", "600001", "90000000")),
        "aws:Referer": random.choice(("https://a.example/page", "https://b.example/", "x", "")),
        "aws:UserAgent": random.choice(("Probe", "probe", "curl/8", "Mozilla", "")),
    }  # fmt: skip
    principal = f"arn:aws:sts::{account}:assumed-role/{name}/{keys['aws:userid'].partition(':')[2]}"
    if signer == "other" and not issued:  # a user of another account signs with long-term keys
        principal = f"arn:aws:iam::{account}:user/{name}"
        keys |= {
            "aws:PrincipalArn": principal,
            "aws:PrincipalType": "User",
            "aws:username": name,
            "aws:userid": "AIDAX",
        }
        del keys["aws:TokenIssueTime"]
    present = {key: value for key, value in keys.items() if value}
    return Request("s3:GetObject", f"{BUCKET}/scans/1.png", principal, present, OWN)


UNITS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000}
WHAT = r"(?:aws|s3):[\w/-]+"


def age_of(text: str) -> int:
    number, unit = re.fullmatch(r"([\d,]+) (\w+?)s?", text).groups()  # type: ignore[union-attr]
    return int(number.replace(",", "")) * UNITS.get(unit, 1)


def excludes(phrase: str, every: tuple[str, ...], keys: dict[str, Any]) -> bool:
    """Return whether a phrase says that requests with these keys are not opened."""
    issued = (
        datetime.fromisoformat(keys["aws:TokenIssueTime"]) if "aws:TokenIssueTime" in keys else None
    )
    if "depending on " in phrase:
        return False
    if "signed by " in phrase:
        return excludes_signer(phrase, keys)
    if phrase.startswith("with some values of ") and ", such as " not in phrase:
        return False
    if found := re.fullmatch("signed with long-term keys", phrase):
        return issued is not None
    if found := re.fullmatch(
        r"signed with (?:temporary )?credentials(.*?)(, or with long-term keys)?", phrase
    ):
        if issued is None:
            return not found[2]
        limit = re.fullmatch(r" issued at (\S+) or later", found[1])
        assert limit or not found[1], phrase
        return limit is not None and issued < datetime.fromisoformat(limit[1])
    if phrase.startswith("over "):
        version = keys.get("s3:TlsVersion")
        if version is None:
            return "HTTP" not in phrase.split()
        return "HTTPS only" not in phrase and f"HTTPS with TLS {version}" not in phrase
    if found := re.fullmatch(
        r"with signature version (\d)(?: only: .*| at any age as well)", phrase
    ):
        return " only" in phrase and (keys["s3:signatureversion"] == "AWS") != (found[1] == "2")
    if found := re.fullmatch(r"with a signature (.*)", phrase):
        if (
            keys["s3:signatureversion"] == "AWS"
            and "with signature version 2 at any age as well" in every
        ):
            return False
        return not is_aged(found[1], int(keys["s3:signatureAge"]))
    return excludes_value(phrase, keys)


TYPES = {
    "AssumedRole": "a role",
    "User": "an IAM user",
    "Account": "the root user",
    "FederatedUser": "a federated user",
}


def excludes_signer(phrase: str, keys: dict[str, Any]) -> bool:
    """Return whether a phrase about who signs excludes a request."""
    names = phrase.partition("signed by ")[2].split(" or ")
    if any(" such as " in name or name.endswith(" more") for name in names):
        return False
    arn, kind = keys["aws:PrincipalArn"], TYPES[keys["aws:PrincipalType"]]
    short = arn.split(":", 5)[-1]
    session = f"assumed-role/{short.rpartition('/')[2]}/{keys['aws:userid'].partition(':')[2]}"
    fits = any(
        f"{name} of account ".startswith(f"{kind} of account ")
        or any(fnmatchcase(text, name) for text in (arn, short, session))
        for name in names
    )
    return fits == phrase.startswith("unless ")


def is_aged(words: str, age: int) -> bool:
    if found := re.fullmatch("not older than (.*)", words):
        return age <= age_of(found[1])
    if found := re.fullmatch("older than (.*)", words):
        return age > age_of(found[1])
    if found := re.fullmatch("at least (.*) old", words):
        return age >= age_of(found[1])
    if found := re.fullmatch("exactly (.*) old", words):
        return age == age_of(found[1])
    found = re.fullmatch("from (.*) to (.*) old", words)
    assert found, words
    return age_of(found[1]) <= age <= age_of(found[2])


def excludes_value(phrase: str, keys: dict[str, Any]) -> bool:
    """Return whether a phrase about the values of one key excludes a request."""
    start, absence = (
        rf"(with some values of|without|with|unless) ({WHAT})",
        "(, or without it|, or with long-term keys)?",
    )
    form = rf'{start}(?: is|, such as|(, unless it is))?((?: or)? ".*")?{absence}'
    found = re.fullmatch(form, phrase)
    assert found, phrase
    how, name, but, listed, absent = found.groups()
    value, texts = keys.get(name), re.findall(r'"(.*?)"', listed or "")
    matches = value is not None and any(fnmatchcase(value, text) for text in texts)
    if how == "without":
        return value is not None
    if how == "unless":
        return matches
    if value is None:
        return not absent
    return matches if but else how == "with" and bool(texts) and not matches


def contradictions(
    seeds: Iterable[int],
    counts: Counter[str],
    draw: Callable[[Random], dict[str, Any]] = policy,
    drawn: int = 80,
) -> Iterator[str]:
    """Yield each opened request that the words of an answer exclude."""
    for seed in seeds:
        random = Random(seed)
        document, tag = draw(random), random.choice((None, "red", ""))
        facts = Facts({} if tag is None else {"aws:principaltag/team": (tag,) if tag else ()})
        exposure = Exposure(
            locks_of_policies("gt-images", json.dumps(document), OWN, facts), "scans/1.png"
        )
        answers = {name: exposure.at(OUTSIDE, name) for name in KINDS}
        rows = {name: exposure.row(name) for name in KINDS}
        policies = Policies((FULL,), resource=document)
        for answer in answers.values():
            counts[answer.answer] += 1
            counts["words"] += bool(answer.when)
            counts["depending"] += any("depending on" in each for each in answer.when)
        for name, signer in KINDS.items():
            if answers[name].answer != "opened":
                continue
            for _ in range(drawn):
                asked = request(random, signer, tag)
                keys = dict(asked.context)
                for when in {answers[name].when, rows[name].opened.when}:
                    excluding = [each for each in when if excludes(each, when, keys)]
                    counts["excluded"] += bool(excluding)
                    if excluding and evaluate(asked, policies).allowed:
                        yield f"seed {seed}: {name} {excluding} excludes {keys}"


QUICK = range(25)
"""Policies among which each fault below shows."""


def holds(seeds: Iterable[int]) -> None:
    counts: Counter[str] = Counter()
    assert [*contradictions(seeds, counts)] == []
    assert counts["opened"] * 3 >= 2 * sum(
        counts[each] for each in ("opened", "refused", "unknown")
    ), counts
    assert counts["words"] * 3 >= counts["opened"] * 2, counts
    assert counts["excluded"] >= counts["words"] * 5, counts
    assert counts["depending"] * 2 <= counts["words"], counts


def test_no_request_that_opens_is_excluded() -> None:
    holds(QUICK)


def revocations_hold(seeds: range) -> None:
    counts: Counter[str] = Counter()
    assert [*contradictions(seeds, counts, revoking)] == []
    assert counts["opened"] == len(seeds) * len(KINDS), counts
    assert counts["words"] >= len(seeds), counts
    assert counts["excluded"] >= len(seeds), counts


def test_no_request_that_opens_is_excluded_beside_a_revocation() -> None:
    revocations_hold(QUICK)


def test_no_request_that_opens_is_excluded_beside_more_revocations() -> None:
    revocations_hold(range(1000, 1300))


def test_no_request_that_opens_is_excluded_under_more_policies() -> None:
    holds(range(1000, 2000))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 50_000, 4000))
def test_no_request_that_opens_is_excluded_under_any_policy(first: int) -> None:
    holds(range(first, first + 4000))


def _what_depends_is_refused(patch: pytest.MonkeyPatch) -> None:
    def certain(space: RequestSpace, dimension: Dimension, mask: int) -> Any:
        settings, _ = USABLE(space, dimension, mask)
        usable = (each for each in settings if _opens(space, dimension, each, mask))
        return [*usable], frozenset()

    patch.setattr(RequestSpace, "usable", certain)


def _opens(space: RequestSpace, dimension: Dimension, setting: DimensionValue, mask: int) -> bool:
    [group] = [group for group in space.groups if dimension in group.dimensions]
    own = mask_of(group.parts, space.base.with_setting(setting)) & mask
    return space.answer(own, without=dimension).state == "opened"


def _http_has_no_words(patch: pytest.MonkeyPatch) -> None:
    transport = conditions_of_opening._transport
    patch.setattr(
        conditions_of_opening,
        "_transport",
        lambda *asked: transport(*asked).replace("HTTP or ", ""),
    )


def _some_time_is_the_first(patch: pytest.MonkeyPatch) -> None:
    compared = conditions_of_opening._compared
    patch.setattr(
        conditions_of_opening,
        "_compared",
        lambda name, good, _, more: compared(name, good[-1:], [("0",)], more),
    )


USABLE = RequestSpace.usable
FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "what depends on facts is refused": (_what_depends_is_refused, 5),
    "HTTP has no words": (_http_has_no_words, 6),
    "some time is the first that opens": (_some_time_is_the_first, 23),
}
"""Each fault, and the policy among the few in which it shows."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, seed = FAULTS[fault]
    assert seed in QUICK
    put_back(monkeypatch)
    assert [*contradictions([seed], Counter())]


def test_the_law_sees_that_one_viewer_is_shown_as_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _what_depends_is_refused(monkeypatch)
    assert [*contradictions(range(4), Counter(), revoking)]
