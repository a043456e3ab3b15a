"""Bucket policies before they are deployed: from a Terraform plan, or a CloudFormation template.

What is not known yet, such as the ARN of a new bucket, is unknown both ways: a statement that holds it may cover
everything or nothing. Sources: Terraform, *JSON Output Format*; AWS CloudFormation User Guide, *Intrinsic function
reference* and *Pseudo parameters reference*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ...base.errors import InvalidInput
from ...base.groups import as_list
from ...base.text import capital
from .locks import EffectiveLocks
from .proof import Claim, Proof, prove

_UNKNOWN = object()
_STATEMENT = {"sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction",
              "resources": "Resource", "not_resources": "NotResource"}  # fmt: skip
_INDEX = re.compile(r"\[[^\]]*\]")
_MODULE = re.compile(r"module\.[^.\[]+(?:\[[^\]]*\])?\.")
_SUB = re.compile(r"\$\{(!?)([^}]*)\}")


@dataclass(frozen=True)
class PlannedPolicy:
    """A bucket policy of which parts may be unknown.

    Attributes
    ----------
    known : list
        The statements of which all is known.
    doubtful : list
        The others.
    bucket : str
        Empty if it is not known.
    address : str
        The resource, or what is said in its place.
    """

    known: list[Any]
    doubtful: list[Any]
    bucket: str
    address: str

    @property
    def subject(self) -> str:
        """The bucket in words."""
        return self.bucket or f"a bucket that is not known yet ({self.address})"

    @classmethod
    def of(cls, statements: Any, bucket: Any, address: str) -> PlannedPolicy:
        """Return the policy of statements, of which some hold unknown parts."""
        listed = as_list(statements)
        known = [each for each in listed if not _holds(each, _UNKNOWN)]
        doubtful = [each for each in listed if _holds(each, _UNKNOWN)]
        return cls(known, doubtful, bucket if isinstance(bucket, str) else "", address)

    def text(self, effect: str = "") -> str:
        """Return the policy, where what is unknown allows or denies as much as it can."""
        effects = {each.get("Effect") if isinstance(each, Mapping) else _UNKNOWN for each in self.doubtful}
        some = effects - {{"Allow": "Deny", "Deny": "Allow"}.get(effect)} if effect else ()
        most = [{"Effect": effect, "Principal": "*", "Action": "*", "Resource": "*"}] if some else []
        return json.dumps({"Version": "2012-10-17", "Statement": [*self.known, *most]})

    def prove(self, locks: EffectiveLocks, claim: Claim) -> Proof:
        """Decide a claim: proved only if it holds whatever is unknown, refuted only if nothing unknown can help."""
        proof = prove(replace(locks, policy=self.text("Allow")), claim)
        if proof.proved or not self.doubtful:
            return proof
        closed = prove(replace(locks, policy=self.text("Deny")), claim)
        return closed if closed.proved is False else Proof(None, None, (self.address,), proof.assumed)


def line_of(policy: PlannedPolicy, text: str) -> int:
    """Return the line of a resource in its file; 1 where no line of the file begins with its name."""
    name = re.escape(policy.address)
    found = re.search(
        rf'^\s*(?:"?{name}"?\s*:|"address"\s*:\s*{re.escape(json.dumps(policy.address))})', text, re.MULTILINE
    )
    return 1 if found is None else text.count("\n", 0, found.end()) + 1


def policy_of(planned: Iterable[PlannedPolicy], bucket: str) -> PlannedPolicy:
    """Return the policy of a bucket: what no resource is known to hold is unknown, not missing."""
    found = {each.bucket: each for each in planned}
    other = found[""].address if "" in found else f"the policy of {bucket}, which is not managed here"
    return found.get(bucket) or PlannedPolicy.of(_UNKNOWN, bucket, other)


def _holds(value: object, part: object) -> bool:
    """Return whether a value of JSON is a part, or holds it at any depth."""
    if isinstance(value, Mapping | list):
        return any(_holds(each, part) for each in (value.values() if isinstance(value, Mapping) else value))
    return value is part


def terraform_policies(text: str) -> list[PlannedPolicy]:
    """Return the bucket policies in what ``terraform show -json`` prints; raises InvalidInput for other text.

    A bucket whose policy the plan does not manage has an unknown one.
    """
    data = _json(text, "terraform show -json plan.out > plan.json")
    changes = data.get("resource_changes") if isinstance(data, Mapping) else None
    if not isinstance(changes, list) or not str(data.get("format_version", "")).startswith("1."):
        raise _other("the plan", "terraform show -json plan.out > plan.json")
    planned = [each for each in changes if each.get("change", {}).get("actions") != ["delete"]]
    buckets = {e["address"]: _planned(e, "bucket") for e in planned if e.get("type") == "aws_s3_bucket"}
    configured = dict(_configured(data.get("configuration", {}).get("root_module", {}), ""))
    policies = list(_planned_policies(planned, buckets, configured))
    policies += _deleted_policies(changes, planned, {policy.bucket for policy in policies})
    return _with_others(policies, buckets)


def _planned_policies(
    planned: Iterable[Mapping[str, Any]], buckets: Mapping[str, Any], configured: Mapping[str, Mapping[str, Any]]
) -> Iterator[PlannedPolicy]:
    """Yield the policies that the plan keeps, changes or creates, each with the bucket to which it refers."""
    documents = {e["address"].partition("[")[0]: e for e in planned if e.get("mode") == "data"}
    for each in planned:
        if each.get("type") == "aws_s3_bucket_policy":
            references = partial(_references, configured, str(each["address"]))
            named = [buckets[name] for name in references("bucket") if name in buckets]
            target = _planned(each, "bucket")
            target = named[0] if target is _UNKNOWN and named else target
            read = next((documents[name] for name in references("policy") if name in documents), None)
            yield PlannedPolicy.of(_terraform_statements(_planned(each, "policy"), read), target, each["address"])


def _deleted_policies(
    changes: Sequence[Mapping[str, Any]], planned: Sequence[Mapping[str, Any]], known: Collection[str]
) -> Iterator[PlannedPolicy]:
    """Yield what is left where the plan deletes a policy but not its bucket: none, if no known policy may be its."""
    for each in (each for each in changes if each not in planned):
        before = each["change"].get("before") or {}
        if each.get("type") == "aws_s3_bucket_policy" and before.get("bucket") not in {*known, *_deleted(changes)}:
            yield PlannedPolicy.of(_UNKNOWN if "" in known else [], before.get("bucket"), each["address"])


def _deleted(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the names of the buckets that the plan deletes."""
    for each in changes:
        if each.get("type") == "aws_s3_bucket" and each["change"].get("actions") == ["delete"]:
            yield (each["change"].get("before") or {}).get("bucket", "")


def _with_others(found: list[PlannedPolicy], buckets: Mapping[str, Any]) -> list[PlannedPolicy]:
    """Add the buckets whose policy is not there, where no policy may be theirs."""
    known = {each.bucket for each in found}
    others = {each: address for address, each in buckets.items() if isinstance(each, str) and each not in known}
    said = {each: f"the policy of {each}, which is not managed here ({at})" for each, at in others.items()}
    return found + [PlannedPolicy.of(_UNKNOWN, each, words) for each, words in said.items()]


def _planned(resource: Mapping[str, Any], name: str) -> Any:
    change = resource["change"]
    return _UNKNOWN if (change.get("after_unknown") or {}).get(name) else (change.get("after") or {}).get(name)


def _configured(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of the configuration with their arguments, by the address without indexes."""
    for each in module.get("resources", ()):
        yield f"{prefix}{each.get('type')}.{each.get('name')}", each.get("expressions", {})
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call.get("module", {}), f"{prefix}module.{name}.")


def _references(configured: Mapping[str, Mapping[str, Any]], address: str, argument: str) -> Iterator[str]:
    """Yield the addresses to which an argument refers: those in the plan are local to the module."""
    start = "".join(_MODULE.findall(address))
    for each in configured.get(_INDEX.sub("", address), {}).get(argument, {}).get("references", ()):
        yield start + each


def _terraform_statements(policy: Any, read: Mapping[str, Any] | None) -> Any:
    if isinstance(policy, str):
        return json.loads(policy).get("Statement", [])
    after = (read["change"].get("after") or {}).get("statement") if read is not None else None
    if read is None or not isinstance(after, list):
        return _UNKNOWN
    unknown = (read["change"].get("after_unknown") or {}).get("statement")
    found = [unknown[i] if isinstance(unknown, list) and i < len(unknown) else unknown for i in range(len(after))]
    return list(map(_deferred, after, found))


def _deferred(known: Mapping[str, Any], unknown: Any) -> Any:
    """Return a statement of a policy document that Terraform reads only when it applies the plan."""
    if unknown is True:
        return _UNKNOWN
    doubts = {key for key, value in (unknown or {}).items() if value is True or _holds(value, True)}
    statement: dict[str, Any] = {name: known[key] for key, name in _STATEMENT.items() if known.get(key)}
    statement |= {_STATEMENT[key]: _UNKNOWN for key in doubts if key in _STATEMENT}
    statement.setdefault("Effect", "Allow")
    for key, name in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        statement[name] = _principal_element(known.get(key) or ())
    statement["Condition"] = _condition_element(known.get("condition") or ())
    statement = {key: value for key, value in statement.items() if value is not None}
    return {**statement, "Condition": _UNKNOWN} if doubts & {"condition", "principals", "not_principals"} else statement


def _principal_element(blocks: Iterable[Mapping[str, Any]]) -> dict[Any, list[Any]] | str | None:
    """Return the element that blocks of principals make; None without one."""
    element: dict[Any, list[Any]] = {}
    for each in blocks:
        element.setdefault(each.get("type"), []).extend(each.get("identifiers") or ())
    return "*" if element == {"*": ["*"]} else element or None


def _condition_element(blocks: Iterable[Mapping[str, Any]]) -> dict[Any, dict[Any, Any]] | None:
    """Return the element that blocks of conditions make; None without one."""
    element: dict[Any, dict[Any, Any]] = {}
    for each in blocks:
        element.setdefault(each.get("test"), {})[each.get("variable")] = each.get("values")
    return element or None


def cloudformation_policies(text: str, account: str) -> list[PlannedPolicy]:
    """Return the bucket policies of a template in JSON or YAML; raises InvalidInput for other text."""
    data = _json(text, "a template") if text.lstrip().startswith("{") else _yaml(text)
    resources = data.get("Resources") if isinstance(data, Mapping) else None
    if not isinstance(resources, Mapping):
        raise _other("the template", "a template with Resources")
    names = _parameters(data, account)
    settings = {name: each.get("Properties") or {} for name, each in resources.items()}
    kinds = {name: each.get("Type") for name, each in resources.items()}
    buckets = {
        name: _value(settings[name].get("BucketName", _UNKNOWN), names.get)
        for name, kind in kinds.items()
        if kind == "AWS::S3::Bucket"
    }
    for name, bucket in buckets.items():
        names |= {name: bucket, f"{name}.Arn": bucket if bucket is _UNKNOWN else f"arn:aws:s3:::{bucket}"}
    policies = []
    for name in (name for name, kind in kinds.items() if kind == "AWS::S3::BucketPolicy"):
        document = _value(settings[name].get("PolicyDocument"), names.get)
        statements = document.get("Statement", []) if isinstance(document, Mapping) else _UNKNOWN
        policies.append(PlannedPolicy.of(statements, _value(settings[name].get("Bucket"), names.get), name))
    return _with_others(policies, buckets)


def _parameters(template: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Return the values of pseudo parameters, and of parameters that have a default."""
    names: dict[str, Any] = {"AWS::AccountId": account, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
    defaults = {name: each.get("Default", _UNKNOWN) for name, each in (template.get("Parameters") or {}).items()}
    return names | {name: each if isinstance(each, str) else _UNKNOWN for name, each in defaults.items()}


def _value(value: Any, name: Callable[[str], Any]) -> Any:
    """Return a value of a template with its functions filled in, as far as they are known."""
    if isinstance(value, list):
        return [_value(each, name) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) != 1 or not next(iter(value)).startswith(("Ref", "Fn::")):
        return {key: _value(each, name) for key, each in value.items() if each != {"Ref": "AWS::NoValue"}}
    ((function, argument),) = value.items()
    return _FUNCTIONS[function](argument, name) if function in _FUNCTIONS else _UNKNOWN


def _reference(argument: Any, name: Callable[[str], Any]) -> Any:
    value = name(str(argument))
    return _UNKNOWN if value is None else value


def _attribute(argument: Any, name: Callable[[str], Any]) -> Any:
    return _reference(".".join(argument) if isinstance(argument, list) else argument, name)


def _either(argument: Any, name: Callable[[str], Any]) -> Any:
    _, yes, no = (_value(each, name) for each in argument)
    return yes if yes == no else _UNKNOWN


def _joined(argument: Any, name: Callable[[str], Any]) -> Any:
    parts = _value(argument[1], name)
    return str(argument[0]).join(parts) if all(isinstance(each, str) for each in parts) else _UNKNOWN


def _substituted(argument: Any, name: Callable[[str], Any]) -> Any:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], _value(argument[1], name))
    values = {key: own.get(key, name(key)) for escaped, key in _SUB.findall(text) if not escaped}
    if not all(isinstance(each, str) for each in values.values()):
        return _UNKNOWN
    return _SUB.sub(lambda match: f"${{{match[2]}}}" if match[1] else values[match[2]], text)


_FUNCTIONS: dict[str, Callable[[Any, Callable[[str], Any]], Any]] = {
    "Ref": _reference,
    "Fn::GetAtt": _attribute,
    "Fn::If": _either,
    "Fn::Join": _joined,
    "Fn::Sub": _substituted,
}
"""Functions of a template whose value can be known before it is deployed."""


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
