"""Plans and templates at random, and what each becomes when it is deployed.

A file is drawn together with all that it leaves open. A deployment gives these values, and renders
the policy of the bucket as the documentation of the providers describes it. Nothing here is shared
with the readers of such files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

BUCKET, ACCOUNT, OFFICE = "gt-images", "111122223333", "203.0.113.0/24"
INSIDE = ("203.0.113.0/25", "203.0.113.7/32")
OUTSIDE = ("0.0.0.0/0", "198.51.100.0/24", "203.0.112.0/23")
ARNS = ("arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*")
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ARNS[1]}
GUARD = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": list(ARNS),
         "Condition": {"NotIpAddress": {"aws:SourceIp": [OFFICE]}}}  # fmt: skip
ELSEWHERE = (
    {"Statement": [OPEN]},
    {"Version": "2012-10-17", "Statement": [GUARD]},
    {"Statement": []},
)
"""Policies that somebody else, a macro or the past may leave."""


IMPORTS = {"Action": "action", "NotAction": "action"}
ROLES = (f"arn:aws:iam::{ACCOUNT}:role/r", "arn:aws:iam::999988887777:role/r")
CODE_OF_PLANS = (
    ("null_resource", True),
    ("terraform_data", True),
    ("aws_sns_topic", True),
    ("aws_cloudformation_stack", False),
    ("aws_lambda_invocation", False),
    ("helm_release", False),
    ("external", False),
)
"""Types of resources, and whether a provisioner is what may set a policy."""
CODE_OF_TEMPLATES = (
    "Custom::Lock",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::StackSet",
    "AWS::SSM::Association",
)


@dataclass
class File:
    """A file, what is open in it, and how it is deployed.

    ``deploy`` returns a policy that the bucket may have. ``unchanged`` is whether everything that
    is referred to is taken as it is.
    """

    text: str
    is_plan: bool
    deploy: Callable[[Random], Any]
    open: list[str] = field(default_factory=list)
    unchanged: bool = True
    parameters: dict[str, str] = field(default_factory=dict)


class Template:
    """A template of CloudFormation, drawn with a share of open parts."""

    def __init__(self, random: Random, is_open: bool) -> None:
        self.random, self.is_open = random, is_open
        self.open: list[str] = []
        self.parameters: dict[str, Any] = {}
        self.values: dict[str, tuple[str, ...]] = {}
        self.mappings = {
            "Ranges": {
                "here": {"one": OFFICE},
                "there": {"one": random.choice((OFFICE, "0.0.0.0/0"))},
            }
        }
        self.conditions: dict[str, Any] = {
            "Always": {"Fn::Equals": ["a", "a"]},
            "Never": {"Fn::Not": [{"Condition": "Always"}]},
        }
        self.top: dict[str, Any] = {}
        self.macro = False

    def draw(self, share: float) -> bool:
        return self.is_open and self.random.random() < share

    def parameter(self, values: tuple[str, ...], closed: str) -> Any:
        """Return a reference to a parameter of one of the values."""
        name = f"P{len(self.parameters)}"
        kind = self.random.choice(
            ("allowed", "allowed", "default", "default", "none", "ssm", "list")
        )
        made: dict[str, Any] = {"Type": "String"}
        if kind == "allowed":
            made["AllowedValues"] = list(values)
        elif kind == "ssm":
            made = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": closed}
        elif kind == "list":
            made = {"Type": "CommaDelimitedList", "Default": closed}
        if kind == "default":
            made["Default"] = closed
        self.open.append(f"parameter {kind}")
        self.parameters[name], self.values[name] = made, values
        return {"Ref": name}

    def condition(self) -> str:
        """Return the name of a condition."""
        name = f"C{len(self.conditions)}"
        if not self.is_open or self.random.random() < 0.3:
            return "Always"
        self.open.append("condition")
        test: Any = {"Fn::Equals": [self.parameter(("prod", "dev"), "prod"), "prod"]}
        first = next(iter(self.conditions))
        self.conditions[name] = self.random.choice(
            (
                test,
                {"Fn::Not": [test]},
                {"Fn::And": [test, {"Condition": first}]},
                {"Fn::Or": [test, {"Condition": "Never"}]},
            )
        )
        return name

    def address(self) -> Any:
        """Return the addresses of a guard."""
        choice = self.random.random()
        if self.draw(0.3):
            values = self.random.choice(((OFFICE, *INSIDE), (OFFICE, OUTSIDE[0]), OUTSIDE))
            return self.parameter(values, OFFICE)
        if self.draw(0.15):
            return {
                "Fn::If": [self.condition(), OFFICE, self.random.choice((INSIDE[0], OUTSIDE[0]))]
            }
        if self.draw(0.15):
            self.open.append("region")
            return {"Fn::FindInMap": ["Ranges", {"Ref": "AWS::Region"}, "one"]}
        if choice < 0.2:
            return {"Fn::FindInMap": ["Ranges", self.random.choice(("here", "there")), "one"]}
        if choice < 0.3:
            return {
                "Fn::Select": [
                    1,
                    {"Fn::Split": ["|", f"0.0.0.0/0|{self.random.choice((OFFICE, OUTSIDE[0]))}"]},
                ]
            }
        return self.random.choice((OFFICE, [OFFICE], [*INSIDE], OFFICE, [OFFICE, OUTSIDE[1]]))

    def resource(self) -> Any:
        if self.draw(0.08):
            self.open.append("import")
            return {"Fn::ImportValue": "arn"}
        return self.random.choice(
            ("*", list(ARNS), [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "${B.Arn}/*"}],
             [{"Fn::Sub": "arn:${AWS::Partition}:s3:::${B}"}, {"Fn::Join": ["/", [{"Fn::GetAtt": "B.Arn"}, "*"]]}],
             {"Fn::Sub": ["arn:aws:s3:::${Name}*", {"Name": {"Ref": "B"}}]})
        )  # fmt: skip

    def guard(self) -> Any:
        statement = {
            **GUARD,
            "Resource": self.resource(),
            "Condition": {"NotIpAddress": {"aws:SourceIp": self.address()}},
        }
        if self.random.random() < 0.15:
            value = {"Fn::Sub": "${!aws:ResourceAccount}"}
            statement["Condition"] = {"StringEquals": {"aws:ResourceAccount": value}}
        if self.random.random() < 0.1:
            statement["Principal"] = {"AWS": {"Ref": "AWS::AccountId"}}
        if self.draw(0.08):
            statement["Principal"] = {
                "AWS": self.parameter((ACCOUNT, "*", "999988887777"), ACCOUNT)
            }
        if self.draw(0.06):
            statement["Effect"] = self.parameter(("Deny", "Allow"), "Deny")
        return self.opened(statement)

    def opened(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Return a statement of which a leaf is open, alone or beside one that is known."""
        if not self.draw(0.15):
            return statement
        name = self.random.choice(("Principal", "Action", "Resource", "NotAction", "Condition"))
        self.open.append(f"leaf of {name}")
        leaf = {"Fn::ImportValue": IMPORTS.get(name, "arn")}
        if name == "Principal":
            leaf = {"Fn::GetAtt": ["Role", "Arn"]}
            made: Any = {"AWS": self.random.choice((leaf, [leaf, "*"], [leaf, ACCOUNT]))}
        elif name == "Condition":
            address = self.parameter((OFFICE, *INSIDE, *OUTSIDE), OFFICE)
            operator = self.random.choice(("NotIpAddress", "IpAddress"))
            made = {operator: {"aws:SourceIp": self.random.choice((address, [OFFICE, address]))}}
        else:
            known = "s3:GetObject" if "Action" in name else ARNS[1]
            made = self.random.choice((leaf, [leaf], [known, leaf], [leaf, "*"]))
        rest = {each: part for each, part in statement.items() if each != name.removeprefix("Not")}
        return {**rest, name: made}

    def of_service(self) -> dict[str, Any]:
        """Return an Allow for CloudFront, whose distribution has no id yet."""
        self.open.append("id of a distribution")
        source = {"Fn::Join": ["", ["arn:aws:cloudfront::", {"Ref": "Distribution"}]]}
        return {
            **OPEN,
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Condition": {"StringEquals": {"AWS:SourceArn": source}},
        }

    def statement(self) -> Any:
        choice = self.random.random()
        if self.draw(0.1):
            return self.of_service()
        if self.draw(0.2):
            other = self.random.choice((self.guard(), OPEN, {"Ref": "AWS::NoValue"}))
            return {"Fn::If": [self.condition(), *self.random.sample([self.guard(), other], 2)]}
        if self.draw(0.04):
            self.open.append("macro")
            return {"Fn::Transform": {"Name": "Harden"}}
        if choice < 0.1:
            return {"Fn::If": [self.random.choice(("Always", "Never")), self.guard(), OPEN]}
        return (
            self.guard()
            if choice < 0.6
            else self.opened(
                {**OPEN, "Principal": self.random.choice(("*", {"AWS": "999988887777"}))}
            )
        )

    def document(self) -> Any:
        made: dict[str, Any] = {
            "Statement": [self.statement() for _ in range(self.random.choice((1, 2, 3, 3)))]
        }
        version: Any = self.random.choice(
            ("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", None)
        )
        if self.draw(0.08):
            version = self.parameter(("2012-10-17", "2008-10-17"), "2012-10-17")
        return {"Version": version, **made} if version else made

    def policy(self) -> dict[str, Any]:
        bucket: Any = self.random.choice((BUCKET, {"Ref": "B"}, {"Fn::Sub": "${B}"}))
        if self.draw(0.06):
            self.open.append("import")
            bucket = {"Fn::ImportValue": "name"}
        made: dict[str, Any] = {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": bucket, "PolicyDocument": self.document()},
        }
        if self.is_open and self.random.random() < 0.2:
            made["Condition"] = self.condition()
        elif self.random.random() < 0.1:
            made["Condition"] = "Always"
        return made

    def file(self) -> File:
        resources: dict[str, Any] = {
            "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
            "P": self.policy(),
        }
        if self.draw(0.2):
            self.open.append("two policies")
            resources["Q"] = self.policy()
        self.random.choice(
            (lambda: None, lambda: self.top.update(Transform="AWS::Serverless-2016-10-31"))
        )()
        if self.draw(0.03):
            self.open.append("transform")
            self.top["Transform"] = ["AWS::Serverless-2016-10-31", "Harden"]
            self.macro = True
        if self.draw(0.02):
            self.open.append("loop")
            resources["Fn::ForEach::X"] = ["N", ["a"], {"P${N}": self.policy()}]
            self.macro = True
        if self.draw(0.06):
            self.open.append("code")
            kind = self.random.choice(CODE_OF_TEMPLATES)
            resources["X"] = {"Type": kind, "Properties": {"A": {"Fn::ImportValue": "name"}}}
            self.macro = True
        data = {**self.top, "Parameters": self.parameters, "Conditions": self.conditions, "Mappings": self.mappings,
                "Resources": resources}  # fmt: skip
        return File(json.dumps(data), False, lambda random: self.deploy(data, random), self.open)

    def deploy(self, data: dict[str, Any], random: Random) -> Any:
        """Return the policy of the bucket after one deployment."""
        values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": random.choice(("here", "there")),
            "B": BUCKET,
            "Distribution": "distribution/E1",
        }
        for name, made in self.parameters.items():
            values[name] = random.choice(self.values[name])
            if made["Type"] == "CommaDelimitedList":
                values[name] = [values[name]]
        stack = Stack(data, values, random)
        if self.macro and random.random() < 0.5:
            return random.choice(ELSEWHERE)
        resources = {name: each for name, each in data["Resources"].items() if name in ("P", "Q")}
        policies = [
            stack.resolve(each["Properties"])
            for each in resources.values()
            if "Condition" not in each or stack.holds(each["Condition"])
        ]
        mine = [each["PolicyDocument"] for each in policies if each["Bucket"] == BUCKET]
        return random.choice(mine or [*ELSEWHERE])


ABSENT = object()


class Stack:
    """A template with all values given: *Intrinsic function reference*."""

    def __init__(self, data: dict[str, Any], values: dict[str, Any], random: Random) -> None:
        self.data, self.values, self.random = data, values, random

    def holds(self, name: str) -> bool:
        return self.test(self.data["Conditions"][name])

    def test(self, rule: dict[str, Any]) -> bool:
        ((kind, argument),) = rule.items()
        if kind == "Condition":
            return self.holds(argument)
        if kind == "Fn::Equals":
            left, right = (self.resolve(each) for each in argument)
            return [left] == [right] or left == [right]
        results = [self.test(each) for each in argument]
        return {"Fn::Not": not results[0], "Fn::And": all(results), "Fn::Or": any(results)}[kind]

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return ABSENT if argument == "AWS::NoValue" else self.values[argument]
            if name.startswith("Fn::"):
                return getattr(self, name[4:].lower())(argument)
        return {
            name: each
            for name, each in ((n, self.resolve(e)) for n, e in value.items())
            if each is not ABSENT
        }

    def getatt(self, argument: Any) -> Any:
        name = argument if isinstance(argument, str) else ".".join(argument)
        if name == "Role.Arn":
            return self.random.choice(ROLES)
        assert name == "B.Arn"
        return f"arn:aws:s3:::{BUCKET}"

    def sub(self, argument: Any) -> str:
        text, more = argument if isinstance(argument, list) else (argument, {})
        for name, each in more.items():
            text = text.replace("${" + name + "}", self.resolve(each))
        for name in re.findall(r"\$\{([^!}]+)\}", text):
            text = text.replace(
                "${" + name + "}", self.getatt(name) if "." in name else self.values[name]
            )
        return text.replace("${!", "${")

    def join(self, argument: Any) -> str:
        return argument[0].join(self.resolve(argument[1]))

    def select(self, argument: Any) -> Any:
        return self.resolve(argument[1])[argument[0]]

    def split(self, argument: Any) -> list[str]:
        return argument[1].split(argument[0])

    def findinmap(self, argument: Any) -> Any:
        name, first, second = (self.resolve(each) for each in argument)
        return self.data["Mappings"][name][first][second]

    def importvalue(self, argument: str) -> Any:
        return self.random.choice(
            {"name": (BUCKET, "gt-other"), "action": ("s3:GetObject", "s3:PutObject", "s3:*")}.get(
                argument, (ARNS[1], "*", f"{ARNS[0]}/x/*")
            )
        )

    def transform(self, argument: Any) -> Any:
        return self.random.choice((GUARD, OPEN))

    def __getattr__(self, name: str) -> Any:
        return {"if": lambda argument: self.resolve(argument[1 if self.holds(argument[0]) else 2])}[
            name
        ]


@dataclass
class Later:
    """A value that is known after apply, with the values that it may get."""

    values: tuple[Any, ...]


class Referring(list[Any]):
    """A list of which the elements refer to these addresses."""

    references: tuple[str, ...] = ()


class Plan:
    """A plan of Terraform, drawn with a share of open parts."""

    def __init__(self, random: Random, is_open: bool) -> None:
        self.random, self.is_open = random, is_open
        self.open: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.config: list[dict[str, Any]] = []
        self.members: dict[str, Any] = {}
        self.outcomes: list[Callable[[Random], Any]] = []
        self.others: list[Callable[[Random], Any]] = []
        self.unchanged = True
        self.names = 0

    def draw(self, share: float) -> bool:
        return self.is_open and self.random.random() < share

    def later(self, share: float, value: Any, *values: Any) -> Any:
        if not self.draw(share):
            return value
        self.open.append("value")
        return Later((value, *values))

    def block(self) -> dict[str, Any]:
        """Return a statement block of a policy document."""
        everybody = [{"type": "*", "identifiers": ["*"]}]
        if self.random.random() < 0.3:
            return {"sid": self.random.choice((None, "G", "O")), "effect": self.random.choice((None, "Allow")),
                    "actions": ["s3:*"], "resources": [*ARNS], "principals": everybody}  # fmt: skip
        values = self.random.choice(([OFFICE], [*INSIDE], [OFFICE], [OUTSIDE[0]]))
        condition: list[Any] = [
            {"test": "NotIpAddress", "variable": "aws:SourceIp", "values": values}
        ]
        if self.random.random() < 0.3:
            condition.append({**condition[0], "values": [self.random.choice((*INSIDE, *OUTSIDE))]})
        if self.random.random() < 0.15:
            condition = [
                {
                    "test": "StringEquals",
                    "variable": "aws:ResourceAccount",
                    "values": ["&{aws:ResourceAccount}"],
                }
            ]
        elif self.draw(0.2):
            self.open.append("condition value")
            condition[0]["values"] = [Later(((OFFICE), INSIDE[0], OUTSIDE[0]))]
        account = [{"type": "AWS", "identifiers": [ACCOUNT]}]
        other = [{"type": "AWS", "identifiers": ["999988887777"]}]
        return {
            "sid": self.later(0.05, self.random.choice((None, "G", "H")), "G", "O"),
            "effect": self.later(0.05, "Deny", "Allow"),
            "actions": ["s3:*"],
            "resources": self.later(
                0.08, self.random.choice((["*"], [*ARNS])), ["arn:aws:s3:::x/*"]
            ),
            "principals": self.later(
                0.08, self.random.choice((everybody, everybody, account)), other
            ),
            "condition": self.later(0.05, condition, []),
        }

    def opened(self, block: dict[str, Any]) -> dict[str, Any]:
        """Return a block of which a leaf is known later, alone or beside one that is known."""
        if self.draw(0.2):
            return {**block, "resources": self.located()}
        if self.draw(0.1):
            self.open.append("id of a distribution")
            source = [
                {"test": "StringEquals", "variable": "AWS:SourceArn", "values": [Later(ROLES)]}
            ]
            service = [{"type": "Service", "identifiers": ["cloudfront.amazonaws.com"]}]
            return {**block, "effect": "Allow", "principals": service, "condition": source}
        if not self.draw(0.15):
            return block
        name = self.random.choice(("actions", "not_actions", "resources", "principals"))
        self.open.append(f"leaf of {name}")
        values = {"resources": (ARNS[1], "*"), "principals": (*ROLES, "*")}
        leaf = Later(values.get(name, ("s3:GetObject", "s3:*")))
        known = {"resources": "*", "principals": "*"}.get(name, "s3:GetObject")
        made: list[Any] = self.random.choice(([leaf], [leaf, known]))
        if name == "principals":
            made = [{"type": "AWS", "identifiers": made}]
        if name == "not_actions":
            block = {each: part for each, part in block.items() if each != "actions"}
        return {**block, name: made}

    def located(self) -> Referring:
        """Return the resources of a statement by references to the bucket."""
        self.open.append("resources by reference")
        number = self.random.choice((1, 2, 2))
        made = Referring([Later(ARNS)] if number == 1 else map(Later, ([ARNS[0]], [ARNS[1]])))
        names = ("aws_s3_bucket.b.arn", "aws_s3_bucket.b")
        made.references = names * number
        if self.random.random() < 0.2:
            made.references += ("var.prefix",)
            made[-1] = Later((ARNS[1], f"{ARNS[0]}/x/*"))
        elif self.random.random() < 0.2:
            self.unchanged = False
            made[-1] = Later((ARNS[1], f"{ARNS[0]}/x/*"))
        return made

    def text(self) -> Any:
        """Return a known document."""
        made = render(
            {"statement": [self.block_known() for _ in range(self.random.choice((1, 2)))]},
            self.random,
        )
        version = self.random.choice(("2012-10-17", "2012-10-17", "2008-10-17", None))
        return ({"Version": version} if version else {}) | {"Statement": made["Statement"]}

    def block_known(self) -> dict[str, Any]:
        was, self.is_open = self.is_open, False
        made = self.block()
        self.is_open = was
        return made

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "statement": [self.opened(self.block()) for _ in range(self.random.choice((1, 2, 2)))],
            "version": self.later(
                0.05, self.random.choice((None, None, "2012-10-17")), "2008-10-17"
            ),
        }
        for name in ("source_policy_documents", "override_policy_documents"):
            if self.random.random() < 0.25:
                text = json.dumps(
                    {
                        **self.text(),
                        "Statement": [
                            {**OPEN, "Sid": "G"},
                            *self.random.sample([GUARD], self.random.choice((0, 1))),
                        ],
                    }
                )
                other = json.dumps({"Version": "2012-10-17", "Statement": [{**OPEN, "Sid": "H"}]})
                made[name] = [self.later(0.4, text, other)]
        return made

    def data(self, address: str, document: dict[str, Any], more: dict[str, Any]) -> None:
        after, unknown = planned(document)
        resources = [each.get("resources") for each in document["statement"]]
        blocks = [
            {"resources": {"references": getattr(each, "references", ())}} for each in resources
        ]
        named = re.sub(r"\[.*", "", address)
        self.config.append(
            {
                "address": named,
                "type": "aws_iam_policy_document",
                "mode": "data",
                "expressions": {"statement": blocks},
            }
        )
        change = {
            "actions": ["read"],
            "before": None,
            "after": after or {},
            "after_unknown": {"json": True, **(unknown or {})},
        }
        self.rows.append(
            {
                "address": address,
                "mode": "data",
                "type": "aws_iam_policy_document",
                "change": change,
                **more,
            }
        )

    def policy(self, name: str) -> None:
        after: dict[str, Any] = {"bucket": BUCKET}
        unknown: dict[str, Any] = {}
        references: dict[str, list[str]] = {}
        bucket: Any = BUCKET
        more: dict[str, Any] = {}
        if self.draw(0.15):
            self.open.append("bucket by reference")
            after, unknown = {}, {"bucket": True}
            references["bucket"] = ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]
            if self.random.random() < 0.3:
                references["bucket"].append("var.suffix")
                self.unchanged = False
                bucket = Later((BUCKET, "gt-other"))
        if self.random.random() < 0.4:
            text = self.text()
            after["policy"] = json.dumps(text)
            value: Callable[[Random], Any] = partial(_always, text)
        else:
            self.open.append("document")
            value, references["policy"], more = self.deferred(name)
            unknown["policy"] = True
        address = f"aws_s3_bucket_policy.{name}"
        row = {
            "address": address + more.pop("suffix", ""),
            "mode": "managed",
            "type": "aws_s3_bucket_policy",
            **more,
        }
        actions = self.random.choice(
            (
                ["create"],
                ["delete", "create"],
                *([["update"], ["no-op"]] if bucket == BUCKET and "bucket" in after else []),
            )
        )
        before = None if actions == ["create"] else {"bucket": BUCKET, "policy": "{}"}
        self.rows.append(
            {
                **row,
                "change": {
                    "actions": actions,
                    "before": before,
                    "after": after,
                    "after_unknown": unknown,
                },
            }
        )
        expressions = {each: {"references": listed} for each, listed in references.items()}
        self.config.append({"address": address, "mode": "managed", "expressions": expressions})
        moved = ELSEWHERE[2] if "delete" in actions else None
        self.outcomes.append(
            lambda random: value(random) if given(bucket, random) == BUCKET else moved
        )

    def deferred(self, name: str) -> tuple[Callable[[Random], Any], list[str], dict[str, Any]]:
        """Return a document that is read later: what it becomes, references,
        and members of the row.
        """
        first, second = (
            f"data.aws_iam_policy_document.{name}",
            f"data.aws_iam_policy_document.{name}x",
        )
        document, other = self.document(), self.document()
        kinds = ("same", "same", "each", "each") + (
            ("function", "choice", "two") if self.is_open else ()
        )
        kind = self.random.choice(kinds)
        if kind == "each":
            key, wrong = self.random.sample(["a", "z"], 2)
            self.data(f'{first}["{key}"]', document, {"index": key})
            self.data(f'{first}["{wrong}"]', other, {"index": wrong})
            return (
                (lambda random: render(document, random)),
                [first, "each.key"],
                {"suffix": f'["{key}"]', "index": key},
            )
        self.data(first, document, {})
        references = [f"{first}.json", first]
        if kind == "same":
            return (lambda random: render(document, random)), references, {}
        self.unchanged = False
        if kind == "function":
            swap = {"Deny": "Allow", "Allow": "Deny"}

            def changed(random: Random) -> Any:
                made = render(document, random)
                return {
                    **made,
                    "Statement": [
                        {**each, "Effect": swap[each["Effect"]]} for each in made["Statement"]
                    ],
                }

            return (
                (lambda random: random.choice((changed, lambda r: render(document, r)))(random)),
                references,
                {},
            )
        self.data(second, other, {})
        references += [f"{second}.json", second, *(["var.lock"] if kind == "choice" else [])]
        return (lambda random: render(random.choice((document, other)), random)), references, {}

    def file(self) -> File:
        bucket = {"bucket": BUCKET}
        change = {
            "actions": ["create"],
            "before": None,
            "after": bucket,
            "after_unknown": {"id": True},
        }
        self.rows.append(
            {
                "address": "aws_s3_bucket.b",
                "mode": "managed",
                "type": "aws_s3_bucket",
                "change": change,
            }
        )
        self.policy("p")
        if self.draw(0.15):
            self.open.append("two policies")
            self.policy("q")
        if self.draw(0.1):
            self.open.append("deleted")
            gone = {
                "actions": ["delete"],
                "before": {"bucket": BUCKET},
                "after": None,
                "after_unknown": {},
            }
            self.rows.append(
                {
                    "address": "aws_s3_bucket_policy.o",
                    "mode": "managed",
                    "type": "aws_s3_bucket_policy",
                    "change": gone,
                }
            )
            self.outcomes.append(lambda _: ELSEWHERE[2])
        if self.draw(0.03):
            self.open.append("not complete")
            self.members = self.random.choice(({"errored": True}, {"complete": False}))
            self.others.append(lambda random: random.choice(ELSEWHERE))
        if self.draw(0.06):
            self.open.append("code")
            kind, runs = self.random.choice(CODE_OF_PLANS)
            change = {
                "actions": ["read" if kind == "external" else "create"],
                "before": None,
                "after": self.random.choice(({"triggers": bucket}, {"input": "x"})),
                "after_unknown": {"template_body": True},
            }
            mode = "data" if kind == "external" else "managed"
            row = {"address": f"{kind}.n", "mode": mode, "type": kind}
            self.rows.append({**row, "change": change})
            command = self.random.choice(({"references": ["var.b"]}, {"constant_value": "./x"}))
            runner = {"type": "local-exec", "expressions": {"command": command}}
            self.config.append({**row, **({"provisioners": [runner]} if runs else {})})
            self.others.append(lambda random: random.choice(ELSEWHERE))
        self.random.shuffle(self.rows)
        root = {"root_module": {"resources": self.config}}
        data = {
            "format_version": "1.2",
            **self.members,
            "resource_changes": self.rows,
            "configuration": root,
        }
        return File(json.dumps(data), True, self.deploy, self.open, self.unchanged)

    def deploy(self, random: Random) -> Any:
        """Return the policy of the bucket after one apply."""
        policies = [
            each for each in (outcome(random) for outcome in self.outcomes) if each is not None
        ]
        policies += [each(random) for each in self.others]
        return random.choice(policies or [*ELSEWHERE])


def _always(value: Any, _: Random) -> Any:
    return value


def given(value: Any, random: Random) -> Any:
    """Return a value after apply."""
    if isinstance(value, Later):
        return given(random.choice(value.values), random)
    if isinstance(value, dict):
        return {name: given(each, random) for name, each in value.items()}
    return [given(each, random) for each in value] if isinstance(value, list) else value


def planned(value: Any) -> tuple[Any, Any]:
    """Return a value as the plan writes it: what is known,
    and what is not (*JSON Output Format*).
    """
    if isinstance(value, Later):
        return None, True
    if isinstance(value, dict):
        pairs = {name: planned(each) for name, each in value.items()}
        unknown = {name: each[1] for name, each in pairs.items() if each[1]}
        return {name: each[0] for name, each in pairs.items() if each[1] is not True}, unknown
    if isinstance(value, list):
        pairs = [planned(each) for each in value]
        unknown = [each[1] or False for each in pairs]
        return [each[0] for each in pairs], unknown if any(unknown) else None
    return value, None


def render(document: dict[str, Any], random: Random) -> Any:
    """Return the JSON that aws_iam_policy_document exports, by its documentation."""
    document = given(document, random)
    statements: list[dict[str, Any]] = []
    versions = [document.get("version") or "2012-10-17"]

    def add(more: list[dict[str, Any]]) -> None:
        for each in more:
            same = [
                i
                for i, other in enumerate(statements)
                if each.get("Sid") and other.get("Sid") == each["Sid"]
            ]
            if same:
                statements[same[0]] = each
            else:
                statements.append(each)

    for text in document.get("source_policy_documents") or []:
        add(json.loads(text)["Statement"])
        versions.append(json.loads(text).get("Version", ""))
    add([exported(each) for each in document["statement"]])
    for text in document.get("override_policy_documents") or []:
        add(json.loads(text)["Statement"])
        versions.append(json.loads(text).get("Version", ""))
    return {"Version": max(versions), "Statement": statements}


def exported(block: dict[str, Any]) -> dict[str, Any]:
    """Return one block as a statement."""
    made: dict[str, Any] = {"Effect": block["effect"] or "Allow"}
    if block["sid"]:
        made["Sid"] = block["sid"]
    made["Resource"] = block["resources"]
    made |= {
        element: block[name]
        for name, element in (("actions", "Action"), ("not_actions", "NotAction"))
        if name in block
    }
    principal: dict[str, list[str]] = {}
    for each in block["principals"]:
        principal[each["type"]] = [*principal.get(each["type"], []), *each["identifiers"]]
    made["Principal"] = "*" if principal == {"*": ["*"]} else principal
    condition: dict[str, dict[str, list[str]]] = {}
    for each in block.get("condition") or []:
        values = condition.setdefault(each["test"], {}).setdefault(each["variable"], [])
        values += [text.replace("&{", "${") for text in each["values"]]
    return {**made, "Condition": condition} if condition else made


def draw_file(seed: int) -> File:
    """Return a file; of every two one has nothing open."""
    random = Random(seed)
    return (Template if seed % 4 < 2 else Plan)(random, is_open=seed % 2 == 1).file()
