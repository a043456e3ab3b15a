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
from typing import Any

from ...base.errors import InvalidInput, PolicyError
from ...base.files import loads
from ...base.groups import as_list, grouped
from ...base.text import Json
from ..iam.documents import VERSIONS
from ..iam.strict_json import JsonNumber, parse_json
from .planned_policies import (
    NO_POLICY,
    PlannedDocument,
    PlannedFile,
    Unknown,
    World,
    leaves,
    public_access,
)

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
_HARMLESS = re.compile(
    r"aws_(s3_(?!bucket$|bucket_policy$)\w+|(s3control|s3tables|iam|kms|cloudfront|cloudwatch|sagemaker|athena|glue|sns|sqs|ecs"
    r"|eks|batch|kinesis_firehose|route53|guardduty|macie2|datasync|transfer|backup|rds|db|vpc)_\w+|cloudtrail"
    r"|lambda_(function|permission|alias|event_source_mapping|layer_version)|flow_log|[an]?lb|elb|instance"
    r"|launch_template|codebuild_project|ssm_parameter|sfn_state_machine|mwaa_environment)|(random|tls|time)_\w+"
)
"""Types of resources that set no bucket policy, whatever they mention."""
_PARTS = re.compile(r"[\w-]+\.[\w-]+")
"""Names in an address: references within a module and to it are by one of them."""
_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]')


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
        self.data, change = data, data["change"]
        self.address, self.type, self.actions = data["address"], data["type"], change["actions"]
        self.unknown = Unknown(f"{self.address} is known only after it is deployed")
        after = _filled(change.get("after"), change.get("after_unknown"), self.unknown.reason)
        self.after = (
            dict.fromkeys(_READ_FIRST, after) if isinstance(after, Unknown) else after or {}
        )
        self.former = (change.get("before") or {}).get("bucket")
        self.stays = bool({*self.actions} - {"delete", "forget"})
        self.config = configured.get(_INDEX.sub("", self.address), {})

    def reference(self, argument: str, pattern: str) -> Any:
        """Return the address of the one resource to which an argument refers,
        where it refers to nothing else.
        """
        listed = {*self.config.get("expressions", {}).get(argument, {}).get("references", ())}
        own = listed & {"each.key", "count.index"}
        several = Unknown(f"{self.address} depends on {', '.join(sorted(listed))}")
        matches = [re.fullmatch(pattern, each) for each in listed - own]
        if not matches or None in matches:
            return several if listed else self.unknown
        names = {match[1] for match in matches if match}
        indexes = {match[2] for match in matches if match and match[2]}
        indexes |= {f"[{json.dumps(self.data['index'])}]" for _ in own}
        if len(names) > 1 or len(indexes) > 1:
            return several
        module = self.data.get("module_address")
        return "".join([f"{module}." if module else "", *names, *indexes])


def _odd(values: Json, read: re.Pattern[str], address: str) -> Unknown | None:
    """Return why a resource is unknown that has a value of an argument that is not read."""
    names = [name for name, each in values.items() if each and not read.fullmatch(name)]
    return (
        Unknown(f"{address} has {', '.join(names)}, which gt_secure does not read")
        if names
        else None
    )


def _configured(module: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the resources of the configuration, by the address without indexes."""
    yield from ((prefix + each["address"], each) for each in module.get("resources", ()))
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call.get("module", {}), f"{prefix}module.{name}.")


def _rows(data: Json) -> list[_Row]:
    """Return the resources of a plan; LookupError for another format."""
    if not data["format_version"].startswith("1."):
        raise LookupError
    configured = dict(_configured(data.get("configuration", {}).get("root_module", {})))
    return [_Row(each, configured) for each in data["resource_changes"]]


class _Plan:
    """The resources of a plan, and the policies that they lead to."""

    def __init__(self, data: Json) -> None:
        listed = _rows(data)
        self.documents = {row.address: row for row in listed if row.data.get("mode") == "data"}
        rows = [row for row in listed if row.address not in self.documents]
        buckets = [row for row in rows if row.type == _BUCKET]
        self.buckets = {row.address: row.after.get("bucket") for row in buckets if row.stays}
        self.emptied = {row.former for row in buckets if "delete" in row.actions}
        self.refers: list[str] = []
        self.managed = [
            each for row in rows if row.type == _POLICY for each in self._documents(row)
        ]
        self.file = self._file(data, rows)

    def _file(self, data: Json, rows: Sequence[_Row]) -> PlannedFile:
        partial = (
            data.get("errored") or data.get("complete") is False or data.get("deferred_changes")
        )
        return PlannedFile(
            worlds=self._worlds(),
            buckets=grouped(self._names()),
            doubts=["the plan is not complete"] if partial else [],
            near=[
                (row.address, json.dumps([row.data["change"], row.config]))
                for row in rows
                if _is_near(row)
            ],
            provided=self.refers[:1],
            assumed=[],
            public=public_access(data),
        )

    def _worlds(self) -> Callable[[str], list[World]]:
        """Return the one outcome of a plan for a bucket: its policies, and those that may be."""
        groups = grouped((each.bucket, each) for each in self.managed)
        unsure = [each for each in self.managed if isinstance(each.bucket, Unknown)]
        return lambda bucket: [[*groups.get(bucket, ()), *unsure]]

    def _names(self) -> Iterator[tuple[str, str]]:
        """Yield the names of buckets with their addresses,
        also as references within a module and to it have them.
        """
        pairs = [*((name, address) for address, name in self.buckets.items())]
        pairs += [(each.bucket, each.address) for each in self.managed]
        for name, address in pairs:
            if isinstance(name, str):
                yield from (
                    (name, each) for each in (address, *_PARTS.findall(_INDEX.sub("", address)))
                )

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
            target = row.reference("bucket", r"(aws_s3_bucket\.[\w-]+)(\[.+\])?(?:\.id|\.bucket)?")
            name = target if isinstance(target, Unknown) else self.buckets.get(target, name)
            if isinstance(name, str):
                self.refers.append(
                    "the bucket of each policy is the one to which it refers, unchanged"
                )
        return name if isinstance(name, str | Unknown) else row.unknown

    def _value(self, row: _Row) -> tuple[Any, str]:
        """Return the document that a resource sets, and the clause under which it does."""
        value = row.after.get("policy")
        odd = [each for each in row.actions if not _ACTIONS.fullmatch(each)]
        if unknown := _odd(row.after | dict.fromkeys(odd, True), _READ, row.address):
            return unknown, ""
        if not isinstance(value, Unknown):
            return value if isinstance(value, str) else Unknown(f"{row.address} has no policy"), ""
        target = row.reference(
            "policy", r"(data\.aws_iam_policy_document\.[\w-]+)(\[.+\])?(?:\.(?:minified_)?json)?"
        )
        if target not in self.documents:
            return target if isinstance(target, Unknown) else value, ""
        return _rendered(
            self.documents[target]
        ), f"the policy of {row.address} is {target}.json unchanged"


def _is_near(row: _Row) -> bool:
    """Return whether a resource may set the policy of what it mentions."""
    is_policy = row.type == _POLICY or (
        row.type == _BUCKET and "policy" not in row.config.get("expressions", {})
    )
    return "provisioners" in row.config or not (is_policy or _HARMLESS.fullmatch(row.type))


def _rendered(row: _Row) -> Any:
    """Return the document that the provider makes of the arguments of
    ``aws_iam_policy_document``.
    """
    if odd := _odd(row.after, _READ_OF_DOCUMENT, row.address):
        return odd
    own = [_statement(each, row.address) for each in as_list(row.after.get("statement") or [])]
    sources, overrides = (
        [
            _parsed(each, row.address)
            for each in as_list(row.after.get(f"{name}_policy_documents") or [])
        ]
        for name in ("source", "override")
    )
    return _merged([*sources, (row.after.get("version") or VERSIONS[-1], own), *overrides])


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
    """Return version and statements of a document that is merged;
    unknown where the provider leaves out some of it.
    """
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
