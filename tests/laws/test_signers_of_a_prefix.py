"""Who can sign for a prefix is who can sign for some key under it, and the answer names exactly
these keys.

The sampler knows nothing of the classes of the engine: it draws keys from texts and from the
patterns that the policies of the principals hold, and decides each key with ``evaluate`` and as a
question of its own.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.identities import Principal, Principals, parse_principals
from gt_secure.engine.access.key_patterns import KeyPattern
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.principal_keys import OTHER_KEYS, PrincipalKeys
from gt_secure.engine.access.signers import SigningPrincipal, signers_of
from gt_secure.engine.iam import Policies, Request, evaluate, presigned_context
from support.principals import (
    ACCOUNT,
    ROOT,
    arn,
    details,
    doc,
    group,
    policy,
    role,
    st,
    trust,
    user,
)

START = "arn:aws:s3:::gt-images/"
PREFIXES = ("", "scans/", "home/", "scans/team", "scans/team1/", "home/alice/")
ADDRESSES = ("203.0.113.7", "198.51.100.9")
WORDS = (
    "scans/",
    "home/",
    "team1",
    "team2/",
    "x/",
    "secret/",
    "alice/",
    "bob/",
    "a",
    "zz9",
    ".png",
    "/",
    "red/",
    "n",
)
RESOURCES: tuple[Any, ...] = (
    "scans/team1/*", "scans/team2/*", "scans/team?/a*", "scans/x/*", "scans/*", "*", "home/*.png", "home/bob/*",
    "home/${aws:username}/*", "scans/${aws:PrincipalTag/team}/*", "home/${aws:PrincipalTag/team, 'red'}/*",
    "home/${aws:userid}/*", "other/*", "scans/team1/secret/*", "*secret*", ["scans/x/*", "home/alice/a*"],
    "scans/team1/x.png", "home/${aws:PrincipalAccount}/*",
)  # fmt: skip
CONDITIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {},
    {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"StringEquals": {"aws:PrincipalTag/team": "team2"}},
)  # fmt: skip
ACTIONS = ("s3:GetObject", "s3:Get*", "s3:*", "*", "s3:PutObject")
BECOMING = (
    st("iam:PutUserPolicy", arn("user/${aws:username}")), st("sts:AssumeRole", arn("role/app1")),
    st("sts:AssumeRole"), st("sts:Assume*", arn("role/app?")),
    st("s3:PutBucketPolicy", START[:-1]), st("iam:AttachRolePolicy"),
)  # fmt: skip
TRUSTS = (
    trust(ROOT), trust(ROOT, ["sts:AssumeRole", "sts:TagSession"]),
    doc(
        *trust(ROOT, StringLike={"sts:RoleSessionName": "dev-*"})["Statement"],
        *trust(ROOT, "sts:TagSession", StringEquals={"aws:RequestTag/team": ["team1", "n"]})["Statement"],
    ),
)  # fmt: skip


def statement(draw: random.Random, denies: float) -> dict[str, Any]:
    names = draw.choice(RESOURCES)
    arns = [START + each for each in names] if isinstance(names, list) else START + names
    if isinstance(arns, str) and draw.random() < 0.1:
        arns = arns.replace(":::gt-images/", ":::gt-*/")
    made = st(
        draw.choice(ACTIONS),
        arns,
        "Deny" if draw.random() < denies else "Allow",
        **draw.choice(CONDITIONS),
    )
    if draw.random() < 0.08:
        made["NotResource"] = made.pop("Resource")
    return made


def account(draw: random.Random) -> tuple[dict[str, Any], Any, list[Any]]:
    managed = [policy(f"m{index}", doc(statement(draw, 0.2))) for index in range(3)]
    arns = [each["Arn"] for each in managed]
    people = []
    for name in ("alice", "bob", "app1", "app2", "app3"):
        statements = [statement(draw, 0.25) for _ in range(draw.randint(0, 3))]
        statements += [draw.choice(BECOMING)] if draw.random() < 0.4 else []
        more: dict[str, Any] = {"managed": draw.sample(arns, draw.randint(0, 1))}
        more["boundary"] = draw.choice(arns) if draw.random() < 0.15 else ""
        more["tags"] = draw.choice(({}, {"team": "team1"}, {"team": "red"}))
        if name.startswith("app"):
            people.append(role(name, *statements, trusts=draw.choice(TRUSTS), **more))
        else:
            people.append(
                user(name, *statements, groups=["g"] if draw.random() < 0.3 else [], **more)
            )
    named: list[Any] = [
        "*",
        {"AWS": arn("user/alice")},
        {"AWS": arn("role/app2")},
        {"AWS": [ACCOUNT]},
    ]
    bucket = doc(
        *(
            {**statement(draw, 0.5), "Principal": draw.choice(named)}
            for _ in range(draw.choice((0, 1, 2)))
        )
    )
    scp = [doc(st("*"), statement(draw, 1.0))] if draw.random() < 0.2 else []
    return (
        details(*people, *managed, group("g", draw.choice(arns))),
        bucket if bucket["Statement"] else None,
        scp,
    )


def words(draw: random.Random) -> str:
    return "".join(draw.choice(WORDS) for _ in range(draw.randint(1, 3)))


def key_like(draw: random.Random, text: str, people: Principals, texts: Sequence[str] = ()) -> str:
    """Return a key that a pattern of a policy matches,
    and with other texts perhaps some of these as well.
    """
    ids = [
        f"{each.id}:{draw.choice(('dev-1', 'x'))}" if each.is_role else each.id
        for each in people.all
    ]
    values = {"username": ["alice", "bob", "zoe"], "userid": ids, "PrincipalAccount": [ACCOUNT]}
    tags = ["team1", "team2", "red", "n", "zz"]

    def value(match: re.Match[str]) -> str:
        return draw.choice(values.get(match[1].partition(":")[2].partition(",")[0], tags))

    def wild(match: re.Match[str]) -> str:
        if match[0] == "*" and texts and draw.random() < 0.5:
            return key_like(draw, draw.choice(texts), people)
        return words(draw) if match[0] == "*" else draw.choice("12a")

    return re.sub(r"[*?]", wild, re.sub(r"\$\{([^}]*)\}", value, text.partition("/")[2]))


def texts_of(people: Principals) -> Iterator[str]:
    for each in people.all:
        for policies in (*each.policies, *([each.boundary] if each.boundary else ())):
            for made in policies.statements:
                found = made.get("Resource", made.get("NotResource"))
                yield from (
                    text
                    for text in ([found] if isinstance(found, str) else found)
                    if ":s3:" in text
                )


def sample(draw: random.Random, prefix: str, people: Principals, many: int) -> list[str]:
    """Return keys under a prefix, half of them from patterns of the principals
    where that is possible.
    """
    keys, texts = [prefix + words(draw) for _ in range(many - many // 2)], list(texts_of(people))
    for _ in range(many * 4 if texts else 0):
        key = key_like(draw, draw.choice(texts), people, texts)
        keys += [key] if key.startswith(prefix) and key != prefix and len(keys) < many else []
    return keys


def parts_of(key: str) -> set[str]:
    """Return what may stand between two slashes of a key, slashes included."""
    cuts = [match.start() for match in re.finditer("/", key)]
    return {key[first + 1 : last] for first in cuts for last in cuts if first < last} - {""}


def sessions(each: Principal, key: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the callers that a principal can be, with the keys that differ."""
    team = each.tags.get("team")
    own = {"aws:PrincipalTag/team": team} if team else {}
    if not each.is_role:
        yield (
            each.caller.text,
            {**own, "aws:username": each.arn.rpartition("/")[2], "aws:userid": each.id},
        )
        return
    assert each.trust is not None
    allowed = json.dumps(each.trust.statements)
    names = {part.partition(":")[2] for part in key.split("/") if ":" in part} | {"dev-1", "s"}
    # a value may be empty
    free = {*parts_of(key), "", "team2"} if "TagSession" in allowed else set()
    tags = {"team1", "n"} if "RequestTag" in allowed else free
    for name in sorted(
        name for name in names if name and (name.startswith("dev-") or "dev-*" not in allowed)
    ):
        caller = f"{each.caller.text.rpartition('/')[0]}/{name}"
        for tag in (team, *sorted(tags)):
            yield (
                caller,
                {
                    "aws:userid": f"{each.id}:{name}",
                    **({"aws:PrincipalTag/team": tag} if tag is not None else {}),
                },
            )


class Alone:
    """Decides keys for one principal with all its documents, for each session and address."""

    def __init__(self, each: Principal, bucket: Any, scp: Any) -> None:
        limit = each.boundary and doc(*each.boundary.statements)
        documents = [doc(*one.statements) for one in each.policies]
        self.each, self.policies = (
            each,
            Policies(documents, boundary=limit, resource=bucket, scp=scp),
        )
        self.kind = "AssumedRole" if each.is_role else "User"

    def opened(self, key: str) -> frozenset[str]:
        """Return the addresses from which the URL of the principal is opened."""
        found: set[str] = set()
        for caller, extra in sessions(self.each, key):
            for address in set(ADDRESSES) - found:
                more = {**extra, "aws:PrincipalType": self.kind}
                context = presigned_context(address, principal_arn=self.each.arn, extra=more)
                if evaluate(
                    Request("s3:GetObject", START + key, caller, context, ACCOUNT), self.policies
                ).allowed:
                    found.add(address)
        return frozenset(found)


def matches(patterns: Iterable[KeyPattern], key: str) -> bool:
    def fits(pattern: str) -> bool:
        text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(text, key, re.DOTALL) is not None

    return any(
        all(map(fits, each.patterns)) and not any(map(fits, each.exceptions)) for each in patterns
    )


def claimed(
    draw: random.Random, item: SigningPrincipal, prefix: str, people: Principals, many: int
) -> Iterator[str]:
    """Yield keys that the answer says somebody can sign for."""
    texts = list(texts_of(people))
    for pattern in item.opened.keys or (KeyPattern(()),):
        named = ["/" + each for each in pattern.patterns or ("*",)]
        for number in range(many):
            key = key_like(draw, draw.choice(named), people, named if number % 2 else texts)
            key = key if key.startswith(prefix) else prefix + key
            if key != prefix and matches([pattern], key):
                yield key


def covered(item: SigningPrincipal) -> frozenset[str]:
    nets = [ip_network(each) for each in item.opened.cidrs if ":" not in each]
    return frozenset(each for each in ADDRESSES if any(ip_address(each) in net for net in nets))


def check_account(seed: int, many: int, counts: Counter[str]) -> None:
    draw = random.Random(seed)
    data, bucket, scp = account(draw)
    people, prefix = parse_principals(json.dumps(data)), draw.choice(PREFIXES)
    locks = locks_of_policies("gt-images", bucket, ACCOUNT, scp=tuple(scp))
    found = signers_of(Exposure(locks, prefix, is_prefix=True), people)
    items = {each.arn: each for each in (*found, *found.refused)}
    keys, alone = (
        sample(draw, prefix, people, many),
        {each.arn: Alone(each, bucket, scp) for each in people.all},
    )
    is_mixed = False
    for name, item in items.items():
        counts[f"{item.signing} {item.answer}"] += 1
        more = list(claimed(draw, item, prefix, people, many)) if item.answer == "opened" else []
        if item.signing != "signs":
            assert (
                item.answer == "unknown"
                or len({*check_key(locks, more[0], people, alone)} & {name}) == 1
            ), (
                seed,
                name,
            )
            more = []
        answers = {key: alone[name].opened(key) for key in (*keys, *more)}
        is_mixed |= len({bool(answers[key]) for key in keys}) > 1
        if item.signing == "signs" and item.answer == "unknown":
            continue
        union = frozenset().union(*answers.values())
        assert union == (covered(item) if item.signing == "signs" else frozenset()), (
            seed,
            prefix,
            name,
            union,
        )
        for key, answer in answers.items() if item.signing == "signs" and item.opened.keys else ():
            is_named = matches(item.opened.keys, key)
            assert is_named == bool(answer) or (answer and OTHER_KEYS in item.opened.when), (
                seed,
                prefix,
                name,
                key,
            )
            counts["of a key that is named" if answer else "of a key that is not named"] += 1
    union = {name for key in keys[-2:] for name in check_key(locks, key, people, alone)}
    assert union <= {each.arn for each in found}, (seed, prefix, union)
    counts["differs by key"] += is_mixed
    counts["accounts"] += 1


def check_key(
    locks: EffectiveLocks, key: str, people: Principals, alone: Mapping[str, Alone]
) -> set[str]:
    """Return who can sign for one key, or reaches or can become somebody who can."""
    found = {each.arn: each for each in signers_of(Exposure(locks, key), people)}
    for name, one in alone.items():
        assert (name in found and found[name].signing == "signs") == bool(one.opened(key)), (
            key,
            name,
        )
    return set(found)


def check_law(seeds: Iterable[int], many: int) -> None:
    counts: Counter[str] = Counter()
    for seed in seeds:
        check_account(seed, many, counts)
    accounts = counts["accounts"]
    assert counts["differs by key"] >= accounts / 4, counts
    assert counts["signs opened"] >= accounts, counts
    assert counts["signs refused"] >= accounts / 4, counts
    assert counts["reaches opened"] >= accounts / 20, counts
    assert counts["can-become opened"] >= accounts / 20, counts
    assert counts["signs unknown"] <= accounts / 20, counts
    assert (
        min(counts["of a key that is named"], counts["of a key that is not named"]) >= accounts
    ), counts
    print(counts)


@pytest.mark.parametrize("seed", range(6))
def test_the_signers_of_a_prefix_are_those_of_its_keys(seed: int) -> None:
    counts: Counter[str] = Counter()
    check_account(seed, 8, counts)
    assert counts["differs by key"]
    assert counts["signs opened"]
    assert counts["of a key that is named"]


def test_the_signers_of_a_prefix_are_those_of_its_keys_in_more_accounts() -> None:
    check_law(range(100, 130), 16)


@pytest.mark.slow
def test_the_signers_of_a_prefix_are_those_of_its_keys_in_all_accounts() -> None:
    check_law(range(1000, 1200), 50)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "one key for the prefix": lambda patch: patch.setattr(
        PrincipalKeys, "of", lambda self, _: self._classes([], {})
    ),
    "the keys that the locks tell apart": lambda patch: patch.setattr(
        PrincipalKeys, "of", lambda self, _: self._classes(self._shared, {})
    ),
    "the first key that is opened": lambda patch: patch.setattr(
        PrincipalKeys,
        "_union",
        lambda _, __, rows: max(rows.values(), key=lambda row: row.word == "opened"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_law_sees_a_fault(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    FAULTS[name](monkeypatch)
    with pytest.raises(AssertionError):
        list(map(partial(check_account, many=8, counts=Counter()), range(6)))
