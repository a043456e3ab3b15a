"""A verdict where some keys are not known: certain where every value of them gives the same answer, else unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from .conditions import Condition
from .key_values import are_mixed, key_values
from .principals import Caller
from .request import Compiled, Request
from .request_keys import ANONYMOUS, ENDPOINT_KEYS, ConditionKey, is_principal_key, key_facts
from .request_space import Dimension, RequestSpace
from .statement_table import DimensionValue, StatementTable, View
from .texts import TooManyClassesError
from .variables import Keys, Template, Variable, Wild, parse_template, split_wildcards, variable_keys
from .verdict import Decided
from .wildcards import glob

Decide = Callable[[Request, Compiled], Decided]


def bounds(request: Request, policies: Compiled, decide: Decide) -> Decided:
    """Decide a request with unknown keys, from representatives of all values that they can have."""
    caller, keys = request.caller, dict(request.keys)
    unknown = unknown_keys(request.unknown, policies)
    settled = {key: value for key, value in keys.items() if key not in unknown}
    known = replace(request, context=dict(settled), unknown=())
    table = StatementTable(policies, caller, cross_account=request.is_cross_account, endpoint=not known.is_off_endpoint)
    view = View(request.action, request.resource, caller, settled)
    dimensions = [
        fact(table, key, spelled, texts=[request.resource], known=settled, facts=_about(key, spelled, caller, settled))
        for key, spelled in sorted(unknown.items())
    ]
    space = RequestSpace(table, view, dimensions)
    answer = space.answer()
    if answer.state == "unknown":
        rule = f"the answer depends on {', '.join(answer.depends_on)}"
        return Decided("unknown", rule=rule, depends_on=answer.depends_on)
    # The explanation is that of the request in which every unknown key is absent, or of the first that is as certain.
    outcome = decide(known, policies)
    if (outcome.decision == "allow") == (answer.state == "opened"):
        return outcome
    context: dict[str, tuple[str, ...]] = dict(settled)
    for dimension in dimensions:
        context.update(dimension.settings[0].values if dimension.settings else {})
    outcome = decide(replace(known, context=context), policies)
    if (outcome.decision == "allow") == (answer.state == "opened"):
        return outcome
    rule = "it is the same for every value of the unknown keys"
    return Decided("allow" if answer.state == "opened" else "implicit-deny", rule=rule)


def _about(key: str, spelled: str, caller: Caller, settled: Keys) -> ConditionKey:
    """Return the facts about an unknown key: what every request has, only requests of its path and signer have."""
    facts = key_facts(key, spelled)
    if caller.kind == "anonymous" and key in ANONYMOUS:
        return replace(facts, values=ANONYMOUS[key], always=True)
    if key in ENDPOINT_KEYS:
        return replace(facts, always=facts.always and bool(settled.keys() & (ENDPOINT_KEYS - {"aws:sourceip"})))
    signed = caller.kind not in ("anonymous", "service")
    of_signers = key == "s3:authtype" or key == "s3:signatureversion" or is_principal_key(key)
    return replace(facts, always=facts.always and (signed or not of_signers))


def unknown_keys(names: Iterable[str], policies: Compiled) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = [name.lower() for name in names]
    for key, spelled in spellings(policies).items():
        if any(key == name or (name.endswith("/*") and key.startswith(name[:-1])) for name in wanted):
            found[key] = key_facts(key, spelled).name
    return found


def spellings(policies: Compiled) -> dict[str, str]:
    """Return every key that the policies mention, in lower case, with the first spelling."""
    found: dict[str, str] = {}
    for layer in policies.layers:
        for statement in layer.document.statements:
            for condition in statement.conditions:
                found.setdefault(condition.lower_key, condition.key)
                for key in condition.variables:
                    found.setdefault(key, key_facts(key).name)
            for pattern in statement.resources:
                for part in pattern.template:
                    if isinstance(part, Variable):
                        found.setdefault(part.key, key_facts(part.key).name)
            kinds = {entry.kind for entry in statement.principals or ()}
            if "unique-id" in kinds:
                found.setdefault("aws:userid", "aws:userid")
            if "federated" in kinds:
                found.setdefault("aws:federatedprovider", "aws:FederatedProvider")
    return found


def conditions_on(table: StatementTable, key: str) -> list[Condition]:
    return [c for _, _, statement in table.statements for c in statement.conditions if c.lower_key == key]


def fact(
    table: StatementTable,
    key: str,
    spelled: str = "",
    *,
    texts: Iterable[str] = (),
    known: Keys = MappingProxyType({}),
    chosen: bool = False,
    facts: ConditionKey | None = None,
) -> Dimension:
    """Return the dimension of an unknown or chosen key; variables compare it with ``texts`` and the ``known`` keys."""
    about = facts or key_facts(key, spelled)
    own = conditions_on(table, key)
    if are_mixed(own):
        return Dimension(about.name, frozenset({key}), (), chosen)
    try:
        values = key_values(about, own, extra=variable_values(table, key, texts, known))
    except TooManyClassesError:
        return Dimension(about.name, frozenset({key}), (), chosen)
    return Dimension(
        about.name,
        frozenset({key}),
        tuple(DimensionValue({key: value} if value else {}, label=about.name) for value in values),
        chosen,
    )


def variable_values(table: StatementTable, key: str, texts: Iterable[str], known: Keys) -> list[str]:
    """Return values of a key with which policy variables of it, or of what it is compared with, match and do not."""
    tied = _tied_keys(table, key)
    pool: dict[str, None] = {}
    for each in sorted(tied):
        pool.update(dict.fromkeys(_resource_values(table, each, texts)))
    if len(tied) == 1:
        return list(pool)
    for number, each in enumerate(sorted(tied)):
        literals = (value for condition in conditions_on(table, each) for value in condition.values)
        pool.update(dict.fromkeys(value for value in literals if not set("*?$") & set(value)))
        pool.update(dict.fromkeys((*known.get(each, ()), _sample(key_facts(each).like), f"zq{number}")))
    pool["zq"] = None
    values = [value for value in pool if value]
    return [*values, *_composed(table, key, values), *_inside(table, key, values)]


def _tied_keys(table: StatementTable, key: str) -> set[str]:
    tied, size = {key}, 0
    while size != len(tied):
        size = len(tied)
        for _, _, statement in table.statements:
            for condition in statement.conditions:
                keys = condition.variables | {condition.lower_key}
                if condition.variables and keys & tied:
                    tied |= keys
    return tied


def _resource_values(table: StatementTable, key: str, texts: Iterable[str]) -> list[str]:
    """Return what a variable in a resource pattern would have to be, and something else."""
    found: list[str] = []
    for _, _, statement in table.statements:
        for pattern in statement.resources:
            if key in variable_keys(pattern.template):
                found += [value for text in texts for value in captures(pattern.template, key, text)]
                found.append(f"some-{key.rpartition(':')[2]}")
    return found


def _composed(table: StatementTable, key: str, values: list[str]) -> list[str]:
    """Return what the values of a condition on a key become where its variables are filled."""
    templates = [
        parse_template(value, variables=True, wildcards=True, place="$")
        for condition in conditions_on(table, key)
        for value in condition.values
        if condition.variables and "${" in value
    ]
    return [_filled(template, value) for template in templates for value in values if len(template) > 1]


def _inside(table: StatementTable, key: str, values: list[str]) -> list[str]:
    """Return what a variable of a key would have to be for a condition on another key to match its value."""
    found: list[str] = []
    for _, _, statement in table.statements:
        for condition in statement.conditions:
            for value in condition.values if key in condition.variables else ():
                template = parse_template(value, variables=True, wildcards=True, place="$")
                if key in variable_keys(template) and len(template) > 1:
                    found += [part for text in values for part in captures(template, key, text)]
    return found


def _filled(template: Template, token: str) -> str:
    return "".join(part if isinstance(part, str) else token if isinstance(part, Variable) else "z" for part in template)


def _sample(like: str) -> str:
    return "".join(part if isinstance(part, str) else "7" for part in split_wildcards(like))


_LONGEST_CAPTURE = 200


def captures(template: Template, key: str, text: str) -> list[str]:
    """Return the parts of a text that a variable would have to equal for the template to match the text."""
    first = next(i for i, part in enumerate(template) if isinstance(part, Variable) and part.key == key)
    head = template[:first]
    literal = "".join(map(str, head)) if all(isinstance(part, str) for part in head) else None
    if literal is not None and not text.startswith(literal):
        return []
    starts = [len(literal)] if literal is not None else range(min(len(text), _LONGEST_CAPTURE))
    found = []
    for start in starts:
        for end in range(start + 1, min(len(text), start + _LONGEST_CAPTURE) + 1):
            value = text[start:end]
            filled = tuple(
                (value if part.key == key else Wild.ANY) if isinstance(part, Variable) else part for part in template
            )
            if glob(filled)(text):
                found.append(value)
    return found
