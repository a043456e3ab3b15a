"""Sources of requests, cut into classes: addresses outside endpoints,
and the endpoints that policies name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ...base.network import IPNetwork
from ..iam.conditions import Condition
from ..iam.request import Compiled
from ..iam.request_keys import ENDPOINT_FACTS, KEYS
from ..iam.request_space import Dimension
from ..iam.statement_table import DimensionValue, StatementTable
from ..iam.three_valued import conditions_on, fact, key_values, spellings, variable_values
from ..iam.variables import Keys
from .address_classes import AddressClass, address_classes, minimal_cidrs

_ID = re.compile(r"vpce-[0-9a-z]+")
_VPC = re.compile(r"vpc-[0-9a-z]+")
_ANY = frozenset({"*", "vpce-*", "vpce-?*", "vpc-*", "vpc-?*"})

ANY_OTHER = ""
"""The label of endpoints that nobody names."""


@dataclass(frozen=True)
class EndpointClass:
    """Endpoints that no condition tells apart.

    Attributes
    ----------
    label : str
        The endpoint's id, or the VPC's, or a pattern of the policy; empty for all others.
    setting : Setting
        The keys that follow.
    absent : set of str
        Keys that requests through it are known to lack.
    """

    label: str
    setting: DimensionValue
    absent: frozenset[str] = frozenset()


def address_sources(
    table: StatementTable, listed: Iterable[IPNetwork] = (), *, known: Keys = MappingProxyType({})
) -> list[AddressClass]:
    """Return the classes of addresses from which requests come outside endpoints.

    ``known`` are the settled keys: policy variables may compare the address with them.
    """
    compared = variable_values(table, "aws:sourceip", (), known)
    return address_classes(conditions_on(table, "aws:sourceip"), listed, compared)


def endpoint_classes(
    table: StatementTable,
    named: Iterable[str] = (),
    endpoints: Mapping[str, Keys] | None = None,
    *,
    known: Keys = MappingProxyType({}),
) -> list[EndpointClass]:
    """Return the classes of endpoints: those that policies name, those in VPCs that they name, and
    all others.

    ``named`` are further ids to cut out, ``endpoints`` the keys of endpoints that are known, by id,
    and ``known`` the settled keys, with which policy variables may compare an endpoint.
    """
    facts = endpoints or {}
    by_id = conditions_on(table, "aws:sourcevpce")
    compared = [
        text for text in variable_values(table, "aws:sourcevpce", (), known) if _ID.fullmatch(text)
    ]
    ids = list(dict.fromkeys([*named, *facts, *_literals(by_id, "vpce-"), *compared]))
    classes = [named_endpoint(each, facts.get(each, {})) for each in ids]
    values = key_values(KEYS["aws:sourcevpce"], by_id, extra=compared)
    for other in (
        value[0]
        for value in values
        if value and value[0] == value[0].lower() and value[0] not in ids
    ):
        label = _pattern_of(other, by_id)
        here = {"aws:sourcevpce": (other,)}
        if not label:
            classes += [
                EndpointClass(vpc_label, DimensionValue({**here, **keys}))
                for vpc_label, keys in _vpcs(table, known)
            ]
        classes.append(EndpointClass(label, DimensionValue(here)))
    return classes


def _vpcs(table: StatementTable, known: Keys) -> Iterator[tuple[str, Keys]]:
    """Yield the VPCs that policies tell apart, by id or by a pattern,
    each with the keys that follow.
    """
    conditions = conditions_on(table, "aws:sourcevpc")
    arns = [arn for arn in _literals(conditions_on(table, "aws:sourcevpcarn")) if ":vpc/" in arn]
    compared = [
        text for text in variable_values(table, "aws:sourcevpc", (), known) if _VPC.fullmatch(text)
    ]
    named = [*_literals(conditions, "vpc-"), *(arn.rpartition("/")[2] for arn in arns), *compared]
    for vpc in dict.fromkeys(named):
        own = [arn for arn in arns if arn.endswith(f"/{vpc}")]
        more = {"aws:sourcevpcarn": (own[0],)} if len(own) == 1 else {}
        yield vpc, {"aws:sourcevpc": (vpc,), **more}
    if conditions_on(table, "aws:sourcevpcarn"):
        return  # the two keys of one VPC belong together, which a pattern of one of them cannot say
    for value in key_values(KEYS["aws:sourcevpc"], conditions):
        label = _pattern_of(value[0], conditions) if value and value[0] not in named else ANY_OTHER
        if label and value[0] == value[0].lower():
            yield label, {"aws:sourcevpc": value}


def named_endpoint(endpoint: str, facts: Keys) -> EndpointClass:
    """Return one endpoint, with the keys of requests through it that are known."""
    absent = frozenset(key for key, value in facts.items() if not value)
    keys = {"aws:sourcevpce": (endpoint,), **{key: value for key, value in facts.items() if value}}
    return EndpointClass(endpoint, DimensionValue(keys), absent)


def _literals(conditions: Sequence[Condition], start: str = "") -> list[str]:
    """Return the values without wildcards and variables that something can have;
    ids are in lower case.
    """
    values = [
        value.lower() if "IgnoreCase" in condition.name and start else value
        for condition in conditions
        for value in condition.values
    ]
    plain = (value for value in values if not set("*?$") & set(value))
    return list(
        dict.fromkeys(
            value for value in plain if value.startswith(start) and len(value) > len(start)
        )
    )


def _pattern_of(value: str, conditions: Sequence[Condition]) -> str:
    for condition in conditions:
        for pattern, test in zip(condition.values, condition.tests, strict=False):
            if pattern not in _ANY and "$" not in pattern and test(value, {}):
                return pattern
    return ANY_OTHER


def endpoint_dimensions(
    table: StatementTable,
    policies: Compiled,
    place: EndpointClass,
    supplied: Keys,
    known: Keys,
) -> list[Dimension]:
    """Return what varies behind an endpoint: the private address is chosen,
    its VPC and owner are facts.
    """
    mentioned = spellings(policies)
    varying = []
    if "aws:vpcsourceip" in mentioned and "aws:vpcsourceip" not in supplied:
        private = address_classes(conditions_on(table, "aws:vpcsourceip"))
        settings = tuple(
            DimensionValue(
                {"aws:vpcsourceip": (each.example,)}, label=" ".join(minimal_cidrs(each.spans))
            )
            for each in private
        )
        exact = all(each.is_exact for each in private)
        varying.append(
            Dimension(
                "aws:VpcSourceIp",
                frozenset({"aws:vpcsourceip"}),
                settings if exact else (),
                chosen=True,
            )
        )
    settled = {*supplied, *place.setting.values, *place.absent}
    varying += [
        fact(table, key, known=known)
        for key in ENDPOINT_FACTS
        if key in mentioned and key not in settled
    ]
    for key in ("aws:sourcevpc", "aws:sourcevpcarn"):
        if key in mentioned and key not in settled:
            varying.append(_vpc_fact(table, key, place, known))
    return varying


def _vpc_fact(table: StatementTable, key: str, place: EndpointClass, known: Keys) -> Dimension:
    """Return the VPCs that an endpoint may be in: all,
    but for one that nobody names only those that nobody names.
    """
    dimension = fact(table, key, known=known)
    taken = (
        set() if place.label else {keys[key][0] for _, keys in _vpcs(table, known) if key in keys}
    )
    left = tuple(setting for setting in dimension.settings if setting.values[key][0] not in taken)
    return Dimension(dimension.name, dimension.keys, left or dimension.settings, dimension.chosen)
