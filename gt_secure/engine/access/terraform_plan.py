"""Bucket policies in a plan of Terraform or OpenTofu, as ``terraform show -json`` prints it.

The file has the values that are known, and for the others the addresses to which an argument
refers, never its expression: a function leaves no trace. Sources: Terraform, *JSON Output Format*;
AWS provider, *aws_iam_policy_document*, and how it merges and renders documents
(``policy_model.go``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from ...base.errors import InvalidInput, PolicyError
from ...base.files import loads
from ...base.groups import as_list, grouped
from ...base.text import Json
from ..iam.documents import VERSIONS
from ..iam.request_keys import BUCKET_ACTIONS, OBJECT_ACTIONS
from ..iam.strict_json import JsonNumber, parse_json
from .cloudformation_template import sets_no_policy
from .locks import partition_of
from .planned_policies import (
    NO_POLICY,
    SERVICES,
    PlannedDocument,
    PlannedFile,
    Unknown,
    World,
    leaves,
    public_access,
    reasons,
)

_OF_EC2 = (
    "ami|alb|customer_gateway|default|dx|ebs|egress_only_internet_gateway|eip|flow_log|instance"
    "|internet_gateway|key_pair|launch_configuration|launch_template|lb|load_balancer|main_route"
    "|nat_gateway|network|placement_group|route|security_group|snapshot|spot|subnet|volume|vpc|vpn"
)
_OTHER_PROVIDERS = (
    "archive|auth0|azuread|azurerm|cloudflare|cloudinit|consul|datadog|digitalocean|dns|fastly"
    "|github|gitlab|google|grafana|http|local|mongodbatlas|mysql|newrelic|okta|opsgenie|pagerduty"
    "|postgresql|random|sentry|snowflake|template|time|tls|vault"
)
"""Providers that do not call the API of S3."""
_POLICY, _BUCKET = "aws_s3_bucket_policy", "aws_s3_bucket"
_READ_FIRST = ("bucket", "policy", "statement")
_READ = re.compile("bucket|policy|statement|id|region")
_READ_OF_DOCUMENT = re.compile(
    r"id|json|minified_json|policy_id|version|statement|(source|override)_policy_documents|"
    r"sid|effect|(not_)?(actions|resources|principals)|condition"
)
"""Arguments that are read: any other one that has a value makes the document unknown."""
_ELEMENTS = {
    "sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction",
    "resources": "Resource", "not_resources": "NotResource", "principals": "Principal",
    "not_principals": "NotPrincipal", "condition": "Condition",
}  # fmt: skip
_BLOCKS = {
    "principals": ("type", "identifiers"), "not_principals": ("type", "identifiers"),
    "condition": ("test", "variable", "values"),
}  # fmt: skip
_ACTIONS = re.compile("no-op|create|read|update|delete|forget")
_RUNS = re.compile(r"external|aws_lambda_invocation|(\w+_)?(shell|command|script|exec)(_\w+)?")
"""Types of data sources that run a program: the others only read."""
_HARMLESS = re.compile(
    rf"aws_(?!lambda_invocation|ssm_association|sagemaker_project)({SERVICES}|{_OF_EC2})(_\w+)?"
    rf"|aws_s3_(?!bucket$|\w*bucket_polic)\w+|({_OTHER_PROVIDERS})_\w+"
    r"|kubernetes_(namespace|secret|config_map|service|role|cluster_role|ingress|storage_class)\w*"
)
"""Types of resources that set no bucket policy, whatever they refer to: those of services that have
none to do with it. What runs code or deploys a template is not among them.
"""
_STACK = "aws_cloudformation_stack"
_WAITS = re.compile(r"(?:(?:echo|sleep|date|true)\b[\w .,:/=+'-]*(?:; *|&& *|$))+")
"""Commands of a shell that change nothing."""
_OF_PEOPLE = re.compile("aws_iam_(role|user)_policy(_attachment)?")
"""Types of resources that give a policy to a role or a user."""
_EMPTY = ("null_resource", "terraform_data")
"""Types of resources that do nothing, except by their provisioners."""
_OWN = ("each.key", "count.index")
_RESOURCE = re.compile(
    r"((data\.)?(?(2)aws_iam_policy_document|aws_s3_bucket(?:_policy)?)\.[\w-]+)(\[.+\])?"
    r"(\.(?(2)(?:minified_)?json|(?:arn|id|bucket)))?"
)
"""References to a bucket, to a policy for its bucket, and to the text of a document."""
_OUTPUT = re.compile(r"(module\.[\w-]+(?:\[[^]]+\])?)\.([\w-]+)")
_CALL = re.compile(r"(?:(.+)\.)?module\.([\w-]+)(?:\[[^]]+\])?")
_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|[^]["]*)\]')


def terraform_policies(text: str) -> PlannedFile:
    """Return the bucket policies that a plan leads to.

    Parameters
    ----------
    text : str
        What ``terraform show -json plan.out`` prints.

    Raises
    ------
    InvalidInput
        If it is another text, or one that gives a name twice.
    """
    data = loads(text, name="the plan")
    try:
        return _Plan(data).file
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        step = "Give what terraform show -json plan.out prints."
        raise InvalidInput("The plan has another form.", next_step=step, field="file") from error


def _filled(after: Any, unknown: Any, reason: str) -> Any:
    """Return a planned value in which the parts that are marked as unknown are."""
    if isinstance(unknown, dict) and isinstance(after, dict | None):
        members = after or {}
        return {
            name: _filled(members.get(name), unknown.get(name), reason)
            for name in members | unknown
        }
    if isinstance(unknown, list) and isinstance(after, list) and len(unknown) == len(after):
        return [_filled(*pair, reason) for pair in zip(after, unknown, strict=True)]
    return Unknown(reason) if unknown else after


class _Row:
    """A resource of a plan."""

    def __init__(self, data: Json, configured: Json) -> None:
        change = data["change"]
        self.address, self.type, self.actions = data["address"], data["type"], change["actions"]
        self.is_data = data.get("mode") == "data"
        self.module = data.get("module_address", "")
        self.index = f"[{json.dumps(data['index'])}]" if "index" in data else ""
        self.unknown = Unknown(f"{self.address} is known only after it is deployed")
        after = _filled(change.get("after"), change.get("after_unknown"), self.unknown.reason)
        self.after = (
            dict.fromkeys(_READ_FIRST, after) if isinstance(after, Unknown) else after or {}
        )
        self.former = (change.get("before") or {}).get("bucket")
        self.stays = bool({*self.actions} - {"delete", "forget"})
        self.config = configured.get(_INDEX.sub("", self.address), {})

    def references(self, argument: str) -> Sequence[str]:
        """Return the addresses to which an argument refers."""
        return [*self.config.get("expressions", {}).get(argument, {}).get("references", ())]

    def depends_on(self, argument: str) -> Unknown:
        """Return an argument as unknown, with what it refers to."""
        listed = ", ".join(sorted({*self.references(argument)}))
        return Unknown(f"{self.address} depends on {listed}") if listed else self.unknown


def _odd(values: Json, read: re.Pattern[str], address: str) -> Unknown | None:
    """Return why a resource is unknown that has a value of an argument that is not read."""
    names = [name for name, each in values.items() if each and not read.fullmatch(name)]
    return (
        Unknown(f"{address} has {', '.join(names)}, which gt_secure does not read")
        if names
        else None
    )


def _whole(references: Sequence[str]) -> Iterator[str]:
    """Yield references without the shorter forms that follow each."""
    former = ""
    for each in references:
        if not former.startswith((f"{each}.", f"{each}[")):
            yield each
        former = each


def _modules(module: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the modules of the configuration, by the address without indexes."""
    yield path, module
    for name, call in module.get("module_calls", {}).items():
        yield from _modules(call.get("module", {}), _within(path, f"module.{name}"))


def _configured(modules: Json) -> Json:
    """Return the resources of the configuration, by their addresses without indexes."""
    return {
        _within(path, each["address"]): each
        for path, module in modules.items()
        for each in module.get("resources", ())
    }


def _near(listed: Sequence[_Row], configured: Json) -> list[str]:
    """Return what may set the policy of any bucket, data sources that run a program among them."""
    programs = [
        address
        for address, each in configured.items()
        if each.get("mode") == "data" and _RUNS.fullmatch(each.get("type", ""))
    ]
    return [*(row.address for row in listed if _is_near(row)), *programs]


def _within(module: str, address: str) -> str:
    """Return the address of what is in a module."""
    return f"{module}.{address}" if module else address


class _Plan:
    """The resources of a plan, and the policies that they lead to."""

    def __init__(self, data: Json) -> None:
        if not data["format_version"].startswith("1."):
            raise LookupError
        self.modules = dict(_modules(data.get("configuration", {}).get("root_module", {})))
        configured = _configured(self.modules)
        listed = [_Row(each, configured) for each in data["resource_changes"]]
        self.rows = {row.address: row for row in listed}
        self.state = json.dumps(data.get("prior_state"))
        self.variables = data.get("variables", {})
        self.arn = f"arn:{partition_of(json.dumps(data))}:s3:::"
        managed = [row for row in listed if not row.is_data]
        buckets = [row for row in managed if row.type == _BUCKET]
        self.buckets = {row.address: row.after.get("bucket") for row in buckets if row.stays}
        self.emptied = {row.former for row in buckets if "delete" in row.actions}
        self.refers: list[str] = []
        self.managed = [
            each for row in managed if row.type == _POLICY for each in self._documents(row)
        ]
        self.file = self._file(data, _near(listed, configured))

    def _file(self, data: Json, near: Sequence[str]) -> PlannedFile:
        partial = (
            data.get("errored") or data.get("complete") is False or data.get("deferred_changes")
        )
        doubts = {
            "the plan is not complete": partial,
            "the plan has no configuration, which shows scripts": not data.get("configuration"),
            "an action of the plan may set policies": data.get("action_invocations"),
        }
        names: list[tuple[Any, str]] = [
            *((name, address) for address, name in self.buckets.items()),
            *((each.bucket, each.address) for each in self.managed),
        ]
        return PlannedFile(
            worlds=self._worlds(),
            buckets=grouped(each for each in names if isinstance(each[0], str)),
            doubts=[reason for reason, is_so in doubts.items() if is_so],
            near=near,
            provided=self.refers[:1],
            assumed=[],
            public=public_access(data),
            people=[*self._people()],
        )

    def _people(self) -> Iterator[tuple[str, Any]]:
        """Yield the users and roles that the plan defines, each with a policy of theirs."""
        named = {
            (row.type, each): row
            for row in self.rows.values()
            for each in (row.address, row.after.get("name"), row.after.get("arn"))
            if row.stays and isinstance(each, str)
        }

        def find(row: _Row, argument: str, kind: str) -> _Row | None:
            """Return the resource of a type that an argument names, or to which it refers."""
            references = (_within(row.module, each) for each in row.references(argument))
            words = (str(row.after.get(argument)), *references)
            return next((named[kind, each] for each in words if (kind, each) in named), None)

        for row in self.rows.values():
            if not row.stays or not (kind := _OF_PEOPLE.fullmatch(row.type)):
                continue
            policy = find(row, "policy_arn", "aws_iam_policy") if kind[2] else row
            owner = find(row, kind[1], f"aws_iam_{kind[1]}")
            if policy is not None and owner is not None:
                path = owner.after.get("path") or "/"
                yield f"{kind[1]}{path}{owner.after.get('name')}", self._text(policy)[0]

    def _leads(
        self, references: Sequence[str], module: str, index: str = "", *, strict: bool = True
    ) -> list[set[str]]:
        """Return the resources to which each reference leads, through modules; none if that is not
        known, or ``strict`` and a value may be a part of the argument.
        """
        whole = [*_whole(references)]
        others = [each for each in whole if each not in _OWN]
        own = len(whole) - len(others)
        leads = [self._lead(each, module, index if own else "", strict=strict) for each in others]
        if own and not (index and own == len(others)):
            return []
        result = [each for each in leads if each is not None]
        return [each for each in result if each] if len(result) == len(leads) else []

    def _lead(self, reference: str, module: str, index: str, *, strict: bool) -> set[str] | None:
        """Return the resources to which a reference leads; None where that is not known."""
        match = _RESOURCE.fullmatch(reference)
        if match and not (index and (match[3] or match[4])):
            address = _within(module, match[1] + (match[3] or index))
            if address in self.rows:
                return {address}
            # nothing for a resource that is neither planned nor was there before
            return set() if match[3] and json.dumps(address) not in self.state else None
        if index or match:
            return None
        if reference.startswith("data.aws_partition."):
            return set()
        if not (reference.startswith("var.") or _OUTPUT.fullmatch(reference)):
            return None
        return self._lead_of_value(*self._source(reference, module), strict=strict)

    def _lead_of_value(self, module: str, expression: Json, *, strict: bool) -> set[str] | None:
        """Return the resources to which an expression leads; None where that is not known."""
        references = expression.get("references", ())
        if expression and not (strict or references):
            return {each for each in map(str, leaves(expression)) if "{" in each}
        leads = self._leads(references, module, strict=strict)
        return set().union(*leads) if leads else None

    def _source(self, reference: str, module: str) -> tuple[str, Json]:
        """Return the module and the expression of the value to which a variable or an output
        refers; its value or default where no expression gives it.
        """
        name = reference.removeprefix("var.")
        if match := _OUTPUT.fullmatch(reference):
            inner = _within(module, match[1])
            output = self._module(inner).get("outputs", {}).get(match[2], {})
            return inner, output.get("expression", {})
        if call := _CALL.fullmatch(module):
            inner = call[1] or ""
            built = self._module(inner).get("module_calls", {}).get(call[2], {})
            default = self._module(module).get("variables", {}).get(name, {}).get("default")
            return inner, built.get("expressions", {}).get(name, {"default": default})
        return "", self.variables.get(name, {})

    def _module(self, address: str) -> Json:
        """Return the configuration of a module; empty if it is not there."""
        return self.modules.get(_INDEX.sub("", address), {})

    def _name(self, address: str) -> str | Unknown:
        """Return the name of a bucket, or of that of a policy."""
        row = self.rows[address]
        name = row.after.get("bucket")
        is_open = row.type == _POLICY and isinstance(name, Unknown)
        return self._bucket(row) if is_open else name if isinstance(name, str) else row.unknown

    def _worlds(self) -> Callable[[str], list[World]]:
        """Return the one outcome of a plan for a bucket: its policies, and those that may be."""
        groups = grouped((each.bucket, each) for each in self.managed)
        unsure = [each for each in self.managed if isinstance(each.bucket, Unknown)]
        return lambda bucket: [[*groups.get(bucket, ()), *unsure]]

    def _documents(self, row: _Row) -> Iterator[PlannedDocument]:
        """Yield what a resource makes of the policy of the bucket that it had,
        and of the one that it gets.
        """
        target = None
        if row.stays:
            target = self._bucket(row)
            value, provided = self._value(row)
            yield PlannedDocument(row.address, target, value, provided=provided)
            if target in self.emptied and "create" not in row.actions:
                yield PlannedDocument(
                    row.address, target, NO_POLICY, " when the bucket is replaced"
                )
        former = row.former or row.unknown
        if former in self.emptied and former not in self.buckets.values():
            return
        if "forget" in row.actions:
            yield PlannedDocument(
                row.address, former, Unknown(f"{row.address} is not managed any more")
            )
        elif "delete" in row.actions and (row.actions[-1] == "delete" or target != former):
            yield PlannedDocument(row.address, former, NO_POLICY, " after it is deleted")

    def _bucket(self, row: _Row) -> str | Unknown:
        """Return the name of the bucket that a resource has or refers to."""
        name = row.after.get("bucket")
        if isinstance(name, Unknown):
            references = row.references("bucket")
            leads = self._leads(references, row.module, row.index)
            names = {self._name(each) for each in chain(*leads)}
            is_one = len(leads) == len(names) == 1 and not references[0].endswith("arn")
            name = names.pop() if is_one else row.depends_on("bucket")
            if isinstance(name, str):
                self.refers.append(
                    "the bucket of each policy is the one to which it refers, unchanged"
                )
        return name if isinstance(name, str | Unknown) else row.unknown

    def _value(self, row: _Row) -> tuple[Any, str]:
        """Return the document that a resource sets, and the clause under which it does."""
        odd = [each for each in row.actions if not _ACTIONS.fullmatch(each)]
        unknown = _odd(row.after | dict.fromkeys(odd, True), _READ, row.address)
        return (unknown, "") if unknown else self._text(row)

    def _text(self, row: _Row) -> tuple[Any, str]:
        """Return the policy that a resource has or refers to, and the clause under which."""
        value = row.after.get("policy")
        if not isinstance(value, Unknown):
            return value if isinstance(value, str) else Unknown(f"{row.address} has no policy"), ""
        leads = self._leads(row.references("policy"), row.module, row.index)
        rows = [self.rows[each] for each in chain(*leads)]
        if len(rows) != 1 or not rows[0].is_data:
            return row.depends_on("policy"), ""
        clauses = [f"the policy of {row.address} is {rows[0].address}.json unchanged"]
        return self._rendered(rows[0], clauses), " and ".join(dict.fromkeys(clauses))

    def _rendered(self, row: _Row, clauses: list[str]) -> Any:
        """Return the document that the provider makes of the arguments of
        ``aws_iam_policy_document``, and add the clauses under which it does.
        """
        if odd := _odd(row.after, _READ_OF_DOCUMENT, row.address):
            return odd
        blocks = as_list(row.after.get("statement") or [])
        configured = row.config.get("expressions", {}).get("statement", [])
        if len(configured) != len(blocks):
            configured = [{} for _ in blocks]
        own = [
            _statement(self._located(row, *pair, clauses), row.address)
            for pair in zip(blocks, configured, strict=True)
        ]
        sources, overrides = (
            self._sources(row, f"{name}_policy_documents", clauses)
            for name in ("source", "override")
        )
        return _merged([*sources, (row.after.get("version") or VERSIONS[-1], own), *overrides])

    def _sources(self, row: _Row, argument: str, clauses: list[str]) -> list[tuple[Any, list[Any]]]:
        """Return version and statements of each document that another one merges."""
        value = row.after.get(argument) or []
        listed = as_list(value)
        number = len(reasons(listed))
        sources = self._sourced(row, argument, strict=number > 1)
        if sources and (len(sources) == number or isinstance(value, Unknown)):
            order = iter(sources)
            listed = [next(order) if isinstance(each, Unknown) else each for each in listed]
            listed += order
            names = [f"{each}.json" if each in self.rows else "a text" for each in listed]
            clauses.append(f"{row.address} merges {' and '.join(names)} alone, unchanged")
            listed = [
                self._rendered(self.rows[each], clauses) if each in self.rows else each
                for each in listed
            ]
        return [_parsed(each, row.address) for each in listed]

    def _sourced(self, row: _Row, argument: str, *, strict: bool) -> list[str]:
        """Return the addresses or texts of the documents that another one merges; none where
        they are not known, or may be a choice.

        One that is counted is there because it is merged. Another one beside it has to follow a
        variable that is true.
        """
        whole = [*_whole(row.references(argument))]
        leads = self._leads(whole, row.module, row.index, strict=strict)
        sources = [*dict.fromkeys(chain(*leads))]
        if len(sources) < 2 or strict:
            return sources
        before: Json = {}
        for each in whole:
            lead = self._lead(each, row.module, "", strict=False)
            is_sure = each.endswith("].json") or before.get("constant_value") is True
            if lead is None or len(lead) > is_sure:
                return []
            before = self._source(each, row.module)[1]
        return sources

    def _located(self, row: _Row, block: Any, configured: Json, clauses: list[str]) -> Any:
        """Return a block in which resources that refer to a bucket are its ARNs: two references
        are the bucket and its objects, and one is either.
        """
        value = block.get("resources") if isinstance(block, dict) else None
        listed = as_list(value)
        number = sum(isinstance(each, Unknown) for each in listed)
        references = configured.get("resources", {}).get("references", ())
        leads = self._leads(references, row.module, row.index)
        names = {self._name(each) for each in chain(*leads)}
        count = number if isinstance(value, list) else len(leads)
        is_each = number and count in (1, 2) and len(leads) in (1, count)
        if not is_each or len(names) != 1 or reasons([*names]):
            return block
        arn = f"{self.arn}{names.pop()}"
        known = [each for each in listed if not isinstance(each, Unknown)]
        arns: list[Any] = [arn, f"{arn}/*"]
        clause = f"the resources of {row.address} are {arn} and {arn}/*"
        if count == 1:
            clause = f"a resource of {row.address} is {arn} or {arn}/*"
            objects = None if known else _is_of_objects(block)
            arns = [Unknown(row.unknown.reason, (*arns,))] if objects is None else [arns[objects]]
        clauses.append(clause)
        return {**block, "resources": [*known, *arns]}


def _is_of_objects(block: Json) -> bool | None:
    """Return whether actions are those of objects; None if they may be of objects and buckets.

    S3 refuses a policy in which an action has no resource of its kind.
    """
    listed = as_list(block.get("actions") or [])
    if not listed or reasons(listed) or block.get("not_actions"):
        return None
    of_buckets, of_objects = (
        [any(fnmatchcase(one.lower(), str(each).lower()) for one in some) for each in listed]
        for some in (BUCKET_ACTIONS, OBJECT_ACTIONS)
    )
    if all(of_objects) and not any(of_buckets):
        return True
    return False if all(of_buckets) and not any(of_objects) else None


def _is_near(row: _Row) -> bool:
    """Return whether a resource may set the policy of a bucket that it need not mention."""
    if row.actions == ["no-op"]:
        return False
    if row.is_data:
        return bool(_RUNS.fullmatch(row.type))
    if "provisioners" in row.config and not all(map(_waits, row.config["provisioners"])):
        return True
    if row.type in _EMPTY:
        return not row.config
    if row.type == _BUCKET:
        has_own = "policy" in row.config.get("expressions", {})
        return has_own or bool(not row.config and row.after.get("policy"))
    if row.type == _STACK and not row.after.get("template_url"):
        return not sets_no_policy(row.after.get("template_body"))
    return row.type != _POLICY and not _HARMLESS.fullmatch(row.type)


def _waits(provisioner: Json) -> bool:
    """Return whether a script is known that changes nothing."""
    expressions = provisioner.get("expressions", {})
    text = expressions.get("command", {}).get("constant_value", "")
    is_all = expressions == {"command": {"constant_value": text}}
    is_here = is_all and provisioner["type"] == "local-exec"
    return is_here and bool(_WAITS.fullmatch(text.strip()))


def _merged(documents: list[tuple[Any, list[Any]]]) -> Json:
    """Return documents as one: a statement replaces a former one with its Sid,
    and the newest version holds.
    """
    merged: dict[Any, Any] = {}
    for each in (each for _, statements in documents for each in statements):
        sid = each if isinstance(each, Unknown) else each.get("Sid")
        if isinstance(sid, Unknown):
            merged = {
                name: sid if isinstance(name, str) else other for name, other in merged.items()
            }
        merged[sid if sid and isinstance(sid, str) else object()] = each
    newest = max((each for each, _ in documents if isinstance(each, str)), default="")
    unknown = [each for each, _ in documents if isinstance(each, Unknown)]
    version = unknown[0] if unknown and newest != VERSIONS[-1] else newest
    return {"Version": version, "Statement": [*merged.values()]}


def _parsed(text: Any, address: str) -> tuple[Any, list[Any]]:
    """Return version and statements of a document that is merged, as text or read already;
    unknown where the provider leaves out some of it.
    """
    if isinstance(text, dict):
        return text["Version"], text["Statement"]
    try:
        document = parse_json(text)
        statements = [{**each} for each in document["Statement"]]  # type: ignore[index]
        if not any(isinstance(each, JsonNumber) for each in leaves(document)):
            return document.get("Version", ""), statements  # type: ignore[attr-defined]
    except (PolicyError, TypeError, LookupError):
        pass
    unknown = Unknown(f"a document that {address} merges is not known")
    return unknown, [unknown]


def _statement(block: Any, address: str) -> Any:
    """Return the statement that the provider makes of a block."""
    if isinstance(block, Unknown):
        return block
    statement: Json = {"Effect": "Allow"}
    for name, element in _ELEMENTS.items():
        if value := block.get(name):
            statement[element] = (
                _element(value, *_BLOCKS[name]) if name in _BLOCKS else _texts(value)
            )
    return _odd(block, _READ_OF_DOCUMENT, address) or statement


def _element(blocks: Any, *names: str) -> Any:
    """Return the element that blocks make: values of equal names are joined."""
    element: dict[Any, Any] = {}
    for block in as_list(blocks):
        *groups, values = (
            block if isinstance(block, Unknown) else block.get(each) for each in names
        )
        if unknown := [each for each in groups if isinstance(each, Unknown)]:
            return unknown[0]
        place = element if len(groups) == 1 else element.setdefault(groups[0], {})
        place.setdefault(groups[-1], []).extend(as_list(_texts(values)))
    return "*" if element == {"*": ["*"]} else element


def _texts(value: Any) -> Any:
    """Return texts as the provider writes them:
    a policy variable is ``&{...}`` in the configuration.
    """
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value.replace("&{", "${") if isinstance(value, str) else value
