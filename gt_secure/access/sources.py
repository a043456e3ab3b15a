"""Sources of requests, cut into classes: addresses outside endpoints, and the endpoints that policies name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..iam.condition_keys import KEYS
from ..iam.conditions import Condition
from ..iam.key_values import key_values
from ..iam.request import Compiled
from ..iam.request_keys import ENDPOINT_FACTS
from ..iam.request_space import Dimension
from ..iam.statement_table import Setting, StatementTable
from ..iam.three_valued import conditions_on, fact, spellings
from ..network import IPNetwork
from .address_classes import AddressClass, address_classes

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
    open_vpc : bool
        Whether its VPC is not settled.
    """

    label: str
    setting: Setting
    open_vpc: bool


@dataclass(frozen=True)
class AddressSource:
    """Addresses that no condition tells apart, and the keys that follow."""

    addresses: AddressClass
    setting: Setting


def address_sources(table: StatementTable, listed: Iterable[IPNetwork] = ()) -> list[AddressSource]:
    """Return the classes of addresses from which requests come outside endpoints."""
    classes = address_classes(conditions_on(table, "aws:sourceip"), listed)
    return [AddressSource(each, Setting({"aws:sourceip": (each.example,)})) for each in classes]


def endpoint_classes(
    table: StatementTable, named: Iterable[str] = (), vpcs: dict[str, str] | None = None
) -> list[EndpointClass]:
    """Return the classes of endpoints: those that policies name, those in VPCs that they name, and all others.

    ``named`` are further ids to cut out, and ``vpcs`` the VPCs of endpoints where they are known.
    """
    known = vpcs or {}
    by_id = conditions_on(table, "aws:sourcevpce")
    ids = list(dict.fromkeys([*named, *known, *_literals(by_id)]))
    found = [_named(each, known.get(each)) for each in ids]
    vpc_conditions = conditions_on(table, "aws:sourcevpc")
    arns = [arn for arn in _literals(conditions_on(table, "aws:sourcevpcarn")) if ":vpc/" in arn]
    others = [value[0] for value in key_values(KEYS["aws:sourcevpce"], by_id) if value and value[0] not in ids]
    for other in others:
        label = _pattern_of(other, by_id)
        here = {"aws:sourcevpce": (other,)}
        if not label:
            for vpc in dict.fromkeys([*_literals(vpc_conditions), *(arn.rpartition("/")[2] for arn in arns)]):
                own = [arn for arn in arns if arn.endswith(f"/{vpc}")]
                more = {"aws:sourcevpcarn": (own[0],)} if len(own) == 1 else {}
                found.append(EndpointClass(vpc, Setting({**here, "aws:sourcevpc": (vpc,), **more}), False))
        found.append(EndpointClass(label, Setting(here), True))
    return found


def _named(endpoint: str, vpc: str | None) -> EndpointClass:
    keys = {"aws:sourcevpce": (endpoint,), **({"aws:sourcevpc": (vpc,)} if vpc else {})}
    return EndpointClass(endpoint, Setting(keys), vpc is None)


def _literals(conditions: Sequence[Condition]) -> list[str]:
    values = [value for condition in conditions for value in condition.values]
    return list(dict.fromkeys(value for value in values if not set("*?$") & set(value)))


def _pattern_of(value: str, conditions: Sequence[Condition]) -> str:
    for condition in conditions:
        for pattern, test in zip(condition.values, condition.tests, strict=False):
            if pattern not in ("*", "vpce-*", "vpce-?*") and test(value, {}):
                return pattern
    return ANY_OTHER


def endpoint_dimensions(
    table: StatementTable, policies: Compiled, place: EndpointClass, given: dict[str, tuple[str, ...]]
) -> list[Dimension]:
    """Return what varies behind an endpoint: the private address is chosen, its VPC and owner are facts."""
    mentioned = spellings(policies)
    found = []
    if "aws:vpcsourceip" in mentioned and "aws:vpcsourceip" not in given:
        private = address_classes(conditions_on(table, "aws:vpcsourceip"))
        settings = tuple(Setting({"aws:vpcsourceip": (each.example,)}) for each in private)
        exact = all(each.is_exact for each in private)
        found.append(
            Dimension("aws:VpcSourceIp", frozenset({"aws:vpcsourceip"}), settings if exact else (), chosen=True)
        )
    found += [fact(table, key, known=given) for key in ENDPOINT_FACTS if key in mentioned and key not in given]
    for key in ("aws:sourcevpc", "aws:sourcevpcarn"):
        if key in mentioned and key not in place.setting.values and key not in given:
            found.append(_vpc_fact(table, key, place))
    return found


def _vpc_fact(table: StatementTable, key: str, place: EndpointClass) -> Dimension:
    """Return the VPCs that an endpoint may be in: all, but for one that nobody names only those that nobody names."""
    dimension = fact(table, key)
    taken = set() if place.label else set(_literals(conditions_on(table, key)))
    left = tuple(setting for setting in dimension.settings if setting.values[key][0] not in taken)
    return Dimension(dimension.name, dimension.keys, left or dimension.settings, dimension.chosen)
