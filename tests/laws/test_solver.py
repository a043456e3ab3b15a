"""A solver that reads the texts of policies, a proof and single verdicts never contradict each
other.

The solver sees keys, actions, names, tags and headers as strings and shares no classes with the
engine. A claim that is proved has no request that contradicts it; the request of a model is opened;
a counterexample is opened too.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("z3", reason="make check installs z3")

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, locks_of_policies, proof as proof_module, prove
from gt_secure.engine.access.key_classes import KeyClasses
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.iam import Policies, Request, evaluate, request as iam_request
from gt_secure.engine.iam.batch import run
from gt_secure.engine.iam.documents import Statement
from gt_secure.engine.iam.request import Layer
from gt_secure.engine.iam.request_keys import BUCKET_ACTIONS, OBJECT_ACTIONS
from gt_secure.engine.iam.variables import Variable
from support.smt_strings import BUCKET, FULL, ME, Question, opened

pytestmark = pytest.mark.needs("z3")
OFFICE, OTHER = "203.0.113.0/24", "444455556666"
WHOLE = [BUCKET, f"{BUCKET}/*"]
RESOURCES: tuple[Any, ...] = (
    WHOLE, WHOLE, WHOLE, "*", f"{BUCKET}/*", f"{BUCKET}/home/*", [BUCKET, f"{BUCKET}/scans/*", f"{BUCKET}/home/*"],
    [*WHOLE, f"{BUCKET}/home/${{aws:username}}/*"], f"{BUCKET}/home/${{aws:username}}/*",
    f"{BUCKET}/${{aws:PrincipalTag/dept, 'none'}}/*", f"{BUCKET}/*/${{aws:PrincipalAccount}}/*", f"{BUCKET}/?*.png",
)  # fmt: skip
SPARED: tuple[Any, ...] = (
    f"{BUCKET}/public/*", [BUCKET, f"{BUCKET}/home/${{aws:username}}/*"], f"{BUCKET}/${{aws:PrincipalTag/dept}}/*",
    [BUCKET, f"{BUCKET}/home/${{aws:PrincipalAccount}}/*"], "arn:aws:s3:::other/*",
)  # fmt: skip
LISTED = [
    "s3:Get*",
    "s3:Put*",
    "s3:List*",
    "s3:Delete*",
    "s3:Abort*",
    "s3:Restore*",
    "s3:Replicate*",
    "s3:Update*",
]
"""Most actions by the start of their names."""
ACTIONS: tuple[Any, ...] = (
    LISTED,
    "s3:*",
    "s3:*",
    "s3:*",
    "*",
    "s3:Get*",
    ["s3:GetObject", "s3:PutObject"],
    "s3:?et*Object*",
)
NOT_ACTIONS: tuple[Any, ...] = ("s3:PutObject", ["s3:PutObject", "s3:List*"], "ec2:*")
TESTS: tuple[tuple[str, str, Any], ...] = (
    ("StringEquals", "s3:ExistingObjectTag/owner", "${aws:PrincipalTag/dept}"),
    ("StringNotEquals", "s3:ExistingObjectTag/owner", "${aws:username}"),
    ("StringNotLike", "aws:Referer", "https://${aws:username}/*"),
    ("StringLike", "aws:Referer", ["https://portal.example/*", "*://${aws:PrincipalAccount}*"]),
    ("StringNotEqualsIfExists", "aws:PrincipalTag/dept", ["scans", "${aws:username}"]),
    ("StringEquals", "aws:PrincipalAccount", ME), ("StringNotEquals", "aws:PrincipalAccount", [ME, OTHER]),
    ("ArnNotLike", "aws:PrincipalArn", [f"arn:aws:iam::{ME}:role/*1*", "arn:aws:iam::*:user/a?c"]),
    ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ME}:*"), ("StringNotLike", "aws:username", "a*"),
    ("StringEquals", "s3:authType", ["REST-QUERY-STRING", "POST"]), ("StringEquals", "s3:authType", "POST"),
    ("Null", "aws:username", "false"), ("Null", "aws:SourceVpce", "true"), ("Bool", "aws:SecureTransport", "false"),
    ("StringNotEqualsIfExists", "aws:SourceVpce", "vpce-0a1b2c3d"), ("IpAddress", "aws:SourceIp", "198.51.100.0/25"),
)  # fmt: skip
SOURCES = ("NotIpAddress", "NotIpAddressIfExists")
LIMIT_MS = 30_000


def conditions(draw: random.Random, most: int) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for operator, key, values in draw.sample(TESTS, draw.randint(0, most)):
        made.setdefault(operator, {})[key] = values
    return made


def statement(draw: random.Random, effect: str, *, principal: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect}
    if principal:
        made["Principal"] = draw.choice(
            ["*", "*", "*", {"AWS": OTHER}, {"AWS": f"arn:aws:iam::{ME}:root"}]
        )
    wide = draw.random() < 0.9
    made["Action" if wide else "NotAction"] = draw.choice(ACTIONS if wide else NOT_ACTIONS)
    wide = draw.random() < 0.5
    made["Resource" if wide else "NotResource"] = draw.choice(RESOURCES if wide else SPARED)
    return {**made, "Condition": conditions(draw, 2 if effect == "Deny" else 1)}


def guard(draw: random.Random, *, principal: bool = True) -> dict[str, Any]:
    """A Deny of what comes from elsewhere, right or with one fault."""
    made = statement(draw, "Deny", principal=principal)
    if draw.random() < 0.7:
        made.pop("NotAction", None)
        made["Action"] = LISTED if draw.random() < 0.1 else "s3:*"
    if draw.random() < 0.5:
        made.pop("NotResource", None)
        made["Resource"] = draw.choice([WHOLE, "*"])
    if principal and draw.random() < 0.8:
        made["Principal"] = "*"
    if draw.random() < 0.85:
        made["Condition"].setdefault(draw.choice(SOURCES), {})["aws:SourceIp"] = OFFICE
    return made


def level(draw: random.Random, *, principal: bool) -> list[dict[str, Any]]:
    """The policies of one level of an organization, all with the Sid of the console."""
    everything: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    made = [everything] if draw.random() < 0.8 else [{**everything, "Action": "s3:Get*"}]
    made.append(
        guard(draw, principal=principal)
        if draw.random() < 0.5
        else {**everything, "Action": "ec2:*"}
    )
    if draw.random() < 0.1:
        made = [{**everything, "Effect": "Deny", "Action": "ec2:*"}]  # full access is detached
    if principal:
        made = [{"Principal": "*", **each} for each in made]
    return [
        {"Version": "2012-10-17", "Statement": [{"Sid": "Statement1", **each}]} for each in made
    ]


def question(seed: int) -> Question:
    draw = random.Random(seed)
    statements = [guard(draw) for _ in range(draw.choice([0, 1, 1, 1, 2]))]
    statements += [
        statement(draw, draw.choice(["Deny", "Allow"]), principal=True)
        for _ in range(draw.randint(0, 2))
    ]
    rcp = [level(draw, principal=True) for _ in range(draw.choice([0, 0, 0, 1, 2]))]
    scp = [level(draw, principal=False) for _ in range(draw.choice([0, 0, 0, 1, 2]))]
    if draw.random() < 0.2:  # a guard of everything but some keys, alone
        alone = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "NotResource": draw.choice(SPARED),
        }
        statements, rcp, scp = (
            [{**alone, "Condition": {"NotIpAddress": {"aws:SourceIp": OFFICE}}}],
            [],
            [],
        )
    policy = {"Version": "2012-10-17", "Statement": statements}
    names = [
        [each.partition(":")[2] for each in actions] for actions in (OBJECT_ACTIONS, BUCKET_ACTIONS)
    ]
    return Question(policy, draw.choice(["", "", "home/", "scans/"]), [OFFICE], rcp, scp, *names)


def layers(asked: Question) -> dict[str, Any]:
    return {"rcp": tuple(map(tuple, asked.rcp)), "scp": tuple(map(tuple, asked.scp))}


def decided(asked: Question) -> tuple[str, Any]:
    """Ask all three; any contradiction fails.
    Returns the answers of the solver and of the proof.
    """
    proof = prove(
        locks_of_policies("gt-images", asked.policy, ME, **layers(asked)),
        Claim(asked.prefix, (parse_network(OFFICE),)),
    )
    found, case = opened(asked, LIMIT_MS)
    shown = json.dumps([asked.policy, asked.prefix, asked.rcp, asked.scp, case, proof.to_dict()])
    if case is not None:
        session = FULL if ":federated-user/" in case["principal"] else None
        identity = (FULL,) if case["principal"] != "*" else ()
        policies = Policies(identity, session=session, resource=asked.policy, **layers(asked))
        assert evaluate(Request(**case, resource_account=ME), policies).allowed, shown
        assert proof.proved is not True, shown
    if proof.proved is False:
        (line,) = run([json.dumps(proof.counterexample)])
        assert json.loads(line)["verdict"] == "allow", shown
        assert found != "unsat", shown
    return found, proof.proved


def check(seeds: Iterable[int]) -> None:
    """Decide many, and demand enough of each outcome."""
    counts = Counter(decided(question(seed)) for seed in seeds)
    total = counts.total()
    late = sum(many for (found, _), many in counts.items() if found == "unknown")
    assert late <= 0.1 * total, counts
    assert counts["unsat", True] >= 0.1 * total, counts
    assert counts["sat", False] >= 0.3 * total, counts
    assert counts["unsat", None] <= 0.05 * total, counts


FEW = (0, 1, 2, 3, 5, 11, 12, 33, 40)


def test_a_few_policies() -> None:
    check(FEW)


@pytest.mark.slow
def test_three_hundred_policies() -> None:
    check(range(1000, 1300))


def empty_variables(statements: Iterable[Statement], *more: Any) -> KeyClasses:
    """Classes of keys with one key for each, in which the variables of the policies are empty."""
    emptied = []
    for each in statements:
        parts = [
            [part for part in pattern.template if not isinstance(part, Variable)]
            for pattern in each.resources
        ]
        patterns = zip(each.resources, map(tuple, parts), strict=True)
        emptied.append(
            replace(
                each, resources=tuple(replace(pattern, template=left) for pattern, left in patterns)
            )
        )
    return KeyClasses(emptied, *more)


def without_levels(policies: Policies) -> Policies:
    return replace(policies, rcp=(), scp=())


def beside_full_access(layer: Layer) -> Layer:
    return layer._replace(must_allow=bool(layer.document.allows))


@pytest.mark.parametrize(
    "fault", ["an empty variable", "no organization", "a level without an Allow"]
)
def test_a_fault_is_seen_in_the_few(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policies_of, level_of = EffectiveLocks._policies, iam_request._level
    if fault == "an empty variable":
        monkeypatch.setattr(proof_module, "KeyClasses", empty_variables)
    elif fault == "no organization":
        monkeypatch.setattr(
            EffectiveLocks, "_policies", lambda *asked: without_levels(policies_of(*asked))
        )
    else:
        monkeypatch.setattr(
            iam_request, "_level", lambda *asked: beside_full_access(level_of(*asked))
        )
    with pytest.raises(AssertionError):
        _ = [decided(question(seed)) for seed in FEW]
