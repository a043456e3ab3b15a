"""Bucket policies in a template of CloudFormation, as people, CDK and SAM write it.

A condition that is not known is true in one possible outcome and false in another, the same in the
whole template. A function, transform or attribute that is not read makes the policy unknown, by
name. Sources: AWS CloudFormation User Guide, *Intrinsic function reference*, *Pseudo parameters
reference*, *Parameters*, *Transform reference*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ...base.errors import GtSecureError, InvalidInput
from ...base.files import loads
from ...base.groups import as_list, grouped
from ...base.text import Json, some
from .planned_policies import (
    SERVICES,
    PlannedDocument,
    PlannedFile,
    Unknown,
    World,
    public_access,
    reasons,
)

_MOST = 64
_NOTHING = object()
_SUB = re.compile(r"\$\{(!?)([^}]*)(\}|\Z)")
_READ = re.compile(
    "Type|Properties|Condition|DependsOn|Metadata|DeletionPolicy|UpdateReplacePolicy|Bucket|PolicyDocument"
)
"""Attributes and properties of a policy that are read, or change nothing in it."""
_HARMLESS = re.compile(
    rf"AWS::(?!SSM::Association|SageMaker::Project)(?i:{SERVICES})::\w+|AWS::S3::(?!BucketPolic)\w+"
    r"|AWS::Serverless::(Function|Api|HttpApi|SimpleTable|LayerVersion|StateMachine|GraphQLApi)"
    r"|AWS::CloudFormation::WaitCondition(Handle)?|AWS::CDK::Metadata"
    r"|Custom::(S3AutoDeleteObjects|S3BucketNotifications|CDKBucketDeployment|LogRetention"
    r"|VpcRestrictDefaultSG|ECRAutoDeleteImages)"
)
"""Types of resources that set no bucket policy, whatever they refer to: those of services that have
none to do with it, and code that CDK brings. Other code, and other templates, may set any.
"""
_OF_PEOPLE = re.compile("AWS::IAM::(Role|User)")
_CALLS, _READS = (
    re.compile("AWS679f53fac002430cb0da5b7982bd2287"),
    re.compile("(get|describe|list)[A-Z]"),
)
"""Name of the function with which CDK calls an API, and names of the operations that only read."""
_MAY_SET = re.compile(r"BucketPolic|\\[uUx\r\n]")
"""The type of a bucket policy, or an escape in which it may be."""
_TRANSFORMS = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions")
"""Transforms that change no bucket policy."""


class _UndecidedError(Exception):
    """A name of which a template leaves the value open, and the values that it can have."""


class _OpenError(Exception):
    """A value that a template leaves open: the reason, and what it is at most; see Unknown."""


def cloudformation_policies(
    text: str, account: str, parameters: Mapping[str, str] | None = None
) -> PlannedFile:
    """Return the bucket policies of a template.

    Parameters
    ----------
    text : str
        The template as JSON or YAML.
    account : str
        Where it is deployed.
    parameters : mapping, optional
        Values of parameters, of pseudo parameters and of buckets without a name, by the name to
        which ``Ref`` refers.

    Raises
    ------
    InvalidInput
        If it is another text, or does not have a parameter.
    """
    data = loads(
        text, yaml=not text.lstrip().startswith("{"), name="the template", short_forms=True
    )
    try:
        return _Template(data, account, parameters or {}).file()
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        step = "Give a CloudFormation template as JSON or YAML."
        raise InvalidInput(
            "The template has another form.", next_step=step, field="file"
        ) from error


def sets_no_policy(text: Any) -> bool:
    """Return whether a text is a template that sets no bucket policy."""
    if not isinstance(text, str) or _MAY_SET.search(text):
        return False
    try:
        file = cloudformation_policies(text, "")
    except GtSecureError:
        return False
    return not (file.near or file.doubts)


def _text(value: Any) -> str:
    """Return a value as CloudFormation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section(value: Any) -> Json:
    """Return a part of a template by its names; empty where nothing follows its name."""
    return {} if value is None else {str(name): each for name, each in value.items()}


class _Template:
    """A template; while it is read, what it leaves open has one of the values that are possible."""

    def __init__(self, data: Json, account: str, parameters: Mapping[str, str]) -> None:
        self.data = data
        if not data.keys() & {"AWSTemplateFormatVersion", "Parameters", "Resources", "Rules"}:
            raise LookupError
        self.resources, self.parameters, self.conditions, self.mappings = (
            _section(data.get(name))
            for name in ("Resources", "Parameters", "Conditions", "Mappings")
        )
        self.assumed = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", **parameters}
        self.values = {"AWS::AccountId": account, **self.assumed}
        self.choices: Json = {}
        names = [*self.parameters, *self.resources]
        for name, value in parameters.items():
            if not name.startswith("AWS::") and name not in names:
                step = f"Use one of: {some(names, 10)}."
                raise InvalidInput(
                    f"The template has no parameter '{name}'.", next_step=step, field="parameters"
                )
            parameter = self.parameters.get(name, {})
            allowed = [_text(each) for each in parameter.get("AllowedValues") or ()]
            parts = value.split(",") if "List" in parameter.get("Type", "") else [value]
            if allowed and not {each.strip() for each in parts} <= {*allowed}:
                raise InvalidInput(
                    f"The template does not allow this value of the parameter '{name}'.",
                    next_step=f"Use one of: {some(allowed, 10)}.",
                    field="parameters",
                    value=value,
                )
        self.targets: dict[str, list[Any]] = {}

    def file(self) -> PlannedFile:
        """Return the bucket policies."""
        names, near = [], []
        odd = [each for each in as_list(self.data.get("Transform", [])) if each not in _TRANSFORMS]
        for name, each in self.resources.items():
            kind = each.get("Type") if isinstance(each, dict) else None
            if not isinstance(kind, str) or kind.endswith("::MODULE"):
                odd.append(name)
            elif kind == "AWS::S3::BucketPolicy":
                self.targets[name] = [*self.outcomes(partial(self._target, name))]
                names += [(target, name) for target in self.targets[name]]
            elif kind == "AWS::S3::Bucket":
                names += [
                    (bucket, name) for bucket in self.outcomes(partial(self.value, {"Ref": name}))
                ]
            elif not self._is_harmless(kind, each):
                near.append(name)
        return PlannedFile(
            worlds=self.worlds,
            buckets=grouped(dict.fromkeys(pair for pair in names if isinstance(pair[0], str))),
            doubts=[f"{json.dumps(each)[:80]} may set or change policies" for each in odd],
            near=near,
            provided=[],
            assumed=[f"{name} is {value}." for name, value in self.assumed.items()],
            public=public_access(self.data),
            people=[*self._people()],
        )

    def _people(self) -> Iterator[tuple[str, Any]]:
        """Yield the users and roles that have a name here, each with a policy of theirs."""
        every = {
            name: each["Properties"]
            for name, each in self.resources.items()
            if isinstance(each, dict)
            if str(each.get("Type")).startswith("AWS::IAM::")
            if isinstance(each.get("Properties"), dict)
        }
        for name, own in every.items():
            if not (kind := _OF_PEOPLE.fullmatch(self.resources[name]["Type"])):
                continue
            holders = as_list(own.get("Policies", []))
            holders += [
                each
                for each in every.values()
                if {"Ref": name} in as_list(each.get(f"{kind[1]}s", []))
            ]
            documents = [each.get("PolicyDocument") for each in holders if isinstance(each, dict)]
            read = [own.get(f"{kind[1]}Name"), own.get("Path", "/"), *documents]
            for outcome in self.outcomes(partial(self.value, read)):
                if isinstance(outcome, list) and outcome[0]:
                    arn = f"{kind[1].lower()}{outcome[1]}{outcome[0]}"
                    yield from ((arn, each) for each in outcome[2:])

    def _is_harmless(self, kind: str, resource: Json) -> bool:
        """Return whether a resource sets no bucket policy: its type does so, or it is CDK's own
        call of an API, and each of its calls is known and only reads.
        """
        if kind != "Custom::AWS":
            return bool(_HARMLESS.fullmatch(kind))
        properties = _section(resource.get("Properties"))
        calls = [properties[each] for each in ("Create", "Update", "Delete") if each in properties]
        try:
            function = properties["ServiceToken"]["Fn::GetAtt"][0]
            actions = [loads(self.value(each))["action"] for each in calls]
            return bool(_CALLS.match(function)) and all(map(_READS.match, actions))
        except (InvalidInput, TypeError, LookupError, AttributeError):
            return False

    def outcomes(self, read: Callable[[], Any]) -> list[Any]:
        """Return the results of a reading for all values of what it needs;
        one that is unknown if they are too many.
        """
        waiting: list[Json] = [{}]
        results = []
        while waiting:
            self.choices = waiting.pop()
            try:
                results.append(read())
            except _UndecidedError as error:
                name, values = error.args
                waiting += [{**self.choices, name: each} for each in values]
            except (RecursionError, TypeError, LookupError, AttributeError):
                return [Unknown("the template refers to itself, or has a part of another form")]
            if len(results) + len(waiting) > _MOST:
                return [Unknown(f"the template has more than {_MOST} possible outcomes")]
        return results

    def worlds(self, bucket: str) -> list[World]:
        """Return in each possible outcome the policies that a bucket may have."""
        possible = [name for name, some in self.targets.items() if bucket in some or reasons(some)]
        worlds = self.outcomes(
            lambda: [each for name in possible for each in self._documents(name, bucket)]
        )
        return [[each] if isinstance(each, Unknown) else each for each in worlds]

    def _target(self, name: str) -> str | Unknown:
        """Return the bucket of a policy."""
        resource = self.resources[name]
        properties = resource.get("Properties", {})
        odd = [str(each) for each in (*resource, *properties) if not _READ.fullmatch(str(each))]
        target = self.value(properties.get("Bucket"))
        if odd:
            return Unknown(f"{name} has {', '.join(odd)}, which gt_secure does not read")
        return (
            target
            if isinstance(target, str | Unknown)
            else Unknown(f"the bucket of {name} is not known")
        )

    def _documents(self, name: str, bucket: str) -> World:
        """Return what a policy sets, if its bucket is or may be this one."""
        target, resource = self._target(name), self.resources[name]
        if target != bucket and isinstance(target, str):
            return []
        if "Condition" in resource and not self.holds(resource["Condition"]):
            return [Unknown(f"{name} is created only if {resource['Condition']}")]
        document = self.value(resource.get("Properties", {}).get("PolicyDocument"))
        if not isinstance(document, Mapping | Unknown):
            document = Unknown(f"{name} has a policy of another form")
        when = "".join(f", {each} is {_text(value)}" for each, value in self.choices.items())
        return [PlannedDocument(name, target, document, when)]

    def value(self, value: Any) -> Any:
        """Return a value with its functions filled in, as far as they are known."""
        if isinstance(value, list):
            return [filled for each in value if (filled := self.value(each)) is not _NOTHING]
        if isinstance(value, int) and not isinstance(value, bool):
            return _text(value)  # an account without quotes
        if not isinstance(value, dict):
            return (
                value
                if isinstance(value, str | int | float | None)
                else Unknown("it holds a value of another kind")
            )
        function = next(
            (each for each in value if each == "Ref" or str(each).startswith("Fn::")), None
        )
        if function is not None:
            return self._called(value, function)
        filled = {str(name): self.value(each) for name, each in value.items()}
        return {name: each for name, each in filled.items() if each is not _NOTHING}

    def _called(self, value: Json, function: str) -> Any:
        """Return the value of a function; unknown by its name where something stands beside it."""
        try:
            [argument] = value.values()
            if function in _LAZY:
                return _LAZY[function](self, argument)
            return _FUNCTIONS[function](self, *self.sure(argument))
        except _OpenError as error:
            # Only a whole value is bounded: the rest of a text may widen a principal.
            return Unknown(*error.args[: 3 if function == "Fn::GetAtt" else 1])
        except (TypeError, ValueError, LookupError, AttributeError):
            return Unknown(f"{function} is not read in this form")

    def sure(self, value: Any) -> Any:
        """Return a value of which all is known."""
        filled = self.value(value)
        for reason in reasons(filled):
            raise _OpenError(reason)
        return filled

    def reference(self, name: str) -> Any:
        """Return the value of ``Ref``."""
        if name == "AWS::NoValue":
            return _NOTHING
        parameter, bucket = (
            self.parameters.get(name, {}),
            _section(self.resources.get(name, {}).get("Properties")),
        )
        kind, allowed = parameter.get("Type", ""), parameter.get("AllowedValues")
        value = self.values.get(name, self.sure(bucket.get("BucketName")))
        if value is None and allowed and "<" not in kind and "List" not in kind:
            value = self.choose(name, [*map(_text, allowed)])
        if value is None or "::Value<" in kind:
            raise _OpenError(
                f"parameter {name} can be given another value"
                if kind
                else f"{name} is not known yet"
            )
        return [each.strip() for each in value.split(",")] if "List" in kind else value

    def choose(self, name: str, values: list[Any]) -> Any:
        """Return one of the values that a name can have."""
        if name not in self.choices:
            raise _UndecidedError(name, values)
        return self.choices[name]

    def attribute(self, argument: Any) -> str:
        """Return the value of ``Fn::GetAtt``."""
        name, _, attribute = (
            ".".join(argument) if isinstance(argument, list) else argument
        ).partition(".")
        kind = self.resources[name]["Type"] if attribute == "Arn" else ""
        if kind != "AWS::S3::Bucket":
            # A role is at most anybody of the account.
            account = self.substituted("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
            person = account if kind in ("AWS::IAM::Role", "AWS::IAM::User") else ""
            raise _OpenError(f"{name}.{attribute} is not known yet", (), person)
        return f"arn:{self.values['AWS::Partition']}:s3:::{self.reference(name)}"

    def either(self, argument: Any) -> Any:
        """Return the branch of ``Fn::If``."""
        name, yes, no = argument
        return self.value(yes if self.holds(name) else no)

    def substituted(self, argument: Any) -> str:
        """Return the text of ``Fn::Sub``."""
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def fill(match: re.Match[str]) -> str:
            name = match[2]
            if not match[3]:
                return match[0]
            if match[1] or name in own:
                return self.sure(own[name]) if not match[1] else f"${{{name}}}"
            return self.attribute(name) if "." in name else self.reference(name)

        return _SUB.sub(fill, text)

    def holds(self, name: str) -> bool:
        """Return whether a condition holds: chosen where that is not known."""
        choice = f"condition {name}"
        result = None if choice in self.choices else self.test(self.conditions.get(name))
        return bool(self.choose(choice, [True, False]) if result is None else result)

    def test(self, rule: Any) -> bool | None:
        """Return whether the rule of a condition holds; None where it is not known."""
        [(function, argument)] = (
            rule.items() if isinstance(rule, dict) and len(rule) == 1 else [("", [])]
        )
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Equals":
            values = self.value(argument)
            return None if reasons(values) else len({*map(_text, values)}) == 1
        results = [self.test(each) for each in argument]
        if function == "Fn::Not":
            return None if results[0] is None else not results[0]
        if function not in ("Fn::And", "Fn::Or"):
            return None
        decisive = function == "Fn::Or"
        return decisive if decisive in results else None if None in results else not decisive


_LAZY: dict[str, Callable[[_Template, Any], Any]] = {
    "Ref": _Template.reference,
    "Fn::GetAtt": _Template.attribute,
    "Fn::If": _Template.either,
    "Fn::Sub": _Template.substituted,
}
"""Functions that fill in their arguments."""
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Fn::Join": lambda _, separator, parts: separator.join(parts),
    "Fn::Select": lambda _, index, values: values[int(index)],
    "Fn::Split": lambda _, separator, text: text.split(separator),
    "Fn::FindInMap": lambda template, name, first, second: template.mappings[name][first][second],
}
"""The other functions whose value can be known before a template is deployed."""
