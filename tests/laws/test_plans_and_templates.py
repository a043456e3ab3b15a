"""A plan or a template is proved only if every policy that it may become is, and refuted only if
none of them is.

Files are drawn together with what they leave open. Each is deployed many times with other values,
conditions, parameters, macros and documents by a renderer that shares no code with the readers.
Each policy is asked for itself.
"""

from __future__ import annotations
import __future__

import inspect
import json
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

import pytest

from gt_secure.base.errors import PolicyError
from gt_secure.base.network import parse_network
from gt_secure.engine.access import (
    Claim,
    cloudformation_template,
    locks_of_policies,
    planned_policies,
    terraform_plan,
)
from gt_secure.engine.access.proof import prove
from support.deployments import ACCOUNT, BUCKET, OFFICE, File, draw_file
from support.planned_kinds import PLANS

CLAIM = Claim("", (parse_network(OFFICE),))
WORDS = {True: "proved", False: "refuted", None: "unknown"}


@cache
def answers_to(policy: str) -> list[bool | None]:
    """Return the answer to a policy that is deployed; none if S3 refuses it, so that nothing is."""
    try:
        return [prove(locks_of_policies(BUCKET, policy, ACCOUNT), CLAIM).proved]
    except PolicyError:
        return []


@dataclass
class Outcome:
    """Files by what is open in them and by their answers,
    and each answer that a deployment contradicts.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def share(self, kind: str) -> float:
        """Return the share of files of a kind that are decided."""
        numbers = [self.counts[f"{kind}, {word}"] for word in WORDS.values()]
        return sum(numbers[:2]) / sum(numbers)


def answers_of(file: File) -> dict[str, bool | None]:
    """Return the answers to a file: as it stands,
    and with references taken as unchanged where they are.
    """
    read = terraform_plan.terraform_policies if file.is_plan else _template
    policy = read(file.text).policy(BUCKET)
    locks = locks_of_policies(BUCKET, None, ACCOUNT)
    answers = {"as it stands": policy.prove(locks, CLAIM).proved}
    if file.unchanged:
        answers["unchanged"] = policy.accepting().prove(locks, CLAIM).proved
    return answers


def _template(text: str) -> planned_policies.PlannedFile:
    return cloudformation_template.cloudformation_policies(text, ACCOUNT)


def ask(seeds: Iterable[int], deployments: int = 50) -> Outcome:
    """Ask about files, and deploy each many times."""
    outcome = Outcome()
    for seed in seeds:
        file = draw_file(seed)
        answers = answers_of(file)
        random = Random(seed)
        deployed = {json.dumps(file.deploy(random)) for _ in range(deployments)}
        results = {each: result for each in deployed for result in answers_to(each)}
        kind = "open" if file.open else "nothing open"
        outcome.counts[f"{kind}, {WORDS[[*answers.values()][-1]]}"] += 1
        outcome.counts["plan" if file.is_plan else "template"] += 1
        outcome.counts["deployments"] += len(deployed)
        outcome.counts["files with several answers"] += len(set(results.values())) > 1
        for how, certain in answers.items():
            other = next((each for each, result in results.items() if result is not certain), None)
            if certain is not None and other is not None:
                outcome.wrong.append(
                    f"seed {seed}: {WORDS[certain]} {how}, and becomes {other}; {file.text}"
                )
        if not file.open and None in answers.values() and None not in results.values():
            outcome.wrong.append(f"seed {seed}: nothing is open, and it is unknown: {file.text}")
    return outcome


def holds(outcome: Outcome) -> None:
    """Fail where a deployment contradicts an answer,
    or where too few answers are certain or too few files open.
    """
    assert outcome.wrong == []
    assert outcome.share("nothing open") == 1
    assert outcome.share("open") >= 0.3
    files = outcome.counts["plan"] + outcome.counts["template"]
    assert min(outcome.counts["plan"], outcome.counts["template"]) >= 0.4 * files
    assert outcome.counts["files with several answers"] >= 0.15 * files
    for kind in ("open", "nothing open"):
        assert (
            min(outcome.counts[f"{kind}, {word}"] for word in ("proved", "refuted")) >= 0.05 * files
        )


QUICK = (
    *range(32),
    199,
    37,
    39,
    57,
    61,
    79,
    101,
    113,
    115,
    121,
    123,
    135,
    2335,
    429,
    437,
    495,
    575,
    635,
    759,
)


def test_no_deployment_contradicts_an_answer() -> None:
    holds(ask(QUICK, 20))


@pytest.mark.slow
def test_no_deployment_of_more_files_contradicts_an_answer() -> None:
    holds(ask(range(1000, 1300)))


@pytest.mark.slow
def test_no_deployment_of_all_files_contradicts_an_answer() -> None:
    outcome = ask(range(10_000, 10_500))
    print(dict(outcome.counts))
    holds(outcome)


def put_back(patch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str) -> None:
    """Replace a function by one with a fault, which stands in its text."""
    function = vars(owner)[name]
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(old) == 1, f"the text of {name} has changed"
    found: dict[str, object] = {}
    exec(
        compile(text.replace(old, new), "<fault>", "exec", __future__.annotations.compiler_flag),
        function.__globals__,
        found,
    )
    patch.setattr(owner, name, found[name])
    for key, each in cloudformation_template._LAZY.items():
        if each is function:
            patch.setitem(cloudformation_template._LAZY, key, found[name])


_PLAN, _TEMPLATE = terraform_plan._Plan, cloudformation_template._Template
_FILE, _POLICY, _DOCUMENT = (
    planned_policies.PlannedFile,
    planned_policies.PlannedPolicy,
    planned_policies.PlannedDocument,
)
FAULTS: dict[str, tuple[int, object, str, str, str]] = {
    "documents of for_each are one": (22, _PLAN, "_leads", 'index if own else ""', """'["z"]' if own else "" """),
    "a function leaves a document unchanged": (3, _POLICY, "prove", "if self.provided:", "if False:"),
    "overrides are left out": (26, _PLAN, "_rendered", ", own), *overrides]", ", own)]"),
    "sources are left out": (23, _PLAN, "_rendered", "[*sources, (row", "[(row"),
    "an unknown document replaces nothing": (759, terraform_plan, "_merged", "sid if isinstance(name, str) else other", "other"),
    "a variable of the provider stays": (10, terraform_plan, "_texts", '"&{", "${"', '"&{", "&{"'),
    "the last of two conditions holds": (635,
        terraform_plan, "_element", "place.setdefault(groups[-1], []).extend(as_list(_texts(values)))",
        "place[groups[-1]] = as_list(_texts(values))",
    ),
    "every document is of 2012": (79,
        _DOCUMENT, "texts", "return [self.value]", 'return [json.dumps({**json.loads(self.value), "Version": VERSIONS[1]})]',
    ),
    "the last policy of a bucket holds": (37, _FILE, "policy", "documents += possible", "documents = possible[-1:]"),
    "a policy of an unknown bucket is another's": (123, _PLAN, "_worlds", "(bucket, ()), *unsure]", "(bucket, ())]"),
    "a deleted policy leaves no trace": (115, _PLAN, "_documents", 'elif "delete" in row', 'elif "gone" in row'),
    "a plan is always complete": (39, _PLAN, "_file", "if is_so]", "if False]"),
    "a script sets no policy": (121, _FILE, "policy", "in self.near)", "in ())"),
    "the default effect is Deny": (2, terraform_plan, "_statement", '"Effect": "Allow"', '"Effect": "Deny"'),
    "unknown principals are everybody": (135, terraform_plan, "_element", "return unknown[0]", 'return "*"'),
    "an unknown statement is left out": (39,
        planned_policies, "_bounded", 'return {"Effect": most, **dict.fromkeys(_ELEMENTS, "*")}', "return None",
    ),
    "a value that is not known is none": (635,
        planned_policies, "_conditions", 'if ("not" in operator.lower()) is is_wide else None', "",
    ),
    "a Deny of unknown resources is wide": (135,
        planned_policies, "_bounded", "None if name not in _ELEMENTS else _known(statement[name])", "_widest(statement[name])",
    ),
    "an Allow grants to known principals alone": (135,
        planned_policies, "_bounded", "(_people if is_person else _widest)(statement[name])", "_known(statement[name])",
    ),
    "a variable is no part of a resource": (575, _PLAN, "_lead_of_value", "if expression and not (strict or references)", "if not references"),
    "a program sets no policy": (495, terraform_plan, "_is_near", '"provisioners" in row.config', "False"),
    "every type of resource is harmless": (2335, terraform_plan, "_is_near", "not _HARMLESS.fullmatch(row.type)", "False"),
    "every custom resource is harmless": (121, _TEMPLATE, "file", "not self._is_harmless(kind, each)", "False"),
    "a policy exists whatever its condition": (17, _TEMPLATE, "_documents", '"Condition" in resource', '"X" in resource'),
    "a default is a constant": (113,
        _TEMPLATE, "reference", 'self.sure(bucket.get("BucketName"))', 'parameter.get("Default", self.sure(bucket.get("BucketName")))',
    ),
    "a parameter of Systems Manager has its default": (57,
        _TEMPLATE, "reference", 'if value is None or "::Value<" in kind:',
        'value = parameter.get("Default") if "::Value<" in kind else value\n    if value is None:',
    ),
    "a transform changes nothing": (429, _TEMPLATE, "file", "if each not in _TRANSFORMS", "if False"),
    "the first branch holds": (61, _TEMPLATE, "either", "yes if self.holds(name) else no", "yes"),
    "a literal of Fn::Sub keeps its mark": (437, _TEMPLATE, "substituted", 'f"${{{name}}}"', 'f"${{!{name}}}"'),
    "an account is every account": (101, _TEMPLATE, "__init__", '"AWS::AccountId": account', '"AWS::AccountId": "*"'),
}  # fmt: skip
"""Each fault: a file among the few that shows it, a function,
and what stands in its text in place of something else.
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, *change = FAULTS[fault]
    assert seed in QUICK
    put_back(monkeypatch, *change)
    assert ask([seed], 20).wrong


FAULTS_OF_KINDS: dict[str, tuple[str, object, str, str, str]] = {
    "the first document is the policy": (
        "a choice of two documents without a variable", _PLAN, "_text", "len(rows) != 1 or", "not rows or",
    ),
    "what is not known is not spared": (
        "a Deny of everything but what is not known", planned_policies, "_bounded",
        "None if name not in _ELEMENTS else _known(", "_known(",
    ),
    "one reference is to a bucket and its objects": (
        "resources by reference, the bucket or its objects", _PLAN, "_located", "if count == 1:", "if False:",
    ),
    "a variable with a text merges nothing": (
        "a document of a module beside a text", _PLAN, "_lead_of_value", 'if "{" in each', "if False",
    ),
    "what a function makes merges nothing": (
        "a document of a module beside a text that a function makes", _PLAN, "_lead_of_value",
        "if expression and not (strict or references)", "if not (strict or references)",
    ),
    "each document that a module refers to is merged": (
        "a document of a module beside one that is not attached", _PLAN, "_sourced", "len(lead) > is_sure", "False",
    ),
    "a choice between documents is both": (
        "a document of a module beside a choice", _PLAN, "_sourced", "len(lead) > is_sure", "False",
    ),
    "what follows a wait changes nothing": (
        "a script of a text after a wait", terraform_plan, "_waits", "_WAITS.fullmatch(", "_WAITS.match(",
    ),
    "an unknown version is 2012": (
        "a version that is not known", _DOCUMENT, "texts", "for each in VERSIONS]", "for each in VERSIONS[1:]]",
    ),
    "an attribute that nobody knows changes nothing": (
        "an attribute that nobody knows", terraform_plan, "_odd", "if each and not read.fullmatch(name)", "if False",
    ),
}  # fmt: skip
"""Faults that the table of kinds shows, and the kind."""


@pytest.mark.parametrize("fault", FAULTS_OF_KINDS)
def test_the_kinds_show_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, *change = FAULTS_OF_KINDS[fault]
    text, _, unchanged = PLANS[name]
    put_back(monkeypatch, *change)
    policy = terraform_plan.terraform_policies(text).policy(BUCKET).accepting()
    assert policy.prove(locks_of_policies(BUCKET, None, ACCOUNT), CLAIM).proved is not unchanged
