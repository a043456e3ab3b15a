"""Plans and templates as CDK, SAM, and modules of Terraform write them, with what each becomes.

Each case is drawn with the values that it leaves open. Its deployment gives these values by code of
its own, and :func:`opens` evaluates the policy that results by rules of its own: nothing here is
shared with the package, neither the readers nor the evaluator.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

BUCKET, ACCOUNT, OTHER, OFFICE = "gt-images", "111122223333", "999988887777", "203.0.113.0/24"
ARN = f"arn:aws:s3:::{BUCKET}"
SIGNERS = (f"arn:aws:iam::{ACCOUNT}:role/app", f"arn:aws:iam::{OTHER}:role/app", "")
SOURCES = ("198.51.100.9", "203.0.112.7", "10.0.0.1")
REQUESTS = (
    ("s3:GetObject", f"{ARN}/a/b.png"),
    ("s3:GetObject", f"{ARN}/public/b.png"),
    ("s3:PutObject", f"{ARN}/a/b.png"),
    ("s3:DeleteObject", f"{ARN}/a/b.png"),
    ("s3:ListBucket", ARN),
    ("s3:PutBucketPolicy", ARN),
)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(value: str, patterns: Any) -> bool:
    return any(fnmatch.fnmatchcase(value, each.replace("[", "[[]")) for each in listed(patterns))


def _is_principal(value: Any, signer: str) -> bool:
    """Return whether an element names a signer; empty for nobody known."""
    names = ["*"] if value == "*" else listed(value.get("AWS", []))
    account = signer.split(":")[4] if signer else "-"
    return any(each in ("*", signer, account, f"arn:aws:iam::{account}:root") for each in names)


def _holds(operator: str, key: str, values: Any, request: dict[str, str]) -> bool:
    """Return whether one condition holds: *IAM JSON policy elements, Condition operators*."""
    name, optional = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    found = request.get(key.lower())
    if name == "Null":
        return (found is None) is (listed(values)[0] in (True, "true"))
    is_negated = "Not" in name
    if found is None:
        return optional or is_negated
    if "IpAddress" in name:
        networks = [ipaddress.ip_network(each, strict=False) for each in listed(values)]
        matches = any(ipaddress.ip_address(found) in each for each in networks)
    elif name == "Bool":
        matches = found in [str(each).lower() for each in listed(values)]
    else:
        exact = name.replace("Not", "") == "StringEquals"
        matches = found in listed(values) if exact else _like(found, values)
    return matches is not is_negated


def _applies(
    statement: dict[str, Any], action: str, resource: str, request: dict[str, str]
) -> bool:
    signer = request["aws:principalarn"]
    parts = (
        ("Principal", lambda value: _is_principal(value, signer)),
        ("Action", lambda value: _like(action.lower(), [each.lower() for each in listed(value)])),
        ("Resource", lambda value: _like(resource, value)),
    )
    for name, fits in parts:
        if name in statement and not fits(statement[name]):
            return False
        if f"Not{name}" in statement and fits(statement[f"Not{name}"]):
            return False
    return all(
        _holds(operator, key, values, request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def opens(policy: dict[str, Any] | None) -> bool:
    """Return whether a presigned request or a form from outside the office is opened."""
    statements = listed((policy or {}).get("Statement", []))
    for signer in SIGNERS:
        for kind in ("REST-QUERY-STRING", "POST"):
            for source in SOURCES:
                for secure in ("true", "false"):
                    request = {
                        "aws:sourceip": source,
                        "aws:securetransport": secure,
                        "s3:authtype": kind,
                        "aws:principalarn": signer,
                        "aws:principalisawsservice": "false",
                        "aws:viaawsservice": "false",
                    }
                    for action, resource in REQUESTS:
                        if (kind == "POST" and action != "s3:PutObject") or (
                            not signer and kind != "POST"
                        ):
                            continue
                        effects = {
                            each["Effect"]
                            for each in statements
                            if _applies(each, action, resource, request)
                        }
                        if signer == SIGNERS[0]:
                            effects.add("Allow")
                        if effects == {"Allow"}:
                            return True
    return False


@dataclass
class Case:
    """A file and its deployments.

    ``named`` is whether the name of the bucket is in it, ``parameters`` what a pipeline gives, and
    ``deploy`` draws the policy that the bucket then has.
    """

    family: str
    text: str
    deploy: Callable[[Random], dict[str, Any] | None]
    named: bool = True
    parameters: dict[str, str] = field(default_factory=dict)
    unchanged: bool = True


@dataclass
class Open:
    """A value that is written in one way, and is one of these after the deployment."""

    written: Any
    values: tuple[Any, ...]


def written(value: Any) -> Any:
    """Return a value as the file has it."""
    if isinstance(value, Open):
        return value.written
    if isinstance(value, dict):
        return {name: written(each) for name, each in value.items()}
    return [written(each) for each in value] if isinstance(value, list) else value


def drawn(value: Any, random: Random) -> Any:
    """Return a value after one deployment; None in a list is left out."""
    if isinstance(value, Open):
        return drawn(random.choice(value.values), random)
    if isinstance(value, dict):
        return {name: drawn(each, random) for name, each in value.items()}
    if isinstance(value, list):
        return [each for each in (drawn(one, random) for one in value) if each is not None]
    return value


ELSEWHERE: tuple[dict[str, Any], ...] = (
    {"Statement": []},
    {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}]},
)  # fmt: skip
"""Policies that other code may set."""


class Stack:
    """A template as CDK and SAM write it."""

    def __init__(self, seed: int, *, is_hidden: bool = False) -> None:
        self.random, self.is_hidden = Random(seed), is_hidden
        self.data: dict[str, Any] = {"Parameters": {}, "Conditions": {}, "Mappings": {}}
        self.parameters: dict[str, str] = {}
        self.other: list[dict[str, Any] | None] = []

    def arns(self) -> list[Any]:
        get = {"Fn::GetAtt": ["Images0A1B2C3D", "Arn"]}
        joined = self.random.choice(
            ({"Fn::Join": ["", [get, "/*"]]}, {"Fn::Sub": "${Images0A1B2C3D.Arn}/*"},
             {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Images0A1B2C3D}/*"})
        )  # fmt: skip
        return [Open(get, (ARN,)), Open(joined, (f"{ARN}/*",))]

    def office(self) -> Any:
        """Return the addresses of a guard, as a stack may have them."""
        kind = self.random.choice(
            ("text", "text", "text", "text", "text", "list", "allowed", "given", "mapping", "if", "ssm", "import")
        )  # fmt: skip
        wide = "0.0.0.0/0"
        if kind == "list":
            return ["203.0.113.0/25", "203.0.113.128/25"]
        if kind in ("allowed", "given", "ssm"):
            parameter: dict[str, Any] = {"Type": "String"}
            values: tuple[str, ...] = (OFFICE, "203.0.113.7/32")
            if kind == "allowed":
                values = self.random.choice((values, (OFFICE, wide)))
                parameter["AllowedValues"] = [*values]
            elif kind == "given":
                parameter["Default"] = wide
                self.parameters["Cidr"] = OFFICE
                values = (OFFICE,)
            else:
                parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/office"}
                values = (OFFICE, wide)
            self.data["Parameters"]["Cidr"] = parameter
            return Open({"Ref": "Cidr"}, values)
        if kind == "mapping":
            self.data["Mappings"]["Offices"] = {"all": {"cidr": OFFICE}}
            return Open({"Fn::FindInMap": ["Offices", "all", "cidr"]}, (OFFICE,))
        if kind == "if":
            self.data["Parameters"]["Stage"] = {"Type": "String"}
            self.data["Conditions"]["IsProd"] = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
            other = self.random.choice((wide, "203.0.113.7/32"))
            return Open({"Fn::If": ["IsProd", OFFICE, other]}, (OFFICE, other))
        if kind == "import":
            return Open({"Fn::ImportValue": "office"}, (OFFICE, wide))
        return self.random.choice((OFFICE, OFFICE, OFFICE, wide))

    def statements(self) -> list[Any]:
        pool = [
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": self.arns(),
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject",
             "Resource": self.arns()[1], "Condition": {"StringEquals": {"AWS:SourceArn": Open(
                 {"Fn::Join": ["", ["arn:aws:cloudfront::", {"Ref": "AWS::AccountId"}, ":distribution/", {"Ref": "Web"}]]},
                 (f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1",))}}},
            {"Effect": "Allow", "Principal": {"AWS": Open({"Fn::GetAtt": ["Role0A1B", "Arn"]}, SIGNERS[:2])},
             "Action": ["s3:PutBucketPolicy", "s3:GetBucket*", "s3:List*", "s3:DeleteObject*"], "Resource": self.arns()},
            {"Effect": "Allow", "Principal": {"AWS": Open({"Fn::Join": ["", [
                "arn:", {"Ref": "AWS::Partition"}, f":iam::{OTHER}:root"]]}, (f"arn:aws:iam::{OTHER}:root",))},
             "Action": ["s3:GetObject*", "s3:ListBucket"], "Resource": self.arns()},
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": self.arns()[1],
             "Condition": {"StringEquals": {"aws:PrincipalOrgID": Open({"Ref": "Org"}, ("o-1", "o-2"))}}},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": Open(
                {"Fn::Sub": "arn:aws:s3:::${Images0A1B2C3D}/public/*"}, (f"{ARN}/public/*",))},
        ]  # fmt: skip
        self.data["Parameters"]["Org"] = {"Type": "String"}
        guard = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": self.arns(),
        }
        address = {"aws:SourceIp": self.office()}
        spared = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
        guard["Condition"] = {"NotIpAddress": address, **self.random.choice(({}, spared))}
        guards = [guard] if self.random.random() < 0.75 else []
        return [*self.random.sample(pool, self.random.choice((1, 2, 3))), *guards]

    def name(self, properties: dict[str, Any]) -> bool:
        """Set the name of the bucket; return whether the file has it."""
        kind = self.random.random()
        if kind < 0.8:
            properties["BucketName"] = BUCKET
        elif kind < 0.9:
            self.data["Parameters"]["Name"] = {"Type": "String", "Default": BUCKET}
            properties["BucketName"] = {"Ref": "Name"}
        return kind < 0.8

    def more(self, family: str) -> dict[str, Any]:
        """Return resources beside the bucket; the code among them may set any policy."""
        resources: dict[str, Any] = {
            "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:x"}},
            "Role0A1B": {"Type": "AWS::IAM::Role", "Properties": {}},
            "Fn": {"Type": "AWS::Lambda::Function", "Properties": {
                "Environment": {"Variables": {"BUCKET": {"Ref": "Images0A1B2C3D"}}}}},
            "AutoDelete": {"Type": "Custom::S3AutoDeleteObjects", "Properties": {
                "ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]}, "BucketName": {"Ref": "Images0A1B2C3D"}}},
            "Web": {"Type": "AWS::CloudFront::Distribution", "Properties": {}},
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        }  # fmt: skip
        if family == "sam":
            resources = {
                "Fn": {"Type": "AWS::Serverless::Function", "Properties": {
                    "Policies": [{"S3ReadPolicy": {"BucketName": BUCKET}}],
                    "Events": {"New": {"Type": "S3", "Properties": {"Bucket": {"Ref": "Images0A1B2C3D"}}}}}},
                "Table": {"Type": "AWS::Serverless::SimpleTable"},
                "Web": {"Type": "AWS::CloudFront::Distribution", "Properties": {}},
                "Role0A1B": {"Type": "AWS::IAM::Role", "Properties": {}},
            }  # fmt: skip
        if self.random.random() < 0.07:
            kind = self.random.choice(("Custom::Lock", "AWS::CloudFormation::Stack", "Custom::AWS"))
            name = self.random.choice(({"Ref": "Images0A1B2C3D"}, {"Ref": "Org"}, "./code"))
            resources["Code"] = {"Type": kind, "Properties": {"Name": name}}
            if kind == "Custom::AWS" and not self.is_hidden:
                resources["Code"]["Properties"] = self.call()
            else:
                self.other += [*ELSEWHERE]
        return resources

    def call(self) -> dict[str, Any]:
        """Return a call of an API, as CDK's AwsCustomResource writes it."""
        service, action, is_text = self.random.choice(
            (("SSM", "getParameter", True), ("Route53", "listHostedZones", True),
             ("SSM", "getParameter", False), ("S3", "putBucketPolicy", True))
        )  # fmt: skip
        text = json.dumps({"service": service, "action": action, "parameters": {"Name": "/office"}})
        if not is_text or service == "S3":
            self.other += [*ELSEWHERE]
        return {
            "ServiceToken": {"Fn::GetAtt": ["AWS679f53fac002430cb0da5b7982bd22872D164C4C", "Arn"]},
            "Create": text if is_text else {"Fn::Join": ["", [text[:-2], {"Ref": "Org"}, '"}}']]},
            "InstallLatestAwsSdk": False,
        }

    def case(self, family: str) -> Case:
        properties: dict[str, Any] = {}
        named = self.name(properties)
        document = {"Statement": self.statements(), "Version": "2012-10-17"}
        if family == "sam":
            self.data["Transform"] = "AWS::Serverless-2016-10-31"
        else:
            self.data["Parameters"]["BootstrapVersion"] = {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {
            "Bucket": {"Ref": "Images0A1B2C3D"}, "PolicyDocument": written(document)}}  # fmt: skip
        self.data["Resources"] = {
            "Images0A1B2C3D": {"Type": "AWS::S3::Bucket", "Properties": properties},
            "ImagesPolicy": policy,
            **self.more(family),
        }
        others = self.other
        return Case(
            family,
            json.dumps(self.data),
            lambda random: drawn(random.choice([document, *others]), random),
            named,
            self.parameters,
        )


def change(address: str, after: Any, unknown: Any, **more: Any) -> dict[str, Any]:
    """Return a planned resource, as ``terraform show -json`` prints it."""
    *_, kind, _ = address.split(".")
    mode = (
        "data"
        if f".{address}".endswith(".".join(("", "data", *address.split(".")[-2:])))
        else "managed"
    )
    actions = ["read"] if mode == "data" else ["create"]
    made = {"actions": actions, "before": None, "after": after, "after_unknown": unknown}
    module = address.split(".", 2)[:2] if address.startswith("module.") else []
    where = {"module_address": ".".join(module)} if module else {}
    return {"address": address, "mode": mode, "type": kind, "change": made, **where, **more}


def configured(address: str, **expressions: Any) -> dict[str, Any]:
    mode = "data" if address.startswith("data.") else "managed"
    return {
        "address": address,
        "mode": mode,
        "type": address.removeprefix("data.").split(".")[0],
        "expressions": expressions,
    }


def references(*names: str) -> dict[str, list[str]]:
    """Return an expression, with each address and then its shorter forms."""
    found: list[str] = []
    for each in names:
        found.append(each)
        resource = each.rpartition(".")[0]
        if resource.count("."):
            found.append(resource)
        if "[" in each:
            found.append(each.partition("[")[0])
    return {"references": found}


KINDS_OF_CODE = ("null_resource", "terraform_data", "aws_cloudformation_stack")
COMMANDS: tuple[dict[str, Any], ...] = (
    references("var.bucket"),
    references("local.name"),
    {"constant_value": "make lock"},
    {"constant_value": "sleep 30"},
    {"constant_value": "echo 'done' && date"},
    {"constant_value": "sleep 5; make lock"},
)


class Module:
    """A plan of a bucket and its policy: in the root, or by the module ``s3-bucket``."""

    def __init__(self, seed: int, *, is_hidden: bool = False) -> None:
        self.random, self.is_hidden = Random(seed), is_hidden
        self.in_module = self.random.random() < 0.5
        self.blocks: list[dict[str, Any]] = []
        self.known: list[Any] = []
        self.statements: list[dict[str, Any]] = []

    def add(
        self, effect: str, actions: list[str], resources: str, principals: Any, condition: Any
    ) -> None:
        """Add a statement: as the plan has it, as the configuration, and as it becomes."""
        arn = "module.s3_bucket.s3_bucket_arn" if self.in_module else "aws_s3_bucket.images.arn"
        number = 2 if resources == "both" else 1
        kinds = {"both": [ARN, f"{ARN}/*"], "objects": [f"{ARN}/*"]}
        tests = [
            {"test": test, "variable": key, "values": written(values)}
            for test, key, values in condition
        ]
        later = [
            {"values": [isinstance(each, Open) for each in values]} for _, _, values in condition
        ]
        self.blocks.append({
            "after": {"effect": effect, "actions": actions, "resources": [None] * number, "sid": None,
                      "principals": [{"type": kind, "identifiers": names} for kind, names in principals], "condition": tests},
            "unknown": {"resources": [True] * number, "condition": later, "actions": [False] * len(actions)},
            "config": {"resources": references(*[arn] * number)},
        })  # fmt: skip
        self.statements.append({
            "Effect": effect, "Action": actions, "Resource": kinds[resources],
            "Principal": "*" if principals == [("*", ["*"])] else dict(principals),
            **({"Condition": {test: {key: values} for test, key, values in condition}} if condition else {}),
        })  # fmt: skip

    def draw(self) -> None:
        everybody = [("*", ["*"])]
        office = self.random.choice(
            ([OFFICE],) * 9 + (["0.0.0.0/0"], [Open(None, (OFFICE, "0.0.0.0/0"))])
        )
        if self.random.random() < 0.8:
            self.add(
                "Deny", ["s3:*"], "both", everybody, [("NotIpAddress", "aws:SourceIp", office)]
            )
        pool = [
            ("Deny", ["s3:*"], "both", everybody, [("Bool", "aws:SecureTransport", ["false"])]),
            ("Allow", ["s3:GetObject"], "objects", [("Service", ["cloudfront.amazonaws.com"])],
             [("StringEquals", "AWS:SourceArn", [Open(None, (f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1",))])]),
            ("Allow", ["s3:GetObject"], "objects", everybody, []),
            ("Allow", ["s3:GetObject", "s3:PutObject"], "objects", [("AWS", [f"arn:aws:iam::{OTHER}:root"])], []),
        ]  # fmt: skip
        for each in self.random.sample(pool, self.random.choice((0, 1, 2))):
            self.add(*each)
        if not self.blocks:
            self.add(*pool[0])

    def hidden(self) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return a resource as planned and as configured, whose code the file does not show."""
        kind = self.random.choice(KINDS_OF_CODE)
        runner = {
            "type": "local-exec",
            "expressions": {"command": self.random.choice(COMMANDS[:3])},
        }
        row = change(f"{kind}.lock", {}, {"id": True, "template_body": True})
        return row, {**configured(f"{kind}.lock"), "provisioners": [runner]}, False

    def shown(self) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return such a resource, whose code the file may show, and whether it changes nothing."""
        kind, command = self.random.choice(KINDS_OF_CODE), self.random.choice(COMMANDS)
        body = self.random.choice((None, "SQS::Queue", "SNS::Topic", "S3::BucketPolicy"))
        if kind == "aws_cloudformation_stack":
            template = {"Resources": {"X": {"Type": f"AWS::{body}"}}}
            known = {} if body is None else {"template_body": json.dumps(template)}
            row = change(f"{kind}.lock", known, {"template_body": True} if body is None else {})
            return row, configured(f"{kind}.lock"), body in ("SQS::Queue", "SNS::Topic")
        runner = {"type": "local-exec", "expressions": {"command": command}}
        is_harmless = command.get("constant_value", "")[:4] in ("echo", "slee")
        is_harmless &= "make" not in str(command)
        row = change(f"{kind}.lock", {}, {"id": True})
        return row, {**configured(f"{kind}.lock"), "provisioners": [runner]}, is_harmless

    def case(self) -> Case:
        self.draw()
        after = {"statement": [each["after"] for each in self.blocks], "version": None}
        unknown = {"id": True, "json": True, "statement": [each["unknown"] for each in self.blocks]}
        document = "data.aws_iam_policy_document.images"
        root = [configured(document, statement=[each["config"] for each in self.blocks])]
        within = "module.s3_bucket." if self.in_module else ""
        place = f"{within}aws_s3_bucket.{'this[0]' if within else 'images'}"
        named = self.random.random() < 0.85
        name: dict[str, Any] = {"bucket": BUCKET} if named else {}
        hidden = {"arn": True, "id": True, **({} if named else {"bucket": True})}
        index = {"index": 0} if within else {}
        policy = f"{within}aws_s3_bucket_policy.{'this[0]' if within else 'images'}"
        rows = [
            change(document, after, unknown),
            change(place, name, hidden, **index),
            change(policy, {}, {"bucket": True, "policy": True, "id": True}, **index),
        ]
        calls: dict[str, Any] = {}
        unchanged = self.random.random() < 0.9
        extra = [] if unchanged else ["local.extra"]
        if within:
            merged = "data.aws_iam_policy_document.combined"
            rows.append(
                change(
                    f"{within}{merged}[0]",
                    {"statement": []},
                    {"source_policy_documents": True, "json": True},
                    **index,
                )
            )
            module = {
                "resources": [
                    configured("aws_s3_bucket.this"),
                    configured("aws_s3_bucket_policy.this", bucket=references("aws_s3_bucket.this[0].id"),
                               policy=references(f"{merged}[0].json")),
                    configured(merged, source_policy_documents=references(
                        "var.attach_elb_log_delivery_policy", "data.aws_iam_policy_document.elb_log_delivery[0].json",
                        "var.attach_policy", "var.policy")),
                ],
                "outputs": {"s3_bucket_arn": {"expression": references("aws_s3_bucket.this[0].arn")}},
            }  # fmt: skip
            calls["s3_bucket"] = {
                "module": module,
                "expressions": {
                    "attach_policy": {"constant_value": True},
                    "policy": references(f"{document}.json", *extra),
                },
            }
        else:
            root += [
                configured("aws_s3_bucket.images"),
                configured("aws_s3_bucket_policy.images", bucket=references("aws_s3_bucket.images.id"),
                           policy=references(f"{document}.json", *extra)),
            ]  # fmt: skip
        others: list[Any] = []
        if self.random.random() < 0.08:
            row, resource, is_harmless = self.hidden() if self.is_hidden else self.shown()
            rows.append(row)
            root.append(resource)
            others += [] if is_harmless else [*ELSEWHERE]
        rows += [
            change("aws_dynamodb_table.jobs", {"name": "jobs"}, {"arn": True}),
            change("aws_lambda_function.app", {"function_name": "app"}, {"role": True}),
            change("random_id.x", {}, {"hex": True}),
        ]
        statements = {"Version": "2012-10-17", "Statement": self.statements}
        spoiled = {"Statement": [*self.statements[1:], ELSEWHERE[1]["Statement"][0]]}
        if not unchanged:
            others.append(self.random.choice((ELSEWHERE[0], spoiled)))
        data = {
            "format_version": "1.2",
            "resource_changes": rows,
            "prior_state": {"values": {"root_module": {}}},
            "configuration": {"root_module": {"resources": root, "module_calls": calls}},
        }
        return Case(
            "module" if within else "terraform",
            json.dumps(data),
            lambda random: drawn(random.choice([statements, *others]), random),
            named,
            {},
            unchanged,
        )


def draw_case(seed: int, *, is_hidden: bool = False) -> Case:
    """Return a case: two of five are CDK's, one is SAM's, and two are plans.

    No file shows the code beside its bucket if it ``is_hidden``: nobody can say then what it does.
    """
    family = ("cdk", "plan", "cdk", "plan", "sam")[seed % 5]
    if family == "plan":
        return Module(seed, is_hidden=is_hidden).case()
    return Stack(seed, is_hidden=is_hidden).case(family)
