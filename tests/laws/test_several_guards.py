"""A change of one guard leaves each other statement of the bucket policy byte for byte the same,
and does what it says.

Sequences are drawn: up to six guards, for prefixes that lie beside each other, in each other and
around the bucket, are applied, removed and undone in any order, while others add and remove
statements, edit our own by hand, delete them, write the policy anew, and join guards with equal
lists. What each guard admits is kept in a table that is written here. Single requests are decided
with ``evaluate``: one is opened if every guard of the table that covers its key admits it.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from gt_secure.account.bucket_access import access_under
from gt_secure.base.errors import Conflict, PolicyError
from gt_secure.base.network import Source
from gt_secure.changes import diff
from gt_secure.changes.diff import changes_for
from gt_secure.changes.targets import BucketGuard
from gt_secure.engine.access import locks_of_policies
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.proof import Claim
from gt_secure.engine.iam import Policies, Request, evaluate, presigned_context
from gt_secure.engine.policies import bucket_guard, bucket_policy
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.restriction.model import Restriction
from support.answers import ACCOUNT
from support.guards import find_guards, merge_equal_guards, merge_guards
from support.states import data_bucket, state

BUCKET, ARN = "gt-images", "arn:aws:s3:::gt-images"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
PREFIXES = ("", "a/", "a/x/", "b/", "c+*?/", "ü ${*}/")
KEYS = ("root.png", "a/1", "a/x/1", "b/1", "c+*?/1", "c+xx/1", "ü ${*}/1")
OUTSIDE = "8.8.8.8"
PLACES = (
    "203.0.113.7",
    "203.0.113.200",
    "192.0.2.5",
    OUTSIDE,
    f"10.0.3.4 via {ENDPOINT}",
    "10.0.3.4 via vpce-0000beef",
)
LISTS = (
    (("203.0.113.0/24",), ()), (("203.0.113.0/25", "192.0.2.0/24"), ()), ((), (ENDPOINT,)),
    (("192.0.2.0/24",), (ENDPOINT,)),
)  # fmt: skip
FOREIGN = (
    (
        '{ "Sid":"Team",'
        ' "Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r"},"Action":"s3:GetObject",\n'
        '  "Resource":"arn:aws:s3:::gt-images/*"}'
    ),
    (
        '{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource":'
        ' ["arn:aws:s3:::gt-images"]}'
    ),
    (
        '{"Sid": "Tls" , "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource":'
        ' "arn:aws:s3:::gt-images/*", "Condition": {"Bool": {"aws:SecureTransport": false}}}'
    ),
)
FIT = 64
"""Guards that fit into a bucket policy of no other statements,
each with one range and a prefix of nine characters.
"""
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Admitted:
    """What one guard admits."""

    networks: tuple[str, ...]
    endpoints: tuple[str, ...]
    age_s: int | None = None
    reads: bool = False
    known: bool = True
    """False after somebody edited the statement by hand."""

    def admits(self, place: str, action: str, age_s: int) -> bool:
        source = Source.parse(place)
        listed = source.endpoint in self.endpoints
        if source.endpoint is None and source.address is not None:
            listed = any(
                ip_address(str(source.address)) in ip_network(each) for each in self.networks
            )
        return (self.reads and action == "s3:PutObject") or (
            listed and age_s <= (self.age_s or age_s)
        )


Table = dict[str, Admitted]


def opened(policy: str | None, key: str, place: str, action: str, age_s: int) -> bool:
    """Decide one presigned request."""
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/w"
    context = presigned_context(Source.parse(place), age_ms=age_s * 1000)
    context = {**context, "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    return evaluate(
        Request(action, f"{ARN}/{key}", who, context, ACCOUNT), Policies((FULL,), resource=policy)
    ).allowed


def requests(draw: random.Random, many: int) -> list[tuple[str, str, str, int]]:
    actions, ages = ("s3:GetObject", "s3:GetObject", "s3:PutObject"), (10, 10, 1000)
    return [
        (draw.choice(KEYS), draw.choice(PLACES), draw.choice(actions), draw.choice(ages))
        for _ in range(many)
    ]


def check_requests(
    policy: str | None, table: Table, draw: random.Random, many: int, counts: Counter[str]
) -> None:
    """Compare single requests with the table; a key that an edited guard may cover is left out."""
    for key, place, action, age_s in requests(draw, many):
        covering = [each for prefix, each in table.items() if key.startswith(prefix)]
        if all(each.known for each in covering):
            expected = all(each.admits(place, action, age_s) for each in covering)
            assert opened(policy, key, place, action, age_s) == expected, (
                key,
                place,
                action,
                age_s,
                policy,
            )
            counts["opened" if expected else "refused"] += 1
            counts["covered twice"] += len(covering) > 1


def statements(policy: str | None) -> list[str]:
    """The texts of the statements of a policy."""
    if policy is None:
        return []
    text = (
        policy[policy.index('"Statement"') + len('"Statement"') :]
        .lstrip()
        .removeprefix(":")
        .lstrip()
    )
    decoder, found = json.JSONDecoder(), []
    text = text[1:] if text[0] == "[" else text
    while (text := text.lstrip(" \t\r\n,"))[:1] == "{":
        _, end = decoder.raw_decode(text)
        found.append(text[:end])
        text = text[end:]
    return found


def pattern(prefix: str) -> str:
    special = {"*": "${*}", "?": "${?}"}
    text = "".join(
        special.get(each, "${$}" if prefix[index : index + 2] == "${" else each)
        for index, each in enumerate(prefix)
    )
    return f"{ARN}/{text}*"


def resources(text: str) -> list[str]:
    found = json.loads(text)["Resource"]
    return [each for each in ([found] if isinstance(found, str) else found) if each != ARN]


def is_ours(text: str, prefix: str) -> bool:
    """Whether a statement is of our lock for a prefix, alone or with other prefixes,
    by its objects or its Sid.
    """
    sid = str(json.loads(text).get("Sid", ""))
    mark = f"x{sha256(prefix.encode()).hexdigest()[:8]}"
    return sid.startswith("GtSecurePresign") and (
        pattern(prefix) in resources(text) or sid.endswith(mark)
    )


def alike(text: str) -> dict[str, Any]:
    """A statement without what differs between prefixes."""
    return {**json.loads(text), "Sid": "", "Resource": []}


def check_others(before: str | None, after: str | None, prefix: str) -> None:
    """Check that no statement but those of a prefix differs,
    and that the others keep their order.
    """
    sides = [statements(policy) for policy in (before, after)]
    left = [[each for each in side if not is_ours(each, prefix)] for side in sides]
    # a guard that leaves or joins a statement changes only its prefixes
    for one, other in (
        (0, 1),
        (1, 0),
    ):
        for each in sides[one]:
            rest = [name for name in resources(each) if name != pattern(prefix)]
            if (
                is_ours(each, prefix)
                and 0 < len(rest) < len(resources(each))
                and each not in sides[other]
            ):
                same = [
                    text
                    for text in sides[other]
                    if alike(text) == alike(each) and resources(text) == rest
                ]
                assert same or any({*rest} < {*resources(text)} for text in sides[other]), (
                    before,
                    after,
                )
                left[other] = [text for text in left[other] if text not in same]
    assert left[0] == left[1], (prefix, before, after)


@dataclass
class Applied:
    """A change that can be undone."""

    prefix: str
    before: str | None
    after: str | None
    was: Admitted | None
    now: Admitted | None


@dataclass
class Sequence:
    """A bucket policy, and what was done to it."""

    draw: random.Random
    counts: Counter[str]
    policy: str | None = None
    table: Table = field(default_factory=dict)
    done: list[Applied] = field(default_factory=list)

    def step(self) -> None:
        steps = (
            self.apply,
            self.apply,
            self.apply,
            self.remove,
            self.undo,
            self.undo,
            self.edit,
            self.write,
        )
        kind = self.draw.choice(steps)
        before, prefix = self.policy, kind()
        if prefix is not None:
            check_others(before, self.policy, prefix)
        if self.policy is not None:
            json.loads(self.policy)
        check_requests(self.policy, self.table, self.draw, 6, self.counts)
        self.counts[f"{len(find_guards(self.policy))} guards"] += 1

    def _planned(self, restriction: Restriction) -> str | None:
        found = changes_for(
            restriction, state(team=None, workforce=None, bucket=data_bucket(policy=self.policy))
        )
        return found[0].after if found else self.policy

    def _record(self, prefix: str, after: str | None, now: Admitted | None) -> str:
        was = self.table.pop(prefix, None)
        self.done.append(Applied(prefix, self.policy, after, was, now))
        if now is not None:
            self.table[prefix] = now
        self.policy = after
        return prefix

    def apply(self) -> str:
        prefix, (networks, endpoints) = self.draw.choice(PREFIXES), self.draw.choice(LISTS)
        now = Admitted(
            networks, endpoints, self.draw.choice((None, None, 900)), self.draw.random() < 0.2
        )
        restriction = Restriction(
            bucket=BUCKET, prefix=prefix, addresses=networks, endpoints=endpoints,
            age_limit="15m" if now.age_s else None, guard="reads" if now.reads else True,
        )  # fmt: skip
        self.counts["applied"] += 1
        self._record(prefix, self._planned(restriction), now)
        [read] = [
            each for each in find_guards(self.policy) if each.prefix == prefix and not each.drifted
        ]
        assert (tuple(map(str, read.networks)), read.endpoints) == (
            tuple(sorted(networks)),
            endpoints,
        )
        assert (read.age_limit_s, read.reads) == (now.age_s, now.reads)
        return prefix

    def remove(self) -> str | None:
        known = [prefix for prefix, each in self.table.items() if each.known]
        if not known:
            return None
        prefix = self.draw.choice(known)
        self.counts["removed"] += 1
        return self._record(
            prefix, self._planned(Restriction(bucket=BUCKET, prefix=prefix, guard=False)), None
        )

    def undo(self) -> str | None:
        if not self.done:
            return None
        change = self.done.pop(self.draw.randrange(len(self.done)))
        try:
            after = BucketGuard(BUCKET).merge(change.before, change.after, self.policy)
        except Conflict:
            self.counts["undo meets another edit"] += 1
            return None
        if after == self.policy:
            self.counts["nothing left to undo"] += 1
            return None
        self.counts["undone"] += 1
        changed = {*statements(change.before)} ^ {*statements(change.after)}
        now = {*statements(self.policy)} ^ {*statements(after)}
        assert {json.loads(each).get("Sid") for each in now} <= {
            json.loads(each).get("Sid") for each in changed
        }
        left = self.table.pop(change.prefix, None)
        if left != change.now:  # later edits of this guard stay, beside what was undone
            self.table[change.prefix] = replace(left or Admitted((), ()), known=False)
        elif change.was is not None:
            self.table[change.prefix] = change.was
        self.counts["undone to the former guard"] += left == change.now
        self.policy = after
        return change.prefix

    def edit(self) -> None:
        """Edit or delete one of our guards by hand, or join those with equal lists."""
        guards = [each for each in statements(self.policy) if '"GtSecurePresignGuard' in each]
        kind = self.draw.choice(("objects", "action", "delete", "join"))
        if kind == "join" and self.policy is not None:
            self.policy = merge_equal_guards(self.policy)
        elif guards:
            text = self.draw.choice(guards)
            prefixes = [
                each for each in PREFIXES if is_ours(text, each) or pattern(each) in resources(text)
            ]
            data = json.loads(text)
            if kind == "objects":
                data["Resource"] = f"{ARN}/other/*"
            else:
                data["Action"] = "s3:GetObject"
                data.pop("NotAction", None)
            left = [each for each in statements(self.policy) if each != text]
            left += [] if kind == "delete" else [json.dumps(data)]
            self.policy = json.dumps(
                {"Version": "2012-10-17", "Statement": [json.loads(each) for each in left]}
            )
            for each in prefixes:
                self.table[each] = replace(self.table.get(each, Admitted((), ())), known=False)
        self.counts[f"edited: {kind}"] += 1

    def write(self) -> None:
        """Add or remove a statement of somebody else, or write the policy in another form."""
        text = self.draw.choice(FOREIGN)
        left = [each for each in statements(self.policy) if each != text]
        if len(left) == len(statements(self.policy)):
            left.insert(self.draw.randint(0, len(left)), text)
        self.policy = (
            f'{{"Version":"2012-10-17",\n "Statement" : [ {" , ".join(left)} ]}}' if left else None
        )
        if len(left) == 1 and self.draw.random() < 0.5:
            self.policy = f'{{"Version":"2012-10-17","Statement":{left[0]}}}'
        self.counts["written by others"] += 1


def hold_law(seeds: Iterable[int], counts: Counter[str]) -> None:
    for seed in seeds:
        sequence = Sequence(random.Random(f"several guards {seed}"), counts)
        if seed % 2:
            sequence.policy, sequence.table = drawn_guards(sequence.draw)
        for _ in range(sequence.draw.randint(4, 14)):
            sequence.step()


def check_shares(counts: Counter[str], sequences: int) -> None:
    """Check that no outcome is missing."""
    print(dict(counts))
    for name in (
        "applied",
        "removed",
        "undone to the former guard",
        "written by others",
        "opened",
        "refused",
        "covered twice",
    ):
        assert counts[name] >= sequences / 3, (name, counts)
    assert counts["undo meets another edit"] >= sequences / 20, counts
    assert sum(counts[f"{number} guards"] for number in range(2, 7)) >= sequences, counts
    assert all(counts[f"edited: {kind}"] for kind in ("objects", "action", "delete", "join")), (
        counts
    )


SHARED_LIMIT = 2881
"""Seed of a sequence in which others delete a joined guard,
and its age limit stays for two prefixes.
"""


@pytest.mark.parametrize("first", [*range(0, 24, 2), SHARED_LIMIT])
def test_other_statements_stay(first: int) -> None:
    counts: Counter[str] = Counter()
    hold_law(range(first, first + 2), counts)
    assert counts["applied"], counts
    assert min(counts["opened"], counts["refused"]) >= 5, counts


@pytest.mark.slow
def test_other_statements_stay_in_more_sequences() -> None:
    counts: Counter[str] = Counter()
    hold_law(range(100, 500), counts)
    check_shares(counts, 400)


@pytest.mark.slow
def test_other_statements_stay_in_all_sequences() -> None:
    counts: Counter[str] = Counter()
    hold_law(range(1000, 4000), counts)
    check_shares(counts, 3000)


def drawn_guards(draw: random.Random, many: int = 0) -> tuple[str, Table]:
    """A policy with two to six guards, or as many as asked, of which some have equal lists."""
    table, policy = {}, f'{{"Version":"2012-10-17","Statement":[{FOREIGN[0]}]}}'
    for prefix in draw.sample(PREFIXES, many or draw.randint(2, 6)):
        networks, endpoints = draw.choice(LISTS[:2])
        now = Admitted(networks, endpoints, draw.choice((None, None, 900)), draw.random() < 0.2)
        statement = bucket_guard.build_guard(
            BUCKET, prefix=prefix, networks=networks, endpoints=endpoints, reads=now.reads
        )
        policy, table[prefix] = merge_guards(policy, statement, now.age_s), now
    return policy, table


def hold_merges(seeds: range, counts: Counter[str]) -> None:
    for seed in seeds:
        draw = random.Random(f"merged guards {seed}")
        policy, table = drawn_guards(draw)
        merged = merge_equal_guards(policy)
        counts["shorter" if len(merged) < len(policy) else "the same"] += 1
        check_requests(policy, table, draw, 20, counts)
        check_requests(merged, table, draw, 40, counts)
        read = {
            each.prefix: (each.networks, each.endpoints, each.age_limit_s, each.reads)
            for each in find_guards(policy)
        }
        again = find_guards(merged)
        assert not any(each.drifted for each in again), merged
        assert {
            each.prefix: (each.networks, each.endpoints, each.age_limit_s, each.reads)
            for each in again
        } == read
        assert statements(merged)[0] == FOREIGN[0]


@pytest.mark.parametrize("first", range(0, 20, 4))
def test_a_merged_policy_opens_what_the_separate_guards_open(first: int) -> None:
    counts: Counter[str] = Counter()
    hold_merges(range(first, first + 4), counts)
    assert min(counts[name] for name in ("shorter", "opened", "refused")) >= 1, counts


def test_two_hundred_merged_policies_open_what_the_separate_guards_open() -> None:
    counts: Counter[str] = Counter()
    hold_merges(range(1000, 1200), counts)
    print(dict(counts))
    assert min(counts[name] for name in ("shorter", "the same", "opened", "refused")) >= 40, counts


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_for_the_bucket_is_good_only_if_its_guards_leave_nothing(seed: int) -> None:
    draw = random.Random(f"whole bucket {seed}")
    policy, table = drawn_guards(draw)
    access = access_under(locks_of_policies(BUCKET, policy, ACCOUNT))
    leaks = [
        key
        for key in KEYS
        if any(
            opened(policy, key, OUTSIDE, action, 10) for action in ("s3:GetObject", "s3:PutObject")
        )
    ]
    assert (access.tone == "good") == (not leaks and "" in table), (access, policy)
    strict = [prefix for prefix, each in table.items() if not each.reads and prefix]
    if access.tone == "part" and "" not in table and strict:
        assert all(f"Objects under {prefix}: only" in access.text for prefix in strict[:4]), access


real_is_shared = BucketPolicy._is_shared


def hold_witness(seeds: Iterable[int], counts: Counter[str]) -> None:
    """Compare proofs about one to six guards with the table:
    each guard of its key admits a witness.
    """
    for seed in seeds:
        draw, many = random.Random(f"witness {seed}"), seed % 6 + 1
        policy, table = drawn_guards(draw, many)
        prefix, (networks, _) = draw.choice(PREFIXES), draw.choice(LISTS[:2])
        claim = Claim(prefix, tuple(map(ip_network, networks)), reads=draw.random() < 0.5)
        proof = Exposure(locks_of_policies(BUCKET, policy, ACCOUNT), prefix, is_prefix=True).proves(
            claim
        )
        allowed = Admitted(networks, (), reads=claim.reads)
        counts[f"{many} guards"] += 1
        if proof.counterexample is not None:
            case, request = proof.counterexample, proof.counterexample["request"]
            key, age_s = (
                request["resource"].partition("/")[2],
                int(request["context"].get("s3:signatureAge", 0)) // 1000,
            )
            assert key.startswith(prefix), case
            assert not allowed.admits(case["source"], request["action"], age_s), case
            covering = [each for start, each in table.items() if key.startswith(start)]
            assert all(
                each.admits(case["source"], request["action"], age_s) for each in covering
            ), (case, table)
            asked = Request(
                request["action"],
                request["resource"],
                request["principal"],
                request["context"],
                ACCOUNT,
            )
            assert evaluate(asked, Policies((FULL,), resource=policy)).allowed, case
            counts["witness"] += 1
        assert proof.proved is (proof.counterexample is None), (proof, policy)
        for key, place, action, age_s in requests(draw, 30):
            covering = [each for start, each in table.items() if key.startswith(start)]
            if key.startswith(prefix) and not allowed.admits(place, action, age_s) and proof.proved:
                assert not all(each.admits(place, action, age_s) for each in covering), (
                    key,
                    place,
                    action,
                    policy,
                )
                assert not opened(policy, key, place, action, age_s), (key, place, action, policy)
                counts["refused"] += 1
        counts["proved"] += proof.proved is True


def check_witnesses(counts: Counter[str], cases: int) -> None:
    print(dict(counts))
    assert min(counts[f"{many} guards"] for many in range(1, 7)) >= cases // 6, counts
    assert min(counts["witness"], counts["proved"]) >= cases / 6, counts
    assert counts["refused"] >= cases, counts


def test_a_witness_is_a_request_that_each_guard_admits() -> None:
    counts: Counter[str] = Counter()
    hold_witness(range(12), counts)
    check_witnesses(counts, 12)


def test_six_hundred_witnesses_are_requests_that_each_guard_admits() -> None:
    counts: Counter[str] = Counter()
    hold_witness(range(1000, 1600), counts)
    check_witnesses(counts, 600)


def test_the_law_sees_a_proof_that_asks_one_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = locks_of_policies

    def of_first(bucket: str, policy: str, account: str) -> object:
        data = json.loads(policy)
        first = [
            each
            for each in data["Statement"]
            if not each.get("Sid", "").startswith("GtSecurePresignGuardx")
        ]
        return asked(bucket, json.dumps({**data, "Statement": first}), account)

    monkeypatch.setitem(globals(), "locks_of_policies", of_first)
    with pytest.raises(AssertionError):
        hold_witness(range(12), Counter())


def _of_one(_: BucketPolicy, kind: str, _prefix: str) -> str:
    return kind


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a bucket has one guard": lambda patch: patch.setattr(BucketPolicy, "_sid_for", _of_one),
    "a removal takes every guard": lambda patch: patch.setattr(
        BucketPolicy, "drop", lambda policy, kinds, _: policy.without(
            sid for sid in policy.own if bucket_guard.own_kind(sid) in kinds
        )
    ),
    "prefixes share a Sid": lambda patch: patch.setattr(
        bucket_policy, "_fingerprint", lambda prefix: f"x{prefix[:1].encode().hex():0>8}"
    ),
    "a joined limit goes with one of its prefixes": lambda patch: patch.setattr(
        BucketPolicy, "_is_shared", lambda policy, sid, *_: real_is_shared(policy, sid)
    ),
    "a limit stays behind": lambda patch: patch.setattr(
        diff, "GUARD_SIDS", (bucket_guard.GUARD_SID,)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_law_sees_a_fault(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    FAULTS[name](monkeypatch)
    with pytest.raises((AssertionError, ValueError)):
        hold_law([SHARED_LIMIT, *range(24)], Counter())


def test_the_law_sees_a_merge_without_regard_to_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    found = BucketPolicy.guards.func
    monkeypatch.setattr(
        BucketPolicy,
        "guards",
        property(lambda text: tuple(replace(each, age_limit_s=None) for each in found(text))),
    )
    with pytest.raises((AssertionError, PolicyError, KeyError)):
        hold_merges(range(20), Counter())


def test_how_many_guards_fit() -> None:
    def statement(number: int) -> dict[str, object]:
        return bucket_guard.build_guard(
            BUCKET, prefix=f"team-{number:03}/", networks=["203.0.113.0/24"]
        )

    policy = merge_guards(None, statement(0), None)
    for number in range(1, FIT):
        policy = merge_guards(policy, statement(number), None)
    with pytest.raises(PolicyError, match="20,480"):
        merge_guards(policy, statement(FIT), None)
    merged = merge_equal_guards(policy)
    assert len(find_guards(merged)) == FIT
    assert len(merged) < len(policy) / 4
