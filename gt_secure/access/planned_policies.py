"""Bucket policies before they are deployed: from a Terraform plan, or a CloudFormation template.

What is not known yet, such as the ARN of a new bucket, is unknown both ways: a statement that holds it may cover
everything or nothing. Sources: Terraform, *JSON Output Format*; AWS CloudFormation User Guide, *Intrinsic function
reference* and *Pseudo parameters reference*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidInput
from ..text import capital
from .locks import EffectiveLocks
from .proof import Claim, Proof, prove

_UNKNOWN = object()
_VERSION = "2012-10-17"
_STATEMENT = {"sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction",
              "resources": "Resource", "not_resources": "NotResource"}  # fmt: skip
_SUB = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class PlannedPolicy:
    """A bucket policy of which parts may be unknown.

    Attributes
    ----------
    closed, open : mapping
        The policy if what is unknown refuses as much, and allows as much, as it can.
    unknown : tuple of str
        Addresses of the resources that hold unknown parts; empty if all is known.
    """

    closed: Mapping[str, Any]
    open: Mapping[str, Any]
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, statements: list[Any], address: str) -> PlannedPolicy:
        """Return the policy of statements, of which some hold unknown parts."""
        known = [each for each in statements if not _has_unknown(each)]
        doubtful = [each for each in statements if _has_unknown(each)]
        effects = {each.get("Effect") if isinstance(each, Mapping) else _UNKNOWN for each in doubtful}
        denies = [_any("Deny")] if effects - {"Allow"} else []
        allows = [_any("Allow")] if effects - {"Deny"} else []
        return cls(_document([*known, *denies]), _document([*known, *allows]), (address,) if doubtful else ())

    def prove(self, locks: EffectiveLocks, claim: Claim) -> Proof:
        """Decide a claim: proved only if it holds whatever is unknown, refuted only if nothing unknown can help."""
        proof = prove(replace(locks, policy=json.dumps(self.open)), claim)
        if proof.proved or not self.unknown:
            return proof
        closed = prove(replace(locks, policy=json.dumps(self.closed)), claim)
        return closed if closed.proved is False else Proof(None, None, self.unknown, proof.assumed)


def _any(effect: str) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": "*", "Resource": "*"}


def _document(statements: list[Any]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": statements}


def _has_unknown(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_unknown, value.values()))
    return any(map(_has_unknown, value)) if isinstance(value, list) else value is _UNKNOWN


def terraform_policy(text: str, bucket: str) -> PlannedPolicy:
    """Return the policy of a bucket from what ``terraform show -json`` prints; raises InvalidInput for other text."""
    data = _json(text, "terraform show -json plan.out > plan.json")
    changes = data.get("resource_changes") if isinstance(data, Mapping) else None
    if not isinstance(changes, list) or not str(data.get("format_version", "")).startswith("1."):
        raise _other("the plan", "terraform show -json plan.out > plan.json")
    planned = [each for each in changes if each.get("change", {}).get("actions") != ["delete"]]
    buckets = {e["address"]: _planned(e, "bucket") for e in planned if e.get("type") == "aws_s3_bucket"}
    for each in planned:
        if each.get("type") != "aws_s3_bucket_policy":
            continue
        target = _planned(each, "bucket")
        named = [buckets[name] for name in _references(data, each, "bucket") if name in buckets]
        target = named[0] if target is _UNKNOWN and named else target
        if target is _UNKNOWN:
            return PlannedPolicy.of([_UNKNOWN], each["address"])
        if target == bucket:
            return PlannedPolicy.of(list(_terraform_statements(data, each, planned)), each["address"])
    return PlannedPolicy.of([_UNKNOWN], f"the policy of {bucket}, which the plan does not manage")


def _planned(resource: Mapping[str, Any], name: str) -> Any:
    change = resource["change"]
    return _UNKNOWN if (change.get("after_unknown") or {}).get(name) else (change.get("after") or {}).get(name)


def _references(data: Mapping[str, Any], resource: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the addresses to which an argument refers: they are local to the module, and have no index."""
    address, module = str(resource["address"]), data.get("configuration", {}).get("root_module", {})
    path = re.findall(r"module\.([^.\[]+)(?:\[[^\]]*\])?\.", address)
    for each in path:
        module = module.get("module_calls", {}).get(each, {}).get("module", {})
    prefix = "".join(re.findall(r"module\.[^.\[]+(?:\[[^\]]*\])?\.", address))
    for found in module.get("resources", ()):
        if found.get("type") == resource.get("type") and found.get("name") == resource.get("name"):
            yield from (prefix + each for each in found.get("expressions", {}).get(name, {}).get("references", ()))


def _terraform_statements(
    data: Mapping[str, Any], resource: Mapping[str, Any], planned: list[Mapping[str, Any]]
) -> Iterator[Any]:
    policy = _planned(resource, "policy")
    if isinstance(policy, str):
        statements = json.loads(policy).get("Statement", [])
        yield from statements if isinstance(statements, list) else [statements]
        return
    references = set(_references(data, resource, "policy"))
    read = next((e for e in planned if e.get("mode") == "data" and e["address"].partition("[")[0] in references), None)
    if read is None or not isinstance((read["change"].get("after") or {}).get("statement"), list):
        yield _UNKNOWN
        return
    unknown = (read["change"].get("after_unknown") or {}).get("statement")
    for index, each in enumerate(read["change"]["after"]["statement"]):
        yield _deferred(each, unknown[index] if isinstance(unknown, list) and index < len(unknown) else unknown)


def _deferred(known: Mapping[str, Any], unknown: Any) -> Any:
    """Return a statement of a policy document that Terraform reads only when it applies the plan."""
    if unknown is True:
        return _UNKNOWN
    doubts = {key for key, value in (unknown or {}).items() if value is True or _has_true(value)}
    made: dict[str, Any] = {name: known[key] for key, name in _STATEMENT.items() if known.get(key)}
    made |= {_STATEMENT[key]: _UNKNOWN for key in doubts if key in _STATEMENT}
    made.setdefault("Effect", "Allow")
    for key, name in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        for each in known.get(key) or ():
            some = made.setdefault(name, {})
            some.setdefault(each.get("type"), []).extend(each.get("identifiers") or ())
        made[name] = "*" if made.get(name) == {"*": ["*"]} else made.get(name)
    for each in known.get("condition") or ():
        made.setdefault("Condition", {}).setdefault(each.get("test"), {})[each.get("variable")] = each.get("values")
    made = {key: value for key, value in made.items() if value is not None}
    return {**made, "Condition": _UNKNOWN} if doubts & {"condition", "principals", "not_principals"} else made


def _has_true(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_true, value.values()))
    return any(map(_has_true, value)) if isinstance(value, list) else value is True


def cloudformation_policy(text: str, bucket: str, account: str) -> PlannedPolicy:
    """Return the policy of a bucket from a template in JSON or YAML; raises InvalidInput for other text."""
    data = _json(text, "a template") if text.lstrip().startswith("{") else _yaml(text)
    resources = data.get("Resources") if isinstance(data, Mapping) else None
    if not isinstance(resources, Mapping):
        raise _other("the template", "a template with Resources")
    names: dict[str, Any] = {"AWS::AccountId": account, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
    defaults = {name: each.get("Default", _UNKNOWN) for name, each in (data.get("Parameters") or {}).items()}
    names |= {name: each if isinstance(each, str) else _UNKNOWN for name, each in defaults.items()}
    for name, each in resources.items():
        if each.get("Type") == "AWS::S3::Bucket":
            made = _value((each.get("Properties") or {}).get("BucketName", _UNKNOWN), names.get)
            names |= {name: made, f"{name}.Arn": made if made is _UNKNOWN else f"arn:aws:s3:::{made}"}
    for name, each in resources.items():
        properties = each.get("Properties") or {}
        target = _value(properties.get("Bucket"), names.get) if each.get("Type") == "AWS::S3::BucketPolicy" else None
        if target is _UNKNOWN:
            return PlannedPolicy.of([_UNKNOWN], name)
        if target == bucket:
            found = _value(properties.get("PolicyDocument"), names.get)
            statements = found.get("Statement", []) if isinstance(found, Mapping) else [_UNKNOWN]
            return PlannedPolicy.of(statements if isinstance(statements, list) else [statements], name)
    return PlannedPolicy.of([_UNKNOWN], f"the policy of {bucket}, which the template does not hold")


def _value(value: Any, name: Callable[[str], Any]) -> Any:
    """Return a value of a template with its functions filled in, as far as they are known."""
    if isinstance(value, list):
        return [_value(each, name) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) != 1 or not next(iter(value)).startswith(("Ref", "Fn::")):
        return {key: _value(each, name) for key, each in value.items() if each != {"Ref": "AWS::NoValue"}}
    ((function, given),) = value.items()
    if function == "Fn::GetAtt":
        given = ".".join(given) if isinstance(given, list) else given
    if function in ("Ref", "Fn::GetAtt"):
        found = name(str(given))
        return _UNKNOWN if found is None else found
    if function == "Fn::If":
        _, yes, no = (_value(each, name) for each in given)
        return yes if yes == no else _UNKNOWN
    if function == "Fn::Join":
        parts = _value(given[1], name)
        return str(given[0]).join(parts) if all(isinstance(each, str) for each in parts) else _UNKNOWN
    if function == "Fn::Sub":
        text, own = (given, {}) if isinstance(given, str) else (given[0], _value(given[1], name))
        found = {key: own.get(key, name(key)) for escaped, key in _SUB.findall(text) if not escaped}
        if not all(isinstance(each, str) for each in found.values()):
            return _UNKNOWN
        return _SUB.sub(lambda match: f"${{{match[2]}}}" if match[1] else found[match[2]], text)
    return _UNKNOWN


def _json(text: str, wanted: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _other("the file", wanted) from error


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput("PyYAML is not installed.", next_step="Give the template as JSON.", field="file") from error

    class ShortFormLoader(yaml.SafeLoader):
        """A loader of safe YAML with the short forms of functions."""

    def short(loader: Any, suffix: str, node: Any) -> Any:
        if node.id == "mapping":
            made = loader.construct_mapping(node, deep=True)
        else:
            made = loader.construct_scalar(node) if node.id == "scalar" else loader.construct_sequence(node, deep=True)
        return {suffix if suffix == "Ref" else f"Fn::{suffix}": made}

    ShortFormLoader.add_multi_constructor("!", short)
    ShortFormLoader.yaml_implicit_resolvers = {
        key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for key, found in ShortFormLoader.yaml_implicit_resolvers.items()
    }  # a Version such as 2012-10-17 is text
    try:
        return yaml.load(text, ShortFormLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise _other("the file", "a template as JSON or YAML") from error


def _other(what: str, wanted: str) -> InvalidInput:
    return InvalidInput(f"{capital(what)} has another form.", next_step=f"Give {wanted}.", field="file")
