"""A policy that is proved closed to strangers and open to those who work here is both, and a
request that is shown as refused is refused.

Policies are drawn beside principals to keep, their actions and their networks. Requests are drawn
by a sampler that knows nothing of classes: it takes the ends of networks, keys that patterns
suggest and moments around dates, and decides with the second evaluator, which shares no code with
the engine.
"""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

import pytest

from gt_secure.engine.access import keep as keep_module, proof as proof_module
from gt_secure.engine.access.answer import Answer
from gt_secure.engine.access.keep import Kept, parse_keep
from gt_secure.engine.access.locks import locks_of_policies
from gt_secure.engine.access.proof import Claim, Proof, prove
from gt_secure.engine.policies.bucket_guard import build_guard
from support.second_evaluator import Asker, Place, opens

OWN, OTHER, OFFICE = "111122223333", "444455556666", "203.0.113.0/24"
BUCKET = "arn:aws:s3:::gt-images"
FULL = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
NETWORKS = (OFFICE, "203.0.113.0/25", "198.51.100.0/24", "192.0.2.64/26", "2001:db8::/48")
ENDPOINTS = ("vpce-0a1b2c3d", "vpce-0a1b2c3e")
VPCS = ("vpc-0a1b2c3d", "vpc-0a1b2c3e")
PRINCIPALS = (
    f"arn:aws:iam::{OWN}:role/ci", f"arn:aws:iam::{OWN}:role/team/build", f"arn:aws:iam::{OWN}:user/eve",
    f"arn:aws:iam::{OWN}:role/app", f"arn:aws:iam::{OWN}:root", f"arn:aws:iam::{OTHER}:role/ci",
)  # fmt: skip
PATTERNS = (*PRINCIPALS, f"arn:aws:iam::{OWN}:role/build", f"arn:aws:iam::{OWN}:role/*", f"arn:aws:iam::{OWN}:role/team/*", "arn:aws:iam::*:user/?*")  # fmt: skip
ACTIONS = ("s3:*", "*", "s3:Get*", "s3:GetObject", "s3:PutObject", "s3:List*", "s3:ListBucket", "s3:Put*", "s3:PutBucketPolicy", "s3:*Object")  # fmt: skip
RESOURCES = (BUCKET, f"{BUCKET}/*", f"{BUCKET}/*", f"{BUCKET}/scans/*", f"{BUCKET}/*.png", f"{BUCKET}/a?c")  # fmt: skip
DATES = ("2031-05-01T00:00:00Z", "2041-01-01T12:00:00Z")
TODAY = "2026-12-03T00:00:00+00:00"
PLACES = ("", "", f" from {OFFICE}", " from 198.51.100.0/25", " from vpce-0a1b2c3d", " from vpc-0a1b2c3d", f" from {OFFICE},vpce-0a1b2c3e")  # fmt: skip
NOBODY = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketPolicy", "Resource": BUCKET}
KEPT_ACTIONS = ("", "", " for s3:GetObject", " for s3:GetObject,s3:ListBucket", " for s3:PutObject")


def condition(draw: Random) -> dict[str, Any]:
    """Draw conditions of one statement."""
    found: dict[str, Any] = {}
    for _ in range(draw.choice((0, 1, 1, 1, 2))):
        kind, exists = draw.random(), draw.choice(("", "", "IfExists"))
        if kind < 0.25:
            operator = draw.choice(("NotIpAddress", "NotIpAddress", "IpAddress")) + exists
            found[operator] = {"aws:SourceIp": draw.sample(NETWORKS, draw.choice((1, 1, 2, 3)))}
        elif kind < 0.4:
            key, values = draw.choice((("aws:SourceVpce", ENDPOINTS), ("aws:SourceVpc", VPCS)))
            operator = draw.choice(("StringNotEquals", "StringNotEquals", "StringEquals")) + exists
            found.setdefault(operator, {})[key] = draw.sample(values, draw.choice((1, 2)))
        elif kind < 0.65:
            operator = draw.choice(("ArnNotLike", "ArnNotLike", "ArnLike", "StringNotLike"))
            listed = draw.sample(PATTERNS, draw.choice((1, 2, 3)))
            found[operator] = {"aws:PrincipalArn": listed}
        elif kind < 0.72:
            found.setdefault("StringNotEquals", {})["aws:PrincipalAccount"] = [OWN]
        elif kind < 0.8:
            found["Bool"] = {"aws:SecureTransport": draw.choice(("false", "false", "true"))}
        elif kind < 0.86:
            operator = draw.choice(("DateGreaterThan", "DateLessThan"))
            found[operator] = {"aws:CurrentTime": draw.choice(DATES)}
        elif kind < 0.92:
            found[f"NotIpAddress{exists}"] = {"aws:VpcSourceIp": ["10.0.0.0/16"]}
        elif kind < 0.96:
            found["StringNotEquals"] = {"aws:username": ["eve"]}
        else:
            found["StringEquals"] = {"aws:PrincipalTag/team": ["red"]}
    return found


def statement(draw: Random) -> dict[str, Any]:
    """Draw a Deny, or a grant to another account."""
    actions = draw.sample(ACTIONS, draw.choice((1, 1, 2)))
    which = "NotAction" if draw.random() < 0.12 and "*" not in actions else "Action"
    resources = draw.choice(([BUCKET, f"{BUCKET}/*"], draw.sample(RESOURCES, 2), [draw.choice(RESOURCES)]))  # fmt: skip
    made = {"Effect": "Deny", "Principal": "*", which: actions, "Resource": resources}
    if draw.random() < 0.25:
        made |= {"Effect": "Allow", "Principal": {"AWS": draw.choice((OTHER, PRINCIPALS[-1]))}}
    elif draw.random() < 0.1:
        made["Principal"] = {"AWS": draw.choice(PRINCIPALS[:4])}
    found = condition(draw)
    return made | ({"Condition": found} if found else {})


def policy(draw: Random) -> dict[str, Any]:
    """Draw a policy: mostly with a guard of the office, and with what else somebody wrote."""
    guard = build_guard("gt-images", networks=[OFFICE])
    guards = [guard] if draw.random() < 0.8 else []
    statements = [statement(draw) for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3)))]
    return {"Version": "2012-10-17", "Statement": [*guards, *statements] or [guard]}


def kept(draw: Random) -> str:
    """Draw whom a claim keeps."""
    return draw.choice(PRINCIPALS) + draw.choice(KEPT_ACTIONS) + draw.choice(PLACES)


def addresses(draw: Random) -> str:
    """Draw an address: mostly an end of a network, or one beside it."""
    if draw.random() < 0.2:
        return str(ip_address(draw.randrange(2**32)))
    network = ip_network(draw.choice(NETWORKS))
    first, last = int(network[0]), int(network[-1])
    number = draw.choice((first - 1, first, draw.randint(first, last), last, last + 1))
    return str(type(network[0])(number))


def place(draw: Random) -> dict[str, str]:
    """Draw the keys of a place."""
    if draw.random() < 0.6:
        return {"aws:sourceip": addresses(draw)}
    private = draw.choice(("10.0.3.4", "10.1.0.1", "192.168.0.9"))
    endpoint, vpc = draw.choice((*ENDPOINTS, "vpce-99")), draw.choice((*VPCS, "vpc-99"))
    return {"aws:sourcevpce": endpoint, "aws:sourcevpc": vpc, "aws:vpcsourceip": private}


def is_at(keys: dict[str, str], text: str) -> bool:
    """Return whether a place is one of those in the text of a principal to keep."""
    sources = text.partition(" from ")[2]
    if not sources:
        return True
    address = keys.get("aws:sourceip")
    if address is None:
        return bool({keys["aws:sourcevpce"], keys["aws:sourcevpc"]} & {*sources.split(",")})
    networks = [ip_network(each) for each in sources.split(",") if "vpc" not in each]
    found = ip_address(address)
    return any(each.version == found.version and found in each for each in networks)


def asker(arn: str) -> tuple[Asker, dict[str, str]]:
    """Return somebody whose own policies allow everything, and the keys of the principal."""
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    keys = {"aws:principalarn": arn, "aws:principalaccount": account}
    if ":user/" in arn:
        keys["aws:username"] = name
    if ":role/" in arn:
        session = f"arn:aws:sts::{account}:assumed-role/{name}/any"
        return Asker(session, role=arn, policies=FULL), keys
    return Asker(arn, policies=FULL), keys


def target(draw: Random, action: str) -> str:
    """Draw a key; empty for an action on the bucket."""
    keys = ("scans/1.png", "scans/", "x", "abc", "axc", "a/b.png", "z.png", "scans/deep/er")
    return draw.choice(keys) if action in ("s3:GetObject", "s3:PutObject") else ""


def moment(draw: Random) -> str:
    """Draw a moment from now on, mostly one around a date."""
    date = dt.datetime.fromisoformat(draw.choice(DATES)) + dt.timedelta(seconds=draw.choice((-1, 0, 1)))  # fmt: skip
    return date.isoformat() if draw.random() < 0.7 else "2027-06-01T00:00:00+00:00"


def answered(found: Place, arn: str, action: str, key: str, keys: dict[str, Any]) -> bool:
    """Decide a request with the second evaluator."""
    if arn == f"arn:aws:iam::{OWN}:root" and action == "s3:PutBucketPolicy":
        return True  # whatever a bucket policy denies
    who, own = asker(arn)
    base = {"aws:securetransport": "true", "s3:signatureversion": "AWS4-HMAC-SHA256"}
    base |= {"aws:viaawsservice": "false", "aws:principalisawsservice": "false"}
    return opens(found, who, action, key, base | own | keys)


def contradictions(draw: Random, found: Place, text: str, proof: Proof) -> Iterator[str]:
    """Yield each drawn request that a proof contradicts."""
    one = Kept.of(text)
    for _ in range(60):
        keys, action = place(draw) | {"aws:currenttime": moment(draw)}, draw.choice(one.asked)
        key = target(draw, action)
        if is_at(keys, text):
            sent = keys | {"s3:authtype": "REST-HEADER"}
            if not answered(found, one.principal, action, key, sent):
                yield f"{action} {key} from {keys} is refused to {text}"
        presigned = keys | {"s3:authtype": "REST-QUERY-STRING", "s3:signatureage": "1000"}
        key = target(draw, "s3:GetObject")
        outside = not is_at(keys, f" from {OFFICE}")
        if outside and answered(found, draw.choice(PRINCIPALS), "s3:GetObject", key, presigned):
            yield f"{key} is opened from {keys}"
    if not any(_changes(draw, found) for _ in range(400)):
        yield "nobody changes the policy"


def _changes(draw: Random, found: Place, at: str = "") -> bool:
    """Return whether a drawn user or role of the account changes the policy, at a moment."""
    names = ("role/else", "user/else", "role/build")
    federated = f"arn:aws:sts::{OWN}:federated-user/eve"  # a session that a user starts
    who = draw.choice((*PRINCIPALS[:4], federated, *(f"arn:aws:iam::{OWN}:{each}" for each in names)))  # fmt: skip
    keys = place(draw) | {"aws:currenttime": at or draw.choice((TODAY, moment(draw)))}
    keys |= {"s3:authtype": "REST-HEADER", "aws:securetransport": draw.choice(("true", "false"))}
    return answered(found, who, "s3:PutBucketPolicy", "", keys)


def refused_falsely(found: Place, text: str, case: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong about a request that is shown as refused."""
    request, one = case["request"], Kept.of(text)
    keys = {name.lower(): value for name, value in request["context"].items()}
    key = request["resource"].partition(f"{BUCKET}/")[2]
    arn = keys.pop("aws:principalarn")
    if "No user or role" in case["refused_by"]:
        return
    if arn != one.principal or request["action"] not in one.asked or not is_at({"aws:sourcevpc": "", **keys}, text):  # fmt: skip
        yield f"{text} does not send {request}"
    if answered(found, arn, request["action"], key, {"aws:sourcevpc": "vpc-77", **keys} if "aws:sourcevpce" in keys else keys):  # fmt: skip
        yield f"it is shown as refused, and opened: {request}"


def faults(seeds: Iterable[int], counts: Counter[str]) -> Iterator[str]:
    """Yield each request that contradicts the answer to a drawn question."""
    for seed in seeds:
        draw = Random(seed)
        document, text = policy(draw), kept(draw)
        if seed % 25 == 7:  # so that often enough nobody can change the policy back
            document["Statement"].append(NOBODY)
        locks = locks_of_policies("gt-images", json.dumps(document), OWN)
        proof = prove(locks, Claim("", OFFICE, keep=parse_keep(text)))
        found = Place("gt-images", OWN, document["Statement"])
        word = "opened" if proof.counterexample else ""
        word += " and refused" if word and proof.refused else "refused" if proof.refused else ""
        counts[word or str(proof.proved)] += 1
        wrong: Iterable[str] = ()
        if proof.proved:
            wrong = contradictions(draw, found, text, proof)
        elif proof.refused is not None:
            counts["nobody"] += "No user or role" in proof.refused["refused_by"]
            wrong = refused_falsely(found, text, proof.refused)
        yield from (f"seed {seed}: {each}" for each in wrong)


def holds(seeds: Iterable[int]) -> Counter[str]:
    """Assert that no answer is contradicted; return how many of each there are."""
    counts: Counter[str] = Counter()
    assert [*faults(seeds, counts)] == []
    return counts


def told_wrongly(seeds: Iterable[int], counts: Counter[str]) -> Iterator[str]:
    """Yield what is wrong about those who are named as locked out where a claim keeps nobody, and
    about those who are not named.
    """
    for seed in seeds:
        draw = Random(seed)
        document, texts = policy(draw), [kept(draw) for _ in range(3)]
        if seed % 25 == 7:
            document["Statement"].append(NOBODY)
        locks = locks_of_policies("gt-images", json.dumps(document), OWN)
        claim = Claim("", OFFICE)
        found, asked = Place("gt-images", OWN, document["Statement"]), {}

        def ask(one: Kept | None) -> Proof:
            asked[one] = proof_module.prove_kept(locks, claim, one)  # noqa: B023
            return asked[one]  # noqa: B023

        said = proof_module.told_of(claim, parse_keep(texts), ask)
        for text in texts:
            one = Kept.of(text)
            is_named = any(each.endswith(f"--keep {shlex.quote(str(one))}.") for each in said)
            word = "named" if is_named else "open" if asked[one].proved else "unsure"
            counts[word] += 1
            wrong: Iterable[str] = ()
            if is_named:
                assert asked[one].refused is not None
                wrong = refused_falsely(found, text, asked[one].refused)
            elif asked[one].proved:
                wrong = _lost(draw, found, text)
            yield from (f"seed {seed}: {each}" for each in wrong)
        is_left = any(_changes(draw, found, TODAY) for _ in range(400))
        is_said = any(each.startswith("No user or role") for each in said)
        counts["nobody is left"] += is_said
        if is_said == is_left and (is_said or asked[None].proved):
            yield f"seed {seed}: nobody is left: {is_said}, somebody changes the policy: {is_left}"


def _lost(draw: Random, found: Place, text: str) -> Iterator[str]:
    """Yield each drawn request that is refused to somebody who is not named."""
    one = Kept.of(text)
    for _ in range(60):
        keys, action = place(draw) | {"aws:currenttime": moment(draw)}, draw.choice(one.asked)
        key, sent = target(draw, action), keys | {"s3:authtype": "REST-HEADER"}
        if is_at(keys, text) and not answered(found, one.principal, action, key, sent):
            yield f"{action} {key} from {keys} is refused to {text}, who is not named"


QUICK = {0: "opened and refused", 2: "opened", 3: "True", 4: "refused", 12: "refused", 17: "refused",
         18: "refused", 40: "None", 43: "refused", 47: "nobody", 83: "refused"}  # fmt: skip
"""Questions among which each fault below shows, and every answer, with the answer of each."""
TOLD = (0, 1, 7)
"""Policies among which each fault of those who are named shows."""
OUTCOMES = {
    "True": 0.2,
    "refused": 0.2,
    "opened": 0.04,
    "opened and refused": 0.03,
    "None": 0.01,
    "nobody": 0.01,
}
"""The least share of each answer among many drawn questions."""


@pytest.mark.parametrize("seed", QUICK)
def test_both_sides_hold(seed: int) -> None:
    assert holds([seed])[QUICK[seed]]


def enough(seeds: range) -> None:
    """Assert the law for many questions, with enough of each answer, and few unknown ones."""
    counts = holds(seeds)
    few = {each: counts[each] for each, share in OUTCOMES.items() if counts[each] < share * len(seeds)}  # fmt: skip
    assert few == {}, counts
    assert counts["None"] <= 0.15 * len(seeds), counts


@pytest.mark.check
def test_both_sides_hold_for_more_questions() -> None:
    enough(range(1000, 1250))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 15_000, 1000))
def test_both_sides_hold_for_many_questions(first: int) -> None:
    enough(range(first, first + 1000))


def _one_key(patch: pytest.MonkeyPatch) -> None:
    every = keep_module._Signed.resources
    first = lambda *asked: ([*every(*asked)[0]][:1], set())  # noqa: E731
    patch.setattr(keep_module._Signed, "resources", first)


def _one_address(patch: pytest.MonkeyPatch) -> None:
    every = keep_module.address_sources
    patch.setattr(keep_module, "address_sources", lambda *a, **k: every(*a, **k)[:1])


def _no_endpoint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keep_module, "endpoint_classes", lambda *_, **__: ())


def _only_now(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keep_module._Signed, "_moments", lambda *_: [{}])


def _without_path(patch: pytest.MonkeyPatch) -> None:
    every = keep_module.header_context

    def context(place: Any, *, principal_arn: str | None, **more: Any) -> Any:
        return every(place, principal_arn=(principal_arn or "").replace("/team/", "/"), **more)

    patch.setattr(keep_module, "header_context", context)


def _root_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof_module, "changes_policy", lambda _: Answer("opened"))


def _from_everywhere(patch: pytest.MonkeyPatch) -> None:
    every = keep_module.address_sources
    patch.setattr(keep_module, "address_sources", lambda table, _, **k: every(table, [ip_network("::/0"), ip_network("0.0.0.0/0")], **k))  # fmt: skip


def _strangers_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof_module, "prove_closed", lambda *_: Proof(True))


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "one key stands for all": (_one_key, 43),
    "one address stands for all": (_one_address, 4),
    "no endpoint is asked about": (_no_endpoint, 12),
    "now stands for later": (_only_now, 83),
    "a role loses its path": (_without_path, 17),
    "the root user counts as somebody": (_root_counts, 47),
    "a place that nobody named counts": (_from_everywhere, 18),
    "strangers are forgotten": (_strangers_are_forgotten, 2),
}
"""Each fault, and a question in which it shows."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, seed = FAULTS[fault]
    assert seed in QUICK
    put_back(monkeypatch)
    assert [*faults([seed], Counter())]


def told_enough(seeds: range) -> None:
    """Assert the law of those who are named, with enough of each answer."""
    counts: Counter[str] = Counter()
    assert [*told_wrongly(seeds, counts)] == []
    least = {"named": 0.6, "open": 0.6, "nobody is left": 0.01}
    assert {each for each, share in least.items() if counts[each] < share * len(seeds)} == set(), counts  # fmt: skip
    assert counts["unsure"] <= 0.6 * len(seeds), counts


@pytest.mark.parametrize("seed", TOLD)
def test_whoever_is_named_is_refused_and_nobody_else(seed: int) -> None:
    assert [*told_wrongly([seed], Counter())] == []


@pytest.mark.check
def test_whoever_is_named_is_refused_for_more_policies() -> None:
    told_enough(range(2000, 2100))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20_000, 22_000, 1000))
def test_whoever_is_named_is_refused_for_many_policies(first: int) -> None:
    told_enough(range(first, first + 1000))


def _nobody_is_named(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proof_module, "prove_kept", lambda *_: Proof(True))


def _the_first_stands_for_all(patch: pytest.MonkeyPatch) -> None:
    every, first = proof_module.prove_kept, []

    def asked(locks: Any, claim: Claim, one: Kept | None) -> Proof:
        first.append(every(locks, claim, one))
        return first[0] if one is not None else first[-1]

    patch.setattr(proof_module, "prove_kept", asked)


TOLD_FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "nobody is named": (_nobody_is_named, TOLD[0]),
    "the first stands for all": (_the_first_stands_for_all, TOLD[1]),
    "the root user counts as somebody": (_root_counts, TOLD[2]),
}


@pytest.mark.parametrize("fault", TOLD_FAULTS)
def test_the_law_of_names_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, seed = TOLD_FAULTS[fault]
    put_back(monkeypatch)
    assert [*told_wrongly([seed], Counter())]
