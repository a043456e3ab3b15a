"""An answer for a class of requests holds for each request of the class.

Random policies with variables in resources and conditions are asked about keys, prefixes and
sources (`exposure`, `at`, `prove`). Requests that AWS could get are drawn by a sampler that knows
nothing of the classes, and decided one by one: where an answer says *refused* or *proved*, none of
them is opened.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Exposure, key_classes, request_kinds, source_sets
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.access.request_kinds import By
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam import three_valued
from gt_secure.engine.iam.conditions import Condition
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request_keys import KEYS, ConditionKey, key_facts
from gt_secure.engine.iam.variables import Filled, Template, Variable, Wild
from support.random_accounts import BUCKET, NOW, OFFICE, OWN, VPCE, Account, Sampler, accounts

KINDS = {
    "presigned": ("presigned", "own", "s3:GetObject"),
    "header": ("header", "own", "s3:GetObject"),
    "post-form": ("post-form", "own", "s3:PutObject"),
    "anonymous": ("unsigned", "anonymous", "s3:GetObject"),
    "other-account": ("presigned", "other", "s3:GetObject"),
}
CLAIMED = (
    ("presigned", "own"),
    ("presigned", "other"),
    ("post-form", "own"),
    ("post-form", "other"),
    ("post-form", "anonymous"),
)
OUTSIDE = ("198.51.100.9", "192.0.2.4", "10.0.0.1 via vpce-0ffff1234")
SOURCES = ("203.0.113.7", *OUTSIDE, f"10.0.0.1 via {VPCE}")
ACTIONS = (
    "s3:GetObject",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectAnnotation",
    "s3:AddedLater",
)
PREFIXES = ("", "", "home/", "scans/", "alice")
NOT_TOLD_APART = {"the key of the object", "aws:PrincipalArn"}
"""Names in unknown answers that are no facts about a request, but classes that were too many."""


@dataclass
class Outcome:
    """What was asked, and each answer that a request contradicts."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def share(self, word: str) -> float:
        """Return the share of answers about one kind and source that are of a word."""
        return self.counts[word] / sum(
            self.counts[each] for each in ("opened", "refused", "unknown")
        )


def locks_of(account: Account, by: By = "any") -> EffectiveLocks:
    through = json.dumps(account.endpoint) if account.endpoint else None
    endpoint = VpcEndpoint(VPCE, "vpc-1", "Interface", "available", policy_text=through)
    return EffectiveLocks(
        bucket=BUCKET,
        policy=json.dumps(account.policy),
        account=OWN,
        region="eu-west-1",
        endpoints={VPCE: endpoint} if account.endpoint else {},
        rcp=account.rcp or None,
        scp=account.scp or None,
        session=account.session,
        at=NOW,
        origin="given",
        by=by,
    )


def ask(seeds: Iterable[int], samples: int = 160, by: By = "any") -> Outcome:
    """Ask about random accounts, and put requests to each answer,
    by any signer of the account or by a role.
    """
    outcome = Outcome()
    for seed in seeds:
        random = Random(seed)
        account = next(accounts(random))
        prefix = random.choice(PREFIXES)
        _exposure(seed, account, prefix, random, outcome, samples, by)
        _proof(seed, account, prefix, random, outcome, samples // 2)
    return outcome


def _exposure(
    seed: int, account: Account, prefix: str, random: Random, outcome: Outcome, samples: int, by: By
) -> None:
    exposure = Exposure(locks_of(account, by), prefix, is_prefix=True)
    pairs = [(kind, source) for kind in KINDS for source in SOURCES]
    sampler = Sampler(account, random, roles=by == "role")
    answers = {pair: exposure.at(pair[1], pair[0]) for pair in pairs}
    for answer in answers.values():
        outcome.counts[answer.answer] += 1
        outcome.counts["too many"] += bool(set(answer.depends_on) & NOT_TOLD_APART)
    for _ in range(samples):
        kind, source = random.choice(pairs)
        form, signer, action = KINDS[kind]
        request = sampler.sample(form, signer, action, source, prefix)
        policies = account.policies(signer, through_endpoint=source.endswith(VPCE))
        if not evaluate(request, policies).allowed:
            continue
        outcome.counts["requests opened"] += 1
        row = exposure.row(kind)
        place = row.refused.cidrs if "via" not in source else ()
        in_row = any(
            parse_network(source + "/32").subnet_of(parse_network(each))
            for each in place
            if "." in each
        )
        if answers[kind, source].answer == "refused" or in_row:
            outcome.wrong.append(
                f"seed {seed}: {kind} from {source} is refused, and opens {request}"
            )


def _proof(
    seed: int, account: Account, prefix: str, random: Random, outcome: Outcome, samples: int
) -> None:
    proof = prove(locks_of(account), Claim(prefix=prefix, allowed=[OFFICE, VPCE]))
    outcome.counts[{True: "proved", False: "not proved", None: "open"}[proof.proved]] += 1
    if not proof.proved:
        return
    sampler = Sampler(account, random, everybody=True)
    for _ in range(samples):
        form, signer = random.choice(CLAIMED)
        action = "s3:PutObject" if form == "post-form" else random.choice(ACTIONS)
        request = sampler.sample(form, signer, action, random.choice(OUTSIDE), prefix)
        if evaluate(request, account.policies(signer)).allowed:
            outcome.wrong.append(f"seed {seed}: proved, and opens {request}")


def holds(outcome: Outcome) -> None:
    """Fail where a request contradicts an answer, or where too few answers were certain."""
    assert outcome.wrong == []
    assert outcome.share("opened") >= 0.3
    assert outcome.share("refused") >= 0.3
    assert outcome.share("too many") <= 0.06
    assert outcome.counts["requests opened"] > outcome.counts["opened"]
    assert outcome.counts["proved"] * 8 >= sum(
        outcome.counts[each] for each in ("proved", "not proved", "open")
    )


QUICK = (
    1,
    4,
    7,
    15,
    45,
    57,
    81,
    96,
    131,
    169,
    207,
    219,
    224,
    234,
    237,
    242,
    12320,
    14403,
    14772,
    19932,
    20032,
)
"""Accounts among which each fault below shows, and some whose guard is proved."""


def test_each_answer_holds() -> None:
    holds(ask(QUICK))


def test_an_answer_about_a_role_holds() -> None:
    """Such as that of a team, whose role was not read."""
    assert ask(QUICK[:8], by="role").wrong == []


@pytest.mark.slow
def test_each_answer_holds_in_more_accounts() -> None:
    holds(ask(range(1000, 1200)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 30_000, 500))
def test_each_answer_holds_in_all_accounts(first: int) -> None:
    holds(ask(range(first, first + 500)))


def _filled_with_anything(template: Template, *_: object, **__: object) -> Iterator[Filled]:
    yield tuple(Wild.ANY if isinstance(part, Variable) else part for part in template)


def _filled_whole(
    template: Template, values: Mapping[str, Sequence[Filled]], start: str, **_: bool
) -> Iterator[Filled]:
    yield from FILLED(template, values, start, alone=True)


FILLED = key_classes._filled


def _distinct_by_tests_alone(values: Sequence[str], conditions: Sequence[Condition]) -> list[str]:
    found: dict[tuple[object, ...], str] = {}
    for value in values:
        found.setdefault(
            tuple(test(value, {}) for each in conditions for test in each.tests), value
        )
    return list(found.values())


def _empty_stands_for_a_variable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(key_classes, "_filled", _filled_with_anything)


def _no_values_of_senders(patch: pytest.MonkeyPatch) -> None:
    for module in (request_kinds, source_sets):
        patch.setattr(module, "all_values", lambda known, _varying: dict(known))


def _no_signer_of_a_compared_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(request_kinds, "variable_values", lambda *_: [])


def _empty_stands_for_every_value(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(three_valued, "_distinct", _distinct_by_tests_alone)
    patch.setitem(KEYS, "s3:requestobjecttagkeys", ConditionKey("s3:RequestObjectTagKeys"))


def _ids_of_one_form(patch: pytest.MonkeyPatch) -> None:
    for module in (three_valued, key_classes):
        patch.setattr(module, "likes_of", lambda key: [key_facts(key).like])


def _all_variables_have_a_value_or_none(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(key_classes, "_filled", _filled_whole)


def _no_defaults_that_differ(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(key_classes, "_absent", lambda *_: [])


def _a_prefix_settles_no_value(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(key_classes, "_begun", lambda *_: [])


def _anything_is_like_a_value(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(key_classes, "split_wildcards", lambda _: (Wild.ONE, Wild.ANY))


def _roles_alone_sign(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(request_kinds.Kind, "principals", ("session",))


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "a variable in a pattern is filled with anything": (_empty_stands_for_a_variable, 7),
    "only roles sign": (_roles_alone_sign, 4),
    "values that senders settle meet no other key": (_no_values_of_senders, 15),
    "nobody has a name that a policy compares": (_no_signer_of_a_compared_name, 169),
    "an empty value stands for every value": (_empty_stands_for_every_value, 45),
    "ids of roles are compared with no other key": (_ids_of_one_form, 20032),
    "all variables of a pattern have a value, or none": (
        _all_variables_have_a_value_or_none,
        14403,
    ),
    "one value stands for two defaults": (_no_defaults_that_differ, 12320),
    "a prefix settles no value of a variable": (_a_prefix_settles_no_value, 14772),
    "anything is like the name of a signer": (_anything_is_like_a_value, 19932),
}
"""Each fault, and the account among the few in which it shows."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, seed = FAULTS[fault]
    assert seed in QUICK
    put_back(monkeypatch)
    assert ask([seed]).wrong or ask([seed], by="role").wrong
