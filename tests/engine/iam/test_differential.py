"""Two independent evaluators on generated cases: every disagreement is explained by a named,
sourced rule.

A rule looks at the case alone. A case without any rule's feature must get the same verdict from
both.
"""

import json

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from support import policy_cases as generated, policy_engines as engines

PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"


def verdict(case):
    r = case["request"]
    request = Request(
        r["action"], r["resource"], r["principal"], r["context"], r.get("resourceAccount")
    )
    return evaluate(
        request, Policies(case["identityPolicies"], case["sessionPolicy"], case["resourcePolicy"])
    ).decision


def statements(case):
    documents = [*case["identityPolicies"], case["sessionPolicy"], case["resourcePolicy"]]
    return [statement for document in documents if document for statement in document["Statement"]]


def conditions(case):
    """Yield (operator, key, values) of every condition."""
    for statement in statements(case):
        for operator, keys in statement.get("Condition", {}).items():
            for key, value in keys.items():
                yield operator, key, value if isinstance(value, list) else [value]


def context_value(case, key):
    return {name.lower(): value for name, value in case["request"]["context"].items()}.get(
        key.lower()
    )


def listed(value):
    return value if isinstance(value, list) else [value]


def uses_variables(case):
    return "${" in json.dumps(statements(case))


def uses_not_principal(case):
    return "NotPrincipal" in json.dumps(case["resourcePolicy"])


def star_grant_under_limits(case):
    grants = case["resourcePolicy"]["Statement"] if case["resourcePolicy"] else []
    stars = [
        g for g in grants if g["Effect"] == "Allow" and '"*"' in json.dumps(g.get("Principal"))
    ]
    return bool(stars) and case["sessionPolicy"] is not None


def several_values_without_set_operator(case):
    return any(
        isinstance(context_value(case, key), list) and not operator.startswith("For")
        for operator, key, _ in conditions(case)
    )


def empty_values(case):
    return any(
        context_value(case, key) in ("", []) or "" in listed(context_value(case, key))
        for _, key, _ in conditions(case)
    )


def null_with_a_list(case):
    return any(operator == "Null" and len(values) != 1 for operator, _, values in conditions(case))


def year_as_date(case):
    return any("Date" in operator and "2026" in values for operator, _, values in conditions(case))


def arn_condition_in_parts(case):
    return any(
        "Arn" in operator and "arn:aws:iam::*" in values for operator, _, values in conditions(case)
    )


def several_values_or_none(case):
    """A list where there is no set operator, an empty text, or a condition without values."""
    lists = any(not values for _, _, values in conditions(case))
    return lists or several_values_without_set_operator(case) or empty_values(case)


def if_exists_on_a_set(case):
    return any(
        operator.startswith("For") and operator.endswith("IfExists")
        for operator, _, _ in conditions(case)
    )


def prefix_of_zero(case):
    return "/0" in json.dumps(statements(case))


def bare_address_of_the_other_family(case):
    bare = [
        v for op, _, values in conditions(case) if "IpAddress" in op for v in values if "/" not in v
    ]
    return bool(bare)


def names_a_session(case):
    return generated.SESSION in json.dumps(case["resourcePolicy"])


MINISTACK_RULES = {
    "it has no policy variables": (uses_variables, PAGE + "reference_policies_variables.html"),
    "it ignores NotPrincipal": (
        uses_not_principal,
        PAGE + "reference_policies_elements_notprincipal.html",
    ),
    "it lets a session policy limit a grant to *": (
        star_grant_under_limits,
        PAGE + "reference_policies_elements_principal.html",
    ),
    "it compares a list as one text where there is no set operator": (
        several_values_without_set_operator,
        PAGE + "reference_policies_condition-single-vs-multi-valued-context-keys.html",
    ),
    "it takes an empty text for a value": (
        empty_values,
        PAGE + "reference_policies_condition-single-vs-multi-valued-context-keys.html",
    ),
    "it looks at the first value of Null only": (
        null_with_a_list,
        PAGE + "reference_policies_condition-logic-multiple-context-keys-or-values.html",
    ),
    "it matches an ARN condition of fewer than six parts": (
        arn_condition_in_parts,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
    "it reads a year as seconds since 1970": (
        year_as_date,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
}


NPM_RULES = {
    "it spares a caller of whom NotPrincipal lists only one ARN, and limits NotPrincipal grants": (
        uses_not_principal,
        PAGE + "reference_policies_elements_notprincipal.html",
    ),
    "it fills variables in version 2008-10-17 too, and drops statements whose variable has no value": (
        uses_variables,
        PAGE + "reference_policies_variables.html",
    ),
    "it lets a session policy limit a grant to *": (
        star_grant_under_limits,
        PAGE + "reference_policies_elements_principal.html",
    ),
    "it denies a grant to a role session that the session policy does not allow": (
        names_a_session,
        PAGE + "reference_policies_elements_principal.html",
    ),
    "a prefix of /0 matches nothing": (
        prefix_of_zero,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
    "a bare address never differs from one of the other family": (
        bare_address_of_the_other_family,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
    "a list never matches without a set operator, and it takes empty texts for values, empty lists for false": (
        several_values_or_none,
        PAGE + "reference_policies_condition-single-vs-multi-valued-context-keys.html",
    ),
    "ForAnyValue with IfExists is false when the key is absent": (
        if_exists_on_a_set,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
    "an ARN condition of fewer than six parts matches nothing": (
        arn_condition_in_parts,
        PAGE + "reference_policies_elements_condition_operators.html",
    ),
}


def disagreements(cases, ours, theirs, rules):
    """Return the cases that differ without a rule, and how often each rule was needed."""
    unexplained, needed = [], dict.fromkeys(rules, 0)
    for case, mine, other in zip(cases, ours, theirs, strict=True):
        if mine == other:
            continue
        found = [name for name, (feature, _) in rules.items() if feature(case)]
        for name in found:
            needed[name] += 1
        if not found:
            unexplained.append((mine, other, case))
    return unexplained, needed


def check_ministack(examples):
    try:
        prepare, decide = engines.ministack_engine()
    except ImportError:
        pytest.skip("ministack is not installed")
    bare = {"all": 0, "without features": 0}

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(generated.cases())
    def agree(case):
        mine, other = verdict(case), decide(prepare(case))
        features = [name for name, (feature, _) in MINISTACK_RULES.items() if feature(case)]
        bare["all"] += 1
        bare["without features"] += not features
        event(mine)
        assert mine == other or features, (mine, other, json.dumps(case))

    agree()
    # the rules must not swallow the comparison
    assert bare["without features"] > bare["all"] / 10


def test_agrees_with_ministack_but_for_the_rules():
    check_ministack(150)


@pytest.mark.slow
def test_agrees_with_the_npm_engine_but_for_the_rules():
    if engines.npm_folder() is None:
        pytest.skip("node, npm or the registry is missing")
    cases = []

    @settings(max_examples=3000, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
    @given(generated.cases())
    def collect(case):
        cases.append(case)

    collect()
    theirs, _ = engines.npm_answers(cases)
    unexplained, needed = disagreements(cases, [verdict(case) for case in cases], theirs, NPM_RULES)
    assert unexplained == []
    assert sum(not any(f(case) for f, _ in NPM_RULES.values()) for case in cases) > len(cases) / 10
    assert all(needed.values()), needed


@pytest.mark.slow
def test_agrees_with_ministack_on_many_cases():
    check_ministack(4000)
