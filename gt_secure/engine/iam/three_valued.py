"""A verdict where some keys are not known: certain where every value of them gives the same answer,
else unknown.

All values of a key are represented by at least one for each way in which the conditions on it can
answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain, combinations
from types import MappingProxyType

from ...base.groups import OrderedNames
from ...base.text import Texts
from .conditions import Condition
from .documents import Statement
from .facts import Values
from .operators import policy_network, read_date, read_number
from .principals import Caller
from .request import Compiled, Request
from .request_keys import (
    ANONYMOUS,
    ENDPOINT_KEYS,
    OF_ROLES,
    ConditionKey,
    is_multivalued,
    is_principal_key,
    key_facts,
)
from .request_space import MAX_SAMPLES, Dimension, RequestSpace
from .statement_table import DimensionValue, StatementTable, View
from .variables import (
    Filled,
    Keys,
    Several,
    Template,
    TemplatePart,
    Variable,
    Wild,
    fill,
    is_fixed,
    parse_template,
    split_wildcards,
    variable_keys,
)
from .verdict import Decided
from .wildcards import Steps, TooManyClassesError, arn_steps, glob, text_steps, witnesses

Decide = Callable[[Request, Compiled], Decided]


def bounds(request: Request, policies: Compiled, decide: Decide) -> Decided:
    """Decide a request with unknown keys, from representatives of all values that they can have."""
    caller, keys = request.caller, dict(request.keys)
    unknown = unknown_keys(request.unknown, policies)
    settled = {key: value for key, value in keys.items() if key not in unknown}
    known = replace(request, context=dict(settled), unknown=())
    table = StatementTable(
        policies, caller, cross_account=request.is_cross_account, endpoint=not known.is_off_endpoint
    )
    view = View(request.action, request.resource, caller, settled)
    dimensions = [
        fact(
            table,
            key,
            spelled,
            texts=[request.resource],
            known=settled,
            facts=_about(key, spelled, caller, settled),
        )
        for key, spelled in sorted(unknown.items())
    ]
    space = RequestSpace(table, view, dimensions)
    answer = space.answer()
    if answer.state == "unknown":
        rule = f"the answer depends on {', '.join(answer.depends_on)}"
        return Decided("unknown", rule=rule, depends_on=answer.depends_on)
    # The explanation is that of the request in which every unknown key is absent, or of the first
    # that is as certain.
    outcome = decide(known, policies)
    if (outcome.decision == "allow") == (answer.state == "opened"):
        return outcome
    context = dict(settled)
    for dimension in dimensions:
        context.update(dimension.settings[0].values if dimension.settings else {})
    outcome = decide(replace(known, context=context), policies)
    if (outcome.decision == "allow") == (answer.state == "opened"):
        return outcome
    rule = "it is the same for every value of the unknown keys"
    return Decided("allow" if answer.state == "opened" else "implicit-deny", rule=rule)


def _about(key: str, spelled: str, caller: Caller, settled: Keys) -> ConditionKey:
    """Return the facts about an unknown key: what every request has,
    only requests of its path and signer have.
    """
    facts = key_facts(key, spelled)
    if caller.kind == "anonymous" and key in ANONYMOUS:
        return replace(facts, values=ANONYMOUS[key], among="", always=True)
    if key in ENDPOINT_KEYS:
        return replace(
            facts, always=facts.always and bool(settled.keys() & (ENDPOINT_KEYS - {"aws:sourceip"}))
        )
    signed = caller.kind not in ("anonymous", "service")
    of_signers = key == "s3:authtype" or key == "s3:signatureversion" or is_principal_key(key)
    return replace(facts, always=facts.always and (signed or not of_signers))


def unknown_keys(names: Iterable[str], policies: Compiled) -> dict[str, str]:
    """Return the keys of the policies with these names, with their spelling;
    a name may end in ``/*``.
    """
    found: dict[str, str] = {}
    wanted = [name.lower() for name in names]
    for key, spelled in spellings(policies).items():
        if any(
            key == name or (name.endswith("/*") and key.startswith(name[:-1])) for name in wanted
        ):
            found[key] = key_facts(key, spelled).name
    return found


def spellings(policies: Compiled) -> dict[str, str]:
    """Return every key that the policies mention, in lower case, with the first spelling."""
    names: dict[str, str] = {}
    for layer in policies.layers:
        for statement in layer.document.statements:
            for condition in statement.conditions:
                names.setdefault(condition.lower_key, condition.key)
                for key in condition.variables:
                    names.setdefault(key, key_facts(key).name)
            parts = (part for pattern in statement.resources for part in pattern.template)
            for key in dict.fromkeys(part.key for part in parts if isinstance(part, Variable)):
                names.setdefault(key, key_facts(key).name)
            kinds = {entry.kind for entry in statement.principals or ()}
            if "unique-id" in kinds:
                names.setdefault("aws:userid", "aws:userid")
            if "federated" in kinds:
                names.setdefault("aws:federatedprovider", "aws:FederatedProvider")
    return names


def conditions_on(table: StatementTable, key: str) -> list[Condition]:
    """Return the conditions of a table on one key."""
    return [
        c for statement in table.every_statement for c in statement.conditions if c.lower_key == key
    ]


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
    """Return the dimension of an unknown or chosen key;
    variables compare it with ``texts`` and the ``known`` keys.
    """
    about = facts or key_facts(key, spelled)
    own = conditions_on(table, key)
    are_numbers = any(each.name.startswith(("Numeric", "Date")) for each in own)
    if are_numbers and any(map(compares_text, own)):  # a number or a time, and patterns
        return Dimension(about.name, frozenset({key}), (), chosen)
    try:
        extra = variable_values(table, key, texts, known)
        asked = (key, about, chosen, *extra)
        if asked not in table.shared:
            settings = tuple(
                DimensionValue({key: value} if value else {}, label=about.name)
                for value in key_values(about, own, extra=extra)
            )
            table.shared[asked] = Dimension(about.name, frozenset({key}), settings, chosen)
        dimension: Dimension = table.shared[asked]
        return dimension
    except TooManyClassesError as error:
        samples = tuple(DimensionValue({key: (text,)}, label=about.name) for text in error.texts)
        return Dimension(
            about.name, frozenset({key}), (), chosen, samples if chosen and error.key == key else ()
        )


def variable_values(
    table: StatementTable, key: str, texts: Iterable[str], known: Keys
) -> list[str]:
    """Return values of a key with which policy variables of it, or of what it is compared with,
    match and do not.
    """
    tied = tied_keys(table.every_statement, key)
    asked = (frozenset(tied), tuple(texts), id(known))
    if asked not in table.shared:  # the keys of a tie have one pool
        table.shared[asked] = known, _pool(table, tied, asked[1], known)
    pool: list[str] = table.shared[asked][1]
    if len(tied) == 1:
        return pool
    # what the values of a condition on a key become where its variables are filled
    templates = [
        parse_template(value, variables=True, wildcards=True, place="$")
        for condition in conditions_on(table, key)
        for value in condition.values
        if condition.variables and "${" in value
    ]
    filled = [_filled(one, value) for one in templates for value in pool if len(one) > 1]
    return [*pool, *filled, *_inside(table, key, pool)]


def _pool(table: StatementTable, tied: set[str], texts: Texts, known: Keys) -> list[str]:
    """Return the values that tied keys have, or can be compared with."""
    pool = dict.fromkeys(
        value for each in sorted(tied) for value in _resource_values(table, each, texts)
    )
    if len(tied) == 1:
        return list(pool)
    for number, each in enumerate(sorted(tied)):
        literals = (value for condition in conditions_on(table, each) for value in condition.values)
        pool.update(dict.fromkeys(value for value in literals if not set("*?$") & set(value)))
        pool.update(dict.fromkeys(_defaults(conditions_on(table, each))))
        samples = [
            "".join(part if isinstance(part, str) else "7" for part in split_wildcards(like))
            for like in likes_of(each)
        ]
        pool.update(dict.fromkeys((*known.get(each, ()), *samples, f"zq{number}")))
    pool["zq"] = None
    return list(pool)


def is_variable(table: StatementTable, key: str) -> bool:
    """Return whether a statement holds a key as a policy variable."""
    statements = table.every_statement
    patterns = (pattern for each in statements for pattern in each.resources)
    in_conditions = any(
        key in condition.variables for each in statements for condition in each.conditions
    )
    return in_conditions or any(key in variable_keys(pattern.template) for pattern in patterns)


def is_compared(table: StatementTable, key: str) -> bool:
    """Return whether a policy variable is this key, or is compared with it."""
    return is_variable(table, key) or len(tied_keys(table.every_statement, key)) > 1


def tied_keys(statements: Iterable[Statement], key: str) -> set[str]:
    """Return a key and all with which policy variables compare it, directly or by way of others."""
    conditions = [
        each for statement in statements for each in statement.conditions if each.variables
    ]
    tied, size = {key}, 0
    while size != len(tied):
        size = len(tied)
        for condition in conditions:
            keys = condition.variables | {condition.lower_key}
            if keys & tied:
                tied |= keys
    return tied


def _resource_values(table: StatementTable, key: str, texts: Texts) -> list[str]:
    """Return what a variable in a resource pattern would have to be, and something else:
    all sources ask the same.
    """
    if (key, texts) not in table.shared:
        ordered = sorted(texts)
        found: OrderedNames = {}
        for statement in table.every_statement:
            for pattern in statement.resources:
                if pattern.matcher is None and key in variable_keys(pattern.template):
                    for text in _starting(ordered, pattern.template[0]):
                        found |= dict.fromkeys(captures(pattern.template, key, text))
                    found[f"some-{key.rpartition(':')[2]}"] = None
        table.shared[key, texts] = list(found)
    values: list[str] = table.shared[key, texts]
    return values


def _starting(ordered: Sequence[str], start: TemplatePart) -> Sequence[str]:
    """Return those of ordered texts that begin with the text with which a pattern begins."""
    if not isinstance(start, str):
        return ordered
    first = bisect_left(ordered, start)
    return ordered[first : bisect_right(ordered, start, first, key=lambda text: text[: len(start)])]


def _defaults(conditions: Iterable[Condition]) -> Iterator[str]:
    """Yield the defaults of variables, which stand for them where a key is absent."""
    texts = (text for each in conditions if each.variables for text in each.values if "${" in text)
    for text in texts:
        template = parse_template(text, variables=True, wildcards=True, place="$")
        yield from (
            part.default
            for part in template
            if isinstance(part, Variable) and part.default is not None
        )


def _inside(table: StatementTable, key: str, values: list[str]) -> Iterator[str]:
    """Yield what a variable of a key would have to be for a condition on another
    key to match its value.
    """
    for statement in table.every_statement:
        for condition in statement.conditions:
            for value in condition.values if key in condition.variables else ():
                template = parse_template(value, variables=True, wildcards=True, place="$")
                if key in variable_keys(template) and len(template) > 1:
                    yield from (part for text in values for part in captures(template, key, text))


def _filled(template: Template, token: str) -> str:
    return "".join(
        part if isinstance(part, str) else token if isinstance(part, Variable) else "z"
        for part in template
    )


def likes_of(key: str) -> list[str]:
    """Return patterns of the values of a key,
    one for each kind of signer whose values are unlike those of others.
    """
    return [
        key_facts(key).like,
        *([OF_ROLES, *ANONYMOUS["aws:principalaccount"]] if key == "aws:userid" else []),
    ]


_LONGEST_CAPTURE = 200
_MOST_CAPTURES = 400


def captures(template: Template, key: str, text: str) -> list[str]:
    """Return the parts of a text that a variable would have to equal for the template to match the
    text.

    Raises :class:`TooManyClassesError` where a wildcard beside the variable leaves too many.
    """
    if isinstance(template[0], str) and not text.startswith(template[0]):
        return []
    places = [
        i for i, part in enumerate(template) if isinstance(part, Variable) and part.key == key
    ]
    head, tail = (
        tuple(map(_any_for, side)) for side in (template[: places[0]], template[places[0] + 1 :])
    )
    shortest = int(not may_be_empty(key))
    values = list(
        dict.fromkeys(part for part in _between(head, tail, text) if len(part) >= shortest)
    )
    if len(values) > _MOST_CAPTURES:
        raise TooManyClassesError(
            f"A pattern with {key_facts(key).name} can match a key in too many ways."
        )
    if len(places) == 1:
        return values
    own = frozenset(places)
    filled = (
        (value, tuple(value if i in own else _any_for(p) for i, p in enumerate(template)))
        for value in values
    )
    return [value for value, pattern in filled if glob(pattern)(text)]


def _between(head: Filled, tail: Filled, text: str) -> Iterator[str]:
    """Yield what is left of a text between two patterns that match its start and its end."""
    before, after = glob(head), glob(tail)
    starts = [start for start in range(len(text) + 1) if before(text[:start])]
    ends = [end for end in range(len(text) + 1) if after(text[end:])]
    yield from (
        text[start:end] for start in starts for end in ends if 0 <= end - start <= _LONGEST_CAPTURE
    )


@lru_cache(maxsize=1024)
def may_be_empty(key: str) -> bool:
    """Return whether requests can have a key with an empty value, as a tag may have."""
    facts = key_facts(key)
    return not facts.values and glob(split_wildcards(facts.like))("")


def _any_for(part: TemplatePart) -> str | Wild:
    return Wild.ANY if isinstance(part, Variable) else part


MAX_VALUES = 2000
_MAX_SET = 10
_TYPED = ("Numeric", "Date", "Bool", "Binary")
_PLAIN = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


def key_values(
    facts: ConditionKey,
    conditions: Sequence[Condition],
    *,
    extra: Iterable[str] = (),
    absent: bool | None = None,
) -> list[Values]:
    """Return values that stand for all values that a key can have,
    its absence among them where that may be.
    """
    single = _values(facts, conditions, extra)
    result: list[Values] = [] if (facts.always if absent is None else not absent) else [()]
    if not is_multivalued(facts.name.lower()):
        return [*result, *((value,) for value in single)]
    single = _distinct(single, conditions)
    if len(single) > _MAX_SET:
        raise TooManyClassesError(facts.name)
    for size in range(1, len(single) + 1):
        result += [Several(chosen) for chosen in combinations(single, size)]
    return result


def _distinct(values: Sequence[str], conditions: Sequence[Condition]) -> list[str]:
    """Return one value of each class. An empty one has its own:
    operators for sets treat it as absent.
    """
    found: dict[tuple[object, ...], str] = {}
    for value in values:
        found.setdefault(
            (bool(value), *(test(value, {}) for each in conditions for test in each.tests)), value
        )
    return list(found.values())


def _patterns(conditions: Iterable[Condition]) -> list[list[Steps]]:
    """Return the patterns of each condition that has some; beside variables,
    each value may match without others.
    """
    patterns = (
        [steps for text in texts if (steps := _pattern(condition, text)) is not None]
        for condition in conditions
        for texts in (
            [[each] for each in condition.values] if condition.variables else [condition.values]
        )
    )
    return [alternatives for alternatives in patterns if alternatives]


def _values(
    facts: ConditionKey, conditions: Sequence[Condition], extra: Iterable[str]
) -> list[str]:
    if facts.values and not facts.among:
        return list(facts.values)
    named: OrderedNames = dict.fromkeys([*facts.values, *extra])
    typed = any(condition.name.startswith(_TYPED) for condition in conditions)
    for condition in conditions:
        for text in condition.values:
            named.update(
                dict.fromkeys(
                    [*_named(condition, text), *(_around(read_number(text)) if typed else ())]
                )
            )
    patterns = _patterns(conditions)
    domain = split_wildcards(facts.like)
    fits = glob(domain)
    result = [text for text in named if fits(text) and _may_be(facts, text)]
    new = [] if typed and not patterns and result else _new(facts, patterns, domain, named)
    result += [text for text in new if text not in named]
    if len(result) > MAX_VALUES:
        some = [*result[:MAX_SAMPLES], *result[-1:]]
        raise TooManyClassesError(facts.name, some, facts.name.lower())
    return result


def _may_be(facts: ConditionKey, text: str) -> bool:
    """Return whether a text has the characters of a key's values and is no lower number."""
    number, least = read_number(text), read_number(facts.least)
    is_below = number is not None and least is not None and number < least
    return not is_below and (not facts.alphabet or set(text) <= set(facts.alphabet))


def other_values(key: str, conditions: Sequence[Condition], listed: Iterable[str]) -> list[str]:
    """Return values of a key that AWS does not list, one for each way in which conditions answer
    otherwise than for any of the ``listed`` ones.

    Raises TooManyClassesError if the conditions tell too many apart.
    """
    facts = replace(key_facts(key), always=True)
    later = [str(number + 1) for each in listed if (number := read_number(each)) is not None]
    found: dict[tuple[object, ...], str] = {}
    values = [value[0] for value in key_values(facts, conditions, extra=later)]
    for value in [*listed, *(each for each in values if each not in facts.values)]:
        found.setdefault(
            tuple(test(value, {}) for each in conditions for test in each.tests), value
        )
    return [value for value in found.values() if value not in facts.values]


def compares_text(condition: Condition) -> bool:
    """Return whether a condition compares with patterns or variables,
    which cut numbers and times as texts.
    """
    return condition.name.startswith(("String", "Arn")) and any(
        set("*?$") & set(each) for each in condition.values
    )


def _new(
    facts: ConditionKey, patterns: list[list[Steps]], domain: Filled, named: Iterable[str]
) -> list[str]:
    if facts.alphabet and not patterns:
        numbers = (str(index).rjust(len(domain), "9") for index in range(999_999, 0, -1))
        return [next(text for text in numbers if text not in set(named))]
    if not patterns:
        used = set("".join(named))
        fresh = next(
            chr(code)
            for code in chain(range(0x61, 0x7B), range(0x3400, 0x4DB0))
            if chr(code) not in used
        )
        return ["".join(part if isinstance(part, str) else fresh for part in domain)]
    # A text with a character that no value has is unlike every value; where there is none, the
    # values are compared too.
    literal: list[list[Steps]] = [[tuple(text)] for text in named] if facts.alphabet else []
    avoid = frozenset("".join(named))
    try:
        return witnesses(
            [*patterns, *literal], domain=text_steps(domain), alphabet=facts.alphabet, avoid=avoid
        )
    except TooManyClassesError as error:
        raise TooManyClassesError(facts.name, error.texts, facts.name.lower()) from error


def _named(condition: Condition, text: str) -> list[str]:
    """Return the values that one value of a policy names, and those next to it."""
    name = condition.name
    if name.startswith("String") or name.startswith("Arn"):
        literal = _literal(condition, text)
        if literal is None:
            return []
        return [
            literal,
            *({literal.lower(), literal.upper()} if name.endswith("IgnoreCase") else ()),
        ]
    if name.startswith("Numeric"):
        return _around(read_number(text))
    if name.startswith("Date"):
        return _around(read_date(text))
    if name in ("IpAddress", "NotIpAddress"):
        return _addresses(text)
    if name == "Bool":
        return ["true", "false"]
    return [text, "AA=="] if name == "BinaryEquals" else []


def _around(number: Decimal | None) -> list[str]:
    if number is None:
        return []
    whole = int(number // 1)
    candidates = [whole - 1, whole, whole + 1, 0]
    return [str(value) for value in candidates if value >= 0] + (
        [str(number)] if number != whole else []
    )


def _addresses(text: str) -> list[str]:
    network = policy_network(text, "$")
    first, last = network.network_address, network.broadcast_address
    around = [first, last, *([first - 1] if int(first) else [])]
    if int(last) + 1 < 1 << network.max_prefixlen:
        around.append(last + 1)
    return [str(address) for address in around]


def _literal(condition: Condition, text: str) -> str | None:
    template = parse_template(
        text, variables=condition.special, wildcards=condition.name not in _PLAIN, place="$"
    )
    filled = fill(template, {}) if is_fixed(template) else None
    return (
        "".join(map(str, filled))
        if filled is not None and not any(isinstance(p, Wild) for p in filled)
        else None
    )


def _pattern(condition: Condition, text: str) -> Steps | None:
    """Return the pattern of a value, in which a variable is anything; None for plain text."""
    if not condition.name.startswith(("String", "Arn")):
        return None
    template = parse_template(
        text, variables=condition.special, wildcards=condition.name not in _PLAIN, place="$"
    )
    filled = tuple(map(_any_for, template))
    if not any(isinstance(part, Wild) for part in filled):
        return None
    return arn_steps(filled) if condition.name.startswith("Arn") else text_steps(filled)
