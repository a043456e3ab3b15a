"""The same questions put to z3: an encoding of a part of the policy language that shares no code
with the package.

Addresses are bit vectors. Everything else that a policy of this part can ask for (endpoint, VPC,
transport, age, referer, organization, tag) is cut at the values that the policy names, and each
class is written out. So z3 decides over all addresses at once, without quantifiers.

Semantics: IAM User Guide, *Condition operators*, *Policy evaluation logic* and *Cross-account
policy evaluation logic*.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import z3

ME, OTHER = "111122223333", "444455556666"
OTHERS = (OTHER, "999988887777")
ABSENT = None
V4, V6 = z3.BitVec("v4", 32), z3.BitVec("v6", 128)
TAGGED = ("s3:GetObject", "s3:GetObjectVersion")
"""The actions among ours for which S3 gives the tags of the object;
writing and deleting it are not.
"""
FACTS = ("aws:PrincipalOrgID", "aws:PrincipalTag/team", "s3:ExistingObjectTag/class")
CHOICES = ("aws:SecureTransport", "aws:Referer", "s3:signatureAge")
SEVEN_DAYS_MS = 7 * 24 * 3600 * 1000
OTHER_ENDPOINT, OTHER_VPC = "vpce-0fffffff0", "vpc-0fffffff0"


@dataclass(frozen=True)
class Kind:
    """A kind of request: who signs it, how, and for what."""

    name: str
    account: str | None
    auth: str | None
    action: str = "s3:GetObject"
    resource: str = "arn:aws:s3:::gt-images/scans/0001.png"

    @property
    def keys(self) -> dict[str, Any]:
        keys: dict[str, Any] = {"s3:authType": self.auth, "aws:ViaAWSService": "false"}
        if self.auth is not None:
            keys["s3:signatureversion"] = "AWS4-HMAC-SHA256"
        # IAM User Guide: "included in the request context for all requests including anonymous
        # requests".
        keys["aws:PrincipalAccount"] = self.account or "anonymous"
        return keys


KINDS = (
    Kind("presigned", ME, "REST-QUERY-STRING"),
    Kind("header", ME, "REST-HEADER"),
    Kind("post-form", ME, "POST", "s3:PutObject"),
    Kind("anonymous", None, None),
    Kind("other-account", OTHER, "REST-QUERY-STRING"),
)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def conditions(policy: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for statement in listed(policy["Statement"]):
        for operator, block in statement.get("Condition", {}).items():
            for key, values in block.items():
                yield operator, key, [str(value) for value in listed(values)]


def values_of(policies: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """Return the values that policies compare a key with."""
    found = [
        value
        for policy in policies
        for operator, name, values in conditions(policy)
        if name.lower() == key.lower() and operator != "Null"
        for value in values
    ]
    return list(dict.fromkeys(found))


def holds(operator: str, values: list[str], value: Any) -> Any:
    """One condition on one key; a z3 term for an address, a bool for everything else."""
    if operator == "Null":
        return (value is ABSENT) == (values == ["true"])
    name = operator.removesuffix("IfExists")
    negated = "Not" in name
    if value is ABSENT:
        return negated or name != operator
    positive = name.replace("Not", "", 1)
    if positive == "IpAddress":
        matched = inside(tuple(ipaddress.ip_network(text, strict=False) for text in values), value)
        return z3.Not(matched) if negated else matched
    tests = {
        "StringEquals": lambda text: value == text,
        "StringLike": lambda text: like(text, value),
        "Bool": lambda text: value == text,
        "NumericLessThan": lambda text: int(value) < int(text),
        "NumericGreaterThan": lambda text: int(value) > int(text),
    }
    return any(tests[positive](text) for text in values) != negated


def every(terms: Iterable[Any]) -> Any:
    """And, which stays a plain bool where it can:
    most conditions are decided without an address.
    """
    left = {}
    for term in terms:
        if term is False:
            return False
        if term is not True:
            left[term.get_id()] = term
    return z3.And(*left.values()) if len(left) > 1 else next(iter(left.values()), True)


def negation(term: Any) -> Any:
    return (not term) if isinstance(term, bool) else z3.Not(term)


def some(terms: Iterable[Any]) -> Any:
    return negation(every([negation(term) for term in terms]))


def like(pattern: str, text: str) -> bool:
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None


@lru_cache(maxsize=4096)
def inside(networks: tuple[Any, ...], value: z3.BitVecRef) -> z3.BoolRef:
    size = value.size()
    terms = []
    for network in networks:
        if network.max_prefixlen == size:
            mask = int(network.netmask)
            terms.append(
                (value & z3.BitVecVal(mask, size))
                == z3.BitVecVal(int(network.network_address), size)
            )
    return z3.Or(*terms) if terms else z3.BoolVal(False)


def matches(statement: Mapping[str, Any], kind: Kind, keys: Mapping[str, Any]) -> Any:
    """Whether a statement applies to a request of a kind with these keys."""
    principal = statement.get("Principal", "*")
    names = ["*"] if principal == "*" else [str(each) for each in listed(principal["AWS"])]
    accounts = {name.split(":")[4] if name.startswith("arn:") else name for name in names}
    if "*" not in accounts and kind.account not in accounts:
        return False
    if not any(
        like(pattern.lower(), kind.action.lower()) for pattern in listed(statement["Action"])
    ):
        return False
    if not any(like(pattern, kind.resource) for pattern in listed(statement["Resource"])):
        return False
    lower = {name.lower(): value for name, value in keys.items()}
    return every(
        holds(operator, [str(v) for v in listed(values)], lower.get(key.lower()))
        for operator, block in statement.get("Condition", {}).items()
        for key, values in block.items()
    )


def allowed(
    policy: Mapping[str, Any],
    kind: Kind,
    keys: Mapping[str, Any],
    extra: Iterable[Mapping[str, Any]] = (),
) -> Any:
    """Whether a request is allowed: the caller's own policies allow everything;
    ``extra`` are organization policies.
    """
    effects: dict[str, list[Any]] = {"Allow": [], "Deny": []}
    for statement in listed(policy["Statement"]):
        effects[statement["Effect"]].append(matches(statement, kind, keys))
    for document in extra:
        for statement in listed(document["Statement"]):
            if statement["Effect"] == "Deny":
                effects["Deny"].append(matches(statement, kind, keys))
    granted = True if kind.account == ME else some(effects["Allow"])
    return every([granted, negation(some(effects["Deny"]))])


@dataclass(frozen=True)
class Domain:
    """Classes of every key but the address, as the policies cut them."""

    policies: tuple[Mapping[str, Any], ...]
    known: Mapping[str, str] | None = None

    def asks_for_null(self, key: str) -> bool:
        return any(
            operator == "Null" and name == key
            for policy in self.policies
            for operator, name, _ in conditions(policy)
        )

    def endpoints(self) -> list[str]:
        named = [
            v for v in values_of(self.policies, "aws:SourceVpce") if "*" not in v and "?" not in v
        ]
        return [*named, OTHER_ENDPOINT]

    def vpcs(self) -> list[str]:
        return [*values_of(self.policies, "aws:SourceVpc"), OTHER_VPC]

    def choices(self, kind: Kind) -> list[dict[str, Any]]:
        ages = sorted({int(v) for v in values_of(self.policies, "s3:signatureAge")})
        age = sorted({0, *ages, *(a + 1 for a in ages), *(max(0, a - 1) for a in ages)})
        age = [each for each in age if each <= SEVEN_DAYS_MS]
        referers = values_of(self.policies, "aws:Referer")
        samples = [*referers, *(text.replace("*", "x").replace("?", "x") for text in referers)]
        columns = {
            "aws:SecureTransport": ["true", "false"],
            "aws:Referer": [ABSENT, "https://elsewhere.invalid/", *samples],
            "s3:signatureAge": [str(a) for a in age]
            if kind.auth in ("REST-QUERY-STRING", "POST")
            else [ABSENT],
        }
        return [dict(zip(columns, row, strict=True)) for row in product(*columns.values())]

    def facts(self, kind: Kind) -> list[dict[str, Any]]:
        columns: dict[str, list[Any]] = {}
        for key in FACTS:
            named = values_of(self.policies, key)
            if self.known is not None and key in self.known:
                columns[key] = [self.known[key]]
            elif (key.startswith("aws:Principal") and kind.account is None) or (
                key.startswith("s3:ExistingObjectTag") and kind.action not in TAGGED
            ):
                columns[key] = [ABSENT]
            elif named:
                columns[key] = [ABSENT, "o-somethingelse", *named]
            else:
                columns[key] = [ABSENT, "o-somethingelse"] if self.asks_for_null(key) else [ABSENT]
        return [dict(zip(columns, row, strict=True)) for row in product(*columns.values())]


def direct(size: int) -> dict[str, Any]:
    return {"aws:SourceIp": V4 if size == 32 else V6}


def through(endpoint: str, vpc: str) -> dict[str, Any]:
    return {"aws:SourceVpce": endpoint, "aws:SourceVpc": vpc, "aws:VpcSourceIp": V4}


def answers(domain: Domain, kind: Kind, path: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the formulas for opened (every fact leaves a choice)
    and refused (no fact and no choice opens it).
    """
    policy, *extra = domain.policies
    signers = (
        [replace(kind, account=account) for account in OTHERS] if kind.account == OTHER else [kind]
    )
    rows = [
        some(
            allowed(policy, signer, {**signer.keys, **path, **facts, **choice}, extra)
            for signer in signers
            for choice in domain.choices(kind)
        )
        for facts in domain.facts(kind)
    ]
    return every(rows), negation(some(rows))


def example(formula: Any) -> str | None:
    """Return an address for which a formula holds, or None if there is none."""
    solver = z3.Solver()
    solver.add(z3.BoolVal(formula) if isinstance(formula, bool) else formula)
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    for variable, make in ((V4, ipaddress.IPv4Address), (V6, ipaddress.IPv6Address)):
        if model[variable] is not None:
            return str(make(model[variable].as_long()))
    return "any"


def disagreements(domain: Domain, kind: Kind, row: Mapping[str, Any]) -> Iterator[str]:
    """Return what is wrong with a row of an exposure, for requests outside endpoints."""
    sets = {
        name: tuple(map(ipaddress.ip_network, row[name]["cidrs"]))
        for name in ("opened", "refused", "unknown")
    }
    for size in (32, 128):
        variable = V4 if size == 32 else V6
        opened, refused = answers(domain, kind, direct(size))
        truth = {"opened": opened, "refused": refused, "unknown": negation(some([opened, refused]))}
        for name, networks in sets.items():
            wrong = example(every([inside(networks, variable), negation(truth[name])]))
            if wrong is not None:
                yield f"{kind.name}: {wrong} is not {name}"
        covered = z3.Or(*(inside(networks, variable) for networks in sets.values()))
        outside = example(z3.Not(covered))
        if outside is not None:
            yield f"{kind.name}: {outside} is in no set"


def endpoint_states(domain: Domain, kind: Kind, endpoint: str) -> set[str]:
    """Return the states of requests through an endpoint, over its VPCs and addresses."""
    found = set()
    for vpc in domain.vpcs():
        opened, refused = answers(domain, kind, through(endpoint, vpc))
        truth = {"opened": opened, "refused": refused, "unknown": negation(some([opened, refused]))}
        found |= {name for name, formula in truth.items() if example(formula) is not None}
    return found


ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket",
           "s3:GetBucketPolicy", "s3:DeleteBucketPolicy")  # fmt: skip


def proof_kinds(bucket: str, prefix: str) -> Iterator[Kind]:
    """Yield every request of a claim, for each action: those that an account signs in the query
    string or a form, and those without a signature.
    """
    ways = (*product(("REST-QUERY-STRING", "POST"), (ME, OTHER)), ("POST", None), (None, None))
    for (auth, account), action in product(ways, ACTIONS):
        on_bucket = "Bucket" in action and "Object" not in action
        if on_bucket and prefix:
            continue
        resource = (
            f"arn:aws:s3:::{bucket}" if on_bucket else f"arn:aws:s3:::{bucket}/{prefix}some-key"
        )
        yield Kind(f"{auth} of {account}", account, auth, action, resource)


def counterexamples(
    domain: Domain, bucket: str, prefix: str, allow: Iterable[str], endpoints: Iterable[str]
) -> tuple[bool, bool]:
    """Return whether a request from outside is surely opened, and whether one may be."""
    networks = tuple(map(ipaddress.ip_network, allow))
    ids = set(endpoints)
    surely = possibly = False
    for kind in proof_kinds(bucket, prefix):
        for keys, outside in _outside(domain, networks, ids):
            opened, refused = answers(domain, kind, keys)
            surely = surely or example(every([outside, opened])) is not None
            possibly = possibly or example(every([outside, negation(refused)])) is not None
        if surely:
            return True, True
    return surely, possibly


def _outside(
    domain: Domain, networks: tuple[Any, ...], ids: set[str]
) -> Iterator[tuple[dict[str, Any], Any]]:
    for size in (32, 128):
        yield direct(size), z3.Not(inside(networks, V4 if size == 32 else V6))
    for endpoint in domain.endpoints():
        if endpoint not in ids:
            for vpc in domain.vpcs():
                yield through(endpoint, vpc), z3.BoolVal(True)


def kind_named(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)


def with_key(kind: Kind, key: str) -> Kind:
    return replace(kind, resource=f"arn:aws:s3:::gt-images/{key}")
