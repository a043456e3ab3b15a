"""Kinds of plans and templates that leave open what a policy is, by name, each with the answer to a
proof.

An answer of a plan is a pair: as it stands, and with what it refers to taken as unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from support.planned_policies import AFTER, BUCKET, GUARD, READ, change, policy, template

Answer = bool | None
OPEN = {"statement": [{"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::gt-images/*"],
                       "principals": [{"type": "*", "identifiers": ["*"]}]}]}  # fmt: skip
OTHER = change("aws_s3_bucket", "c", {"bucket": "gt-other"}, {"arn": True})
HELD = {"bucket": "gt-images", "policy": policy(GUARD)}
LATER = {"policy": True}


def named(kind: str, address: str, references: dict[str, list[str]], **more: Any) -> dict[str, Any]:
    expressions = {name: {"references": each} for name, each in references.items()}
    return {
        "address": f"{kind}.{address}",
        "type": kind,
        "name": address,
        "expressions": expressions,
        **more,
    }


def plan(*changes: dict[str, Any], config: list[dict[str, Any]] | None = None, **more: Any) -> str:
    root = {"resources": config or []}
    return json.dumps(
        {
            "format_version": "1.2",
            "resource_changes": [*changes],
            "configuration": {"root_module": root},
            **more,
        }
    )


def deferred(name: str, after: Any = None, unknown: Any = None) -> dict[str, Any]:
    after = AFTER if after is None else after
    return change(
        "aws_iam_policy_document",
        name,
        after,
        {"json": True, **(unknown or {})},
        mode="data",
        actions=["read"],
    )


def set_policy(after: Any, unknown: Any = None, name: str = "p", **more: Any) -> dict[str, Any]:
    return change("aws_s3_bucket_policy", name, after, unknown, **more)


def referring(*references: str, documents: list[dict[str, Any]], **more: Any) -> str:
    """Return a plan whose policy is known later, and refers to these addresses."""
    config = [named("aws_s3_bucket_policy", "p", {"policy": [*references]})]
    return plan(
        BUCKET, *documents, set_policy({"bucket": "gt-images"}, LATER), config=config, **more
    )


D = ("data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d")
E = ("data.aws_iam_policy_document.e.json", "data.aws_iam_policy_document.e")


def of_document(after: dict[str, Any], unknown: Any = None) -> str:
    return referring(*D, documents=[deferred("d", after, unknown)])


def guard_block(**more: Any) -> dict[str, Any]:
    return {**AFTER["statement"][0], **more}


def conditions(*values: list[str]) -> list[dict[str, Any]]:
    return [{"test": "NotIpAddress", "variable": "aws:SourceIp", "values": each} for each in values]


TEXT = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:ResourceAccount}"}}}  # fmt: skip
SAME = [
    {
        "test": "StringEquals",
        "variable": "aws:ResourceAccount",
        "values": ["&{aws:ResourceAccount}"],
    }
]
REPLACES = policy({**READ, "Sid": "G"})
INDEXED = [
    named("aws_s3_bucket_policy", "p", {"policy": ["data.aws_iam_policy_document.d", "each.key"]}),
]


def each_of(bucket: str, other: str) -> list[dict[str, Any]]:
    rows = []
    for key, after in (("a", OPEN), ("z", AFTER)):
        name = bucket if key == "a" else other
        row = set_policy({"bucket": name}, LATER)
        rows += [row | {"address": f'{row["address"]}["{key}"]', "index": key}]
        data = deferred("d", after)
        rows += [data | {"address": f'{data["address"]}["{key}"]', "index": key}]
    return rows


ARN = ["aws_s3_bucket.b.arn", "aws_s3_bucket.b"]
NAME = ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]
PARTITION = ["data.aws_partition.current.partition", "data.aws_partition.current"]
MODULE = {"m": {"module": {"outputs": {"arn": {"expression": {"references": [
    "aws_s3_bucket.this[0].arn", "aws_s3_bucket.this[0]", "aws_s3_bucket.this"]}}}}}}  # fmt: skip


def of_resources(
    number: int, references: list[str], *, actions: list[str], module: dict[str, Any]
) -> str:
    """Return a plan of a guard whose resources are known later, and refer to these addresses."""
    known = {"resources": [None] * number or None, "actions": actions}
    unknown = {"statement": [{"resources": [True] * number or True}]}
    rows = [
        BUCKET,
        OTHER,
        change("aws_s3_bucket", "this[0]", {"bucket": "gt-images"}, module="module.m."),
        deferred("d", {"statement": [guard_block(**known)]}, unknown),
        set_policy({"bucket": "gt-images"}, LATER),
    ]
    document = named("data.aws_iam_policy_document", "d", {}, mode="data")
    document["expressions"] = {"statement": [{"resources": {"references": references}}]}
    root = {
        "resources": [named("aws_s3_bucket_policy", "p", {"policy": [*D]}), document],
        "module_calls": module,
    }
    return json.dumps(
        {
            "format_version": "1.2",
            "resource_changes": rows,
            "configuration": {"root_module": root},
        }
    )


def merged(*references: str, more: Any = ()) -> str:
    """Return a plan of a module that merges documents, one of which is given to it."""
    within = {"module_address": "module.m"}
    both = deferred("both[0]", {"statement": []}, {"source_policy_documents": True})
    rows = [
        deferred("d"),
        *more,
        both | within | {"address": "module.m.data.aws_iam_policy_document.both[0]", "index": 0},
        set_policy({"bucket": "gt-images"}, LATER, name="this[0]", module="module.m."),
    ]
    target = "data.aws_iam_policy_document.both"
    listed = [
        named("aws_s3_bucket_policy", "this", {"policy": [f"{target}[0].json", f"{target}[0]", target]}),
        named("data.aws_iam_policy_document", "both", {"source_policy_documents": [*references]}),
    ]  # fmt: skip
    call = {
        "expressions": {"policy": {"references": [*D]}, "attach": {"constant_value": True}},
        "module": {"resources": listed},
    }
    root = {"resources": [], "module_calls": {"m": call}}
    return json.dumps(
        {
            "format_version": "1.2",
            "resource_changes": rows,
            "configuration": {"root_module": root},
        }
    )


OWN = {"statement": [guard_block(sid="H", condition=[
    {"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}])]}  # fmt: skip
MERGED = (
    "var.attach_own", "data.aws_iam_policy_document.own[0].json", "data.aws_iam_policy_document.own[0]",
    "data.aws_iam_policy_document.own", "var.attach", "var.policy",
)  # fmt: skip


def given(policy: Any, attach: Any = True, *, references: Sequence[str] = MERGED) -> str:
    """Return a plan of a module that merges its own document and the policy that it is given."""
    address = "module.m.data.aws_iam_policy_document.own[0]"
    own = deferred("own[0]", OWN) | {"address": address, "module_address": "module.m", "index": 0}
    data = json.loads(merged(*references, more=[own, deferred("e", OPEN)]))
    expressions = data["configuration"]["root_module"]["module_calls"]["m"]["expressions"]
    expressions |= {
        "policy": policy,
        "attach": attach if isinstance(attach, dict) else {"constant_value": attach},
    }
    return json.dumps(data | {"variables": {"x": {"value": True}}})


def listed(*references: str, sources: Any, unknown: Any, **more: Any) -> str:
    """Return a plan of a document that merges others."""
    both = deferred("both", {"statement": [], **sources}, unknown)
    argument = next(iter(unknown))
    config = [
        named("aws_s3_bucket_policy", "p", {"policy": [f"{BOTH}.json", BOTH]}),
        named("data.aws_iam_policy_document", "both", {argument: [*references]}),
    ]
    rows = [BUCKET, deferred("d"), deferred("e", OPEN), both]
    return plan(*rows, set_policy({"bucket": "gt-images"}, LATER), config=config, **more)


BOTH = "data.aws_iam_policy_document.both"
TWO = {
    "sources": {"source_policy_documents": [None, None]},
    "unknown": {"source_policy_documents": [True, True]},
}
WHOLE = {"sources": {}, "unknown": {"source_policy_documents": True}}
GIVEN = {"references": [*D]}
QUEUE = '{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}'


CALLS = {"Fn::GetAtt": ["AWS679f53fac002430cb0da5b7982bd22872D164C4C", "Arn"]}


MINE = {"Fn::GetAtt": ["Mine", "Arn"]}
READS = '{"service":"SSM","action":"getParameter","parameters":{"Name":"/office"}}'


PLANS: dict[str, tuple[str, Answer, Answer]] = {
    "one document": (referring(*D, documents=[deferred("d")]), None, True),
    "one document, open": (referring(*D, documents=[deferred("d", OPEN)]), None, False),
    "its minified text": (
        referring("data.aws_iam_policy_document.d.minified_json", D[1], documents=[deferred("d")]), None, True,
    ),
    "a choice of two documents": (
        referring("var.lock", *D, *E, documents=[deferred("d"), deferred("e", OPEN)]), None, None,
    ),
    "a choice of two documents without a variable": (
        referring(*D, *E, documents=[deferred("d"), deferred("e", OPEN)]), None, None,
    ),
    "a name that begins with the other": (
        referring(*D, "data.aws_iam_policy_document.dd.json", "data.aws_iam_policy_document.dd",
                  documents=[deferred("d"), deferred("dd", OPEN)]), None, None,
    ),
    "a document and a module": (referring("module.x.policy", "module.x", *D, documents=[deferred("d")]), None, None),
    "a document and a local value": (referring("local.more", *D, documents=[deferred("d")]), None, None),
    "another attribute of the document": (
        referring("data.aws_iam_policy_document.d.id", D[1], documents=[deferred("d")]), None, None,
    ),
    "a document that is not in the plan": (referring(*D, documents=[]), None, None),
    "for_each, the open one": (plan(*each_of("gt-images", "gt-other"), config=INDEXED), None, False),
    "for_each, the guard": (plan(*each_of("gt-other", "gt-images"), config=INDEXED), None, True),
    "one of a counted document": (
        referring("data.aws_iam_policy_document.d[0].json", "data.aws_iam_policy_document.d[0]", D[1], documents=[
            deferred("d", OPEN) | {"address": "data.aws_iam_policy_document.d[0]"},
            deferred("d") | {"address": "data.aws_iam_policy_document.d[1]"},
        ]), None, False,
    ),
    "two of a counted document": (
        referring("data.aws_iam_policy_document.d[0].json", "data.aws_iam_policy_document.d[1].json", D[1], documents=[
            deferred("d", OPEN) | {"address": "data.aws_iam_policy_document.d[0]"},
            deferred("d") | {"address": "data.aws_iam_policy_document.d[1]"},
        ]), None, None,
    ),
    "an override that replaces the guard": (
        of_document({"statement": [guard_block(sid="G")], "override_policy_documents": [REPLACES]}), None, False,
    ),
    "an override with another Sid": (
        of_document({"statement": [guard_block(sid="H")], "override_policy_documents": [REPLACES]}), None, False,
    ),
    "an override that is not known": (
        of_document({"statement": [guard_block(sid="G")], "override_policy_documents": [None]},
                    {"override_policy_documents": [True]}), None, None,
    ),
    "an override that is not known, and a guard without a Sid": (
        of_document({"statement": [guard_block()], "override_policy_documents": [None]},
                    {"override_policy_documents": [True]}), None, None,
    ),
    "a source that is replaced": (
        of_document({"statement": [{**OPEN["statement"][0], "sid": "G"}],
                     "source_policy_documents": [policy({**GUARD, "Sid": "G"})]}), None, False,
    ),
    "a source that holds the guard": (
        of_document({"statement": OPEN["statement"], "source_policy_documents": [policy(GUARD)]}), None, False,
    ),
    "a source that is not known": (
        of_document({"statement": OPEN["statement"]}, {"source_policy_documents": True}), None, None,
    ),
    "a source that is not known, beside the guard": (
        of_document(AFTER, {"source_policy_documents": True}), None, None,
    ),
    "a source that is no policy": (of_document({**AFTER, "source_policy_documents": ["{"]}), None, None),
    "former source_json": (of_document({**AFTER, "source_json": policy(READ)}), None, None),
    "an attribute that nobody knows": (of_document({**AFTER, "split": True}), None, None),
    "an attribute of a statement that nobody knows": (
        of_document({"statement": [guard_block(unless="x")]}), None, None,
    ),
    "a statement that is not known": (of_document({"statement": [None]}, {"statement": [True]}), None, None),
    "a statement that is not known beside the guard": (
        of_document({"statement": [guard_block(), None]}, {"statement": [False, True]}), None, None,
    ),
    "an effect that is not known": (
        of_document({"statement": [guard_block(effect=None)]}, {"statement": [{"effect": True}]}), None, None,
    ),
    "an effect by default": (of_document({"statement": [guard_block(effect=None)]}), None, False),
    "principals that are not known": (
        of_document({"statement": [guard_block(principals=None)]}, {"statement": [{"principals": True}]}), None, None,
    ),
    "the type of a principal is not known": (
        of_document({"statement": [guard_block(principals=[{"type": None, "identifiers": ["*"]}])]},
                    {"statement": [{"principals": [{"type": True}]}]}), None, None,
    ),
    **{f"resources by reference, {name}": (of_resources(number, references, actions=actions, module=module), None, answer)
       for name, number, references, actions, module, answer in (
           ("the bucket and its objects", 2, [*ARN, *ARN], ["s3:*"], {}, True),
           ("with each address once", 2, [*ARN], ["s3:*"], {}, True),
           ("as one unknown set", 0, [*ARN, *ARN], ["s3:*"], {}, True),
           ("names in texts", 2, [*NAME, *NAME], ["s3:*"], {}, True),
           ("with a partition", 2, [*PARTITION, *NAME, *PARTITION, *NAME], ["s3:*"], {}, True),
           ("of a module", 2, ["module.m.arn", "module.m"] * 2, ["s3:*"], MODULE, True),
           ("the bucket or its objects", 1, [*ARN], ["s3:*"], {}, None),
           ("objects by their actions alone", 1, [*ARN], ["s3:GetObject*", "s3:PutObject"], {}, False),
           ("three", 3, [*ARN, *ARN, *ARN], ["s3:*"], {}, None),
           ("one with two references", 1, [*ARN, *ARN], ["s3:*"], {}, None),
           ("with a variable", 2, [*ARN, *ARN, "var.prefix"], ["s3:*"], {}, None),
           ("with a local value", 2, [*ARN, "local.more", *ARN], ["s3:*"], {}, None),
           ("of two buckets", 2, [*ARN, "aws_s3_bucket.c.arn", "aws_s3_bucket.c"], ["s3:*"], {}, None),
           ("of another attribute", 2, ["aws_s3_bucket.b.tags", "aws_s3_bucket.b"] * 2, ["s3:*"], {}, None),
           ("of a whole bucket", 2, ["aws_s3_bucket.b", "aws_s3_bucket.b"], ["s3:*"], {}, True),
           ("of a key", 2, [*ARN, "each.key", *ARN, "each.key"], ["s3:*"], {}, None),
           ("without references", 2, [], ["s3:*"], {}, None),
       )},
    "a service, under a condition that is not known": (
        of_document({"statement": [guard_block(), {
            "effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::gt-images/*"],
            "principals": [{"type": "Service", "identifiers": ["cloudfront.amazonaws.com"]}],
            "condition": [{"test": "StringEquals", "variable": "AWS:SourceArn", "values": [None]}]}]},
            {"statement": [False, {"condition": [{"values": [True]}]}]}), None, True,
    ),
    "an Allow of objects that are not known, beside a guard of the others": (
        of_document({"statement": [guard_block(), {**OPEN["statement"][0], "resources": None}]},
                    {"statement": [False, {"resources": True}]}), None, None,
    ),
    "a Deny of resources of which one is not known": (
        of_document({"statement": [guard_block(resources=["*", None])]}, {"statement": [{"resources": [False, True]}]}),
        None, True,
    ),
    "a Deny of resources that are not known": (
        of_document({"statement": [guard_block(resources=[None])]}, {"statement": [{"resources": [True]}]}), None, None,
    ),
    "a Deny of principals of which one is not known": (
        of_document({"statement": [guard_block(principals=[{"type": "AWS", "identifiers": ["*", None]}])]},
                    {"statement": [{"principals": [{"identifiers": [False, True]}]}]}), None, True,
    ),
    "a Deny of everything but what is not known": (
        of_document({"statement": [{**guard_block(actions=None), "not_actions": ["kms:Decrypt", None]}]},
                    {"statement": [{"not_actions": [False, True]}]}), None, None,
    ),
    "an address beside one that is not known": (
        of_document({"statement": [guard_block(condition=conditions(["203.0.113.0/24"]))]},
                    {"statement": [{"condition": [{"values": [False, True]}]}]}), None, None,
    ),
    "an Allow of everybody, except from addresses that are not known": (
        of_document({"statement": [{**OPEN["statement"][0], "condition": conditions(["198.51.100.0/24"])}]},
                    {"statement": [{"condition": [{"values": [False, True]}]}]}), None, False,
    ),
    "a Sid that is not known": (
        of_document({"statement": [guard_block(sid=None)]}, {"statement": [{"sid": True}]}), None, True,
    ),
    "the only document among what a module merges": (
        merged("data.aws_iam_policy_document.elb[0].json", "data.aws_iam_policy_document.elb[0]",
               "data.aws_iam_policy_document.elb", "var.attach", "var.policy"), None, True,
    ),
    "one of the documents that a module merges": (
        merged("data.aws_iam_policy_document.own.json", "data.aws_iam_policy_document.own", "var.policy",
               more=[deferred("own", OPEN) | {"address": "module.m.data.aws_iam_policy_document.own", "module_address": "module.m"}]),
        None, None,
    ),
    "a document of a module beside the one that it is given": (given(GIVEN), None, True),
    "a document of a module beside an open one": (given({"references": [*E]}), None, False),
    "a document of a module beside a text": (given({"constant_value": policy(GUARD)}), None, True),
    "a document of a module beside an open text": (given({"constant_value": policy(READ)}), None, False),
    "a document of a module beside a text that a function makes": (given({}), None, None),
    "a document of a module beside a local value": (given({"references": ["local.x"]}), None, None),
    "a document of a module beside a choice": (given({"references": ["var.x", *D, *E]}), None, None),
    "a document of a module beside one that is not attached": (given(GIVEN, attach=False), None, None),
    "a document of a module beside one that may be attached": (given(GIVEN, attach={"references": ["var.x"]}), None, None),
    "a document of a module alone": (given({"constant_value": None}), None, False),
    "a document of a module behind the variable of another": (
        given(GIVEN, references=("var.attach", *MERGED[1:4], "var.policy")), None, None,
    ),
    "two documents in a list": (listed(*D, *E, **TWO), None, False),
    "two documents in a list of three": (
        listed(*D, *E, sources={"source_policy_documents": [None, policy(READ), None]},
               unknown={"source_policy_documents": [True, False, True]}), None, False,
    ),
    "two documents in a list with a choice": (listed("var.x", *D, *E, **TWO), None, None),
    "two documents and one value": (
        listed(*D, *E, sources={"source_policy_documents": [None]}, unknown={"source_policy_documents": [True]}), None, None,
    ),
    "two documents in a list that is not known": (listed(*D, *E, **WHOLE), None, None),
    "two documents in a list with one that is null": (
        listed(*D, *E, sources={"source_policy_documents": [None, None, None]},
               unknown={"source_policy_documents": [True, False, True]}), None, None,
    ),
    "a document beside a variable that is not in the plan": (listed("var.x", *D, **WHOLE), None, None),
    "a document beside a variable of the plan that is a number": (
        listed("var.x", *E, **WHOLE, variables={"x": {"value": 7}}), None, False,
    ),
    "a document beside a variable of the plan that is a policy": (
        listed("var.x", *E, **WHOLE, variables={"x": {"value": policy(GUARD)}}), None, None,
    ),
    "a variable of the provider": (
        of_document({"statement": [guard_block(condition=SAME)]}), None, True,
    ),
    "two conditions of one test and variable": (
        of_document({"statement": [guard_block(condition=conditions(["198.51.100.0/24"], ["203.0.113.0/24"]))]}),
        None, False,
    ),
    "two conditions within the office": (
        of_document({"statement": [guard_block(condition=conditions(["203.0.113.0/25"], ["203.0.113.128/25"]))]}),
        None, True,
    ),
    "a condition value that is not known": (
        of_document({"statement": [guard_block(condition=conditions(["203.0.113.0/24"]))]},
                    {"statement": [{"condition": [{"values": [True]}]}]}), None, None,
    ),
    "a rendered document of 2008": (
        of_document({"version": "2008-10-17", "statement": [guard_block(condition=[
            {**SAME[0], "values": ["${aws:ResourceAccount}"]}])]}), None, False,
    ),
    "a version that is not known": (
        of_document({"statement": [guard_block(condition=SAME)]}, {"version": True}), None, None,
    ),
    "a known text": (plan(set_policy(HELD)), True, True),
    "a text without Version": (
        plan(set_policy({**HELD, "policy": json.dumps({"Statement": TEXT})})), False, False,
    ),
    "a text of 2008": (
        plan(set_policy({**HELD, "policy": json.dumps({"Version": "2008-10-17", "Statement": TEXT})})), False, False,
    ),
    "a text of 2012": (plan(set_policy({**HELD, "policy": policy(TEXT)})), True, True),
    "two policies of one bucket": (
        plan(set_policy(HELD), set_policy({**HELD, "policy": policy(READ)}, name="q")), None, None,
    ),
    "two policies of one bucket, the same": (plan(set_policy(HELD), set_policy(HELD, name="q")), True, True),
    "two policies, one is not known": (
        plan(set_policy({"bucket": "gt-images"}, LATER, name="o"), set_policy(HELD)), None, None,
    ),
    "a policy of a bucket that is not known": (
        plan(set_policy(HELD), set_policy({"policy": policy(READ)}, {"bucket": True}, name="q")), None, None,
    ),
    "a choice of two buckets": (
        plan(BUCKET, OTHER, set_policy({"policy": policy(GUARD)}, {"bucket": True}), config=[
            named("aws_s3_bucket_policy", "p", {"bucket": ["aws_s3_bucket.c.id", "aws_s3_bucket.c", "aws_s3_bucket.b.id",
                                                           "aws_s3_bucket.b", "var.x"]})]), None, None,
    ),
    "a bucket by reference": (
        plan(BUCKET, OTHER, set_policy({"policy": policy(GUARD)}, {"bucket": True}), config=[
            named("aws_s3_bucket_policy", "p", {"bucket": ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]})]), None, True,
    ),
    "a bucket by reference to another": (
        plan(BUCKET, OTHER, set_policy({"policy": policy(GUARD)}, {"bucket": True}), config=[
            named("aws_s3_bucket_policy", "p", {"bucket": ["aws_s3_bucket.c.id", "aws_s3_bucket.c"]})]), None, None,
    ),
    "a bucket by its ARN": (
        plan(BUCKET, set_policy({"policy": policy(GUARD)}, {"bucket": True}), config=[
            named("aws_s3_bucket_policy", "p", {"bucket": ["aws_s3_bucket.b.arn", "aws_s3_bucket.b"]})]), None, None,
    ),
    "deleted": (
        plan(BUCKET, {**set_policy(None), "change": {"actions": ["delete"], "before": HELD, "after": None}}), False, False,
    ),
    "deleted while another is created": (
        plan(BUCKET, set_policy(HELD),
             {**set_policy(None, name="q"), "change": {"actions": ["delete"], "before": HELD, "after": None}}), None, None,
    ),
    "replaced": (
        plan({**set_policy(HELD), "change": {"actions": ["delete", "create"], "before": HELD, "after": HELD}}), True, True,
    ),
    "created before it is destroyed": (
        plan({**set_policy(HELD), "change": {"actions": ["create", "delete"], "before": HELD, "after": HELD}}), None, None,
    ),
    "moved to another bucket": (
        plan(BUCKET, {**set_policy(HELD), "change": {
            "actions": ["delete", "create"], "before": HELD, "after": {**HELD, "bucket": "gt-other"}}}), False, False,
    ),
    "kept while its bucket is replaced": (
        plan(BUCKET | {"change": {"actions": ["delete", "create"], "before": {"bucket": "gt-images"}, "after": {"bucket": "gt-images"}}},
             set_policy(HELD, actions=["no-op"])), None, None,
    ),
    "replaced with its bucket": (
        plan(BUCKET | {"change": {"actions": ["delete", "create"], "before": {"bucket": "gt-images"}, "after": {"bucket": "gt-images"}}},
             {**set_policy(HELD), "change": {"actions": ["delete", "create"], "before": HELD, "after": HELD}}), True, True,
    ),
    "forgotten": (
        plan({**set_policy(None), "change": {"actions": ["forget"], "before": HELD, "after": None}}), None, None,
    ),
    "moved": (plan({**set_policy(HELD, actions=["no-op"]), "previous_address": "aws_s3_bucket_policy.o"}), True, True),
    "imported": (
        plan({**set_policy(HELD), "change": {"actions": ["no-op"], "before": HELD, "after": HELD,
                                             "importing": {"id": "gt-images"}}}), True, True,
    ),
    "an action that nobody knows": (plan(set_policy(HELD, actions=["open"])), None, None),
    "errored": (plan(set_policy(HELD), errored=True), None, None),
    "not complete": (plan(set_policy(HELD), complete=False), None, None),
    "complete": (plan(set_policy(HELD), complete=True, errored=False, applyable=True), True, True),
    "changes that are deferred": (plan(set_policy(HELD), deferred_changes=[{"reason": "x"}]), None, None),
    "nothing known": (plan(set_policy(None) | {"change": {"actions": ["create"], "after_unknown": True}}), None, None),
    "an open bracket": (plan(set_policy({**HELD, "policy": "{"})), None, None),
    "a list": (plan(set_policy({**HELD, "policy": "[]"})), None, None),
    "Statement twice in the text": (
        plan(set_policy({**HELD, "policy": policy(GUARD)[:-1] + ',"Statement":[]}'})), None, None,
    ),
    "no policy": (plan(set_policy({"bucket": "gt-images"})), None, None),
    "an argument that nobody knows": (plan(set_policy({**HELD, "mode": "merge"})), None, None),
    "OpenTofu": (plan(set_policy({**HELD, "region": "eu-west-1", "id": "gt-images"}), timestamp="x"), True, True),
    "a resource whose parts do not fit": (
        plan(set_policy(HELD), change("aws_sqs_queue", "q", {"rules": None, "tags": "x"}, {"rules": [True], "tags": {"a": True}})),
        True, True,
    ),
    "a document whose parts do not fit": (
        of_document({"statement": None}, {"statement": [True]}), None, None,
    ),
    "a data source of the policy": (
        plan(change("aws_s3_bucket_policy", "p", HELD, mode="data", actions=["read"]), BUCKET), None, None,
    ),
    "policy of the bucket itself": (
        plan(change("aws_s3_bucket", "b", {"bucket": "gt-images", "policy": policy(READ)}), set_policy(HELD), config=[
            named("aws_s3_bucket", "b", {"policy": ["var.x"]})]), None, None,
    ),
    "a script of the policy": (
        plan(set_policy(HELD), config=[named("aws_s3_bucket_policy", "p", {}, provisioners=[{"type": "local-exec"}])]),
        None, None,
    ),
    "a script that mentions the bucket": (
        plan(BUCKET, set_policy(HELD), change("null_resource", "n", {"triggers": {"b": "gt-images"}}), config=[
            named("null_resource", "n", {}, provisioners=[{"type": "local-exec", "expressions": {"command": {
                "constant_value": "aws s3api delete-bucket-policy --bucket gt-images"}}}])]), None, None,
    ),
    **{f"a script of {name}": (
        plan(BUCKET, set_policy(HELD), change(kind, "n", {}), config=[
            named(kind, "n", {}, provisioners=[{"type": runs, "expressions": {"command": command}}])]), None, None)
       for name, kind, runs, command in (
           ("a variable", "null_resource", "local-exec", {"references": ["var.bucket"]}),
           ("a local value", "terraform_data", "local-exec", {"references": ["local.bucket_name"]}),
           ("a text", "terraform_data", "local-exec", {"constant_value": "./lock.sh"}),
           ("a text after a wait", "terraform_data", "local-exec", {"constant_value": "sleep 9 && ./lock.sh"}),
           ("a text that runs in an echo", "terraform_data", "local-exec", {"constant_value": "echo $(./lock.sh)"}),
           ("a second line", "terraform_data", "local-exec", {"constant_value": "echo x\n./lock.sh"}),
           ("an echo into a file", "terraform_data", "local-exec", {"constant_value": "echo x > ./lock.sh"}),
           ("a wait on another machine", "aws_instance", "remote-exec", {"constant_value": "sleep 30"}),
           ("another machine", "aws_instance", "remote-exec", {"constant_value": "./lock.sh"}),
       )},
    **{f"a script that {name}": (
        plan(BUCKET, set_policy(HELD), change("null_resource", "n", {}), config=[
            named("null_resource", "n", {}, provisioners=[{"type": "local-exec", "expressions": expressions}, *more])]),
        answer, answer)
       for name, expressions, more, answer in (
           ("waits", {"command": {"constant_value": "sleep 30"}}, [], True),
           ("says something", {"command": {"constant_value": "echo 'made gt-images'; sleep 5 && date"}}, [], True),
           ("waits, and another one", {"command": {"constant_value": "sleep 30"}}, [{"type": "local-exec"}], None),
           ("waits in another shell",
            {"command": {"constant_value": "sleep 30"}, "interpreter": {"constant_value": ["./x"]}}, [], None),
           ("waits with other variables",
            {"command": {"constant_value": "sleep 30"}, "environment": {"references": ["var.x"]}}, [], None),
       )},
    "a script that runs no more": (
        plan(BUCKET, set_policy(HELD), change("null_resource", "n", {}, actions=["no-op"]), config=[
            named("null_resource", "n", {}, provisioners=[{"type": "local-exec"}])]), True, True,
    ),
    "a script of which nothing is shown": (
        plan(BUCKET, set_policy(HELD), change("null_resource", "n", {"triggers": {"b": "x"}})), None, None,
    ),
    "no script": (
        plan(BUCKET, set_policy(HELD), change("terraform_data", "n", {}), config=[
            named("terraform_data", "n", {"input": ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]})]), True, True,
    ),
    **{f"{kind} of something else, case {i}": (
        plan(set_policy(HELD), change(kind, "n", after, unknown)), answer, answer)
       for i, (kind, after, unknown, answer) in enumerate((
           ("aws_cloudformation_stack", {}, {"template_body": True}, None),
           ("aws_cloudformation_stack", {"template_body": "{}"}, {}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE}, {"outputs": True}, True),
           ("aws_cloudformation_stack", {"template_body": "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n"}, {}, True),
           ("aws_cloudformation_stack", {"template_body": QUEUE, "template_url": "https://x.s3.amazonaws.com/t"}, {}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE}, {"template_url": True}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE.replace("SQS::Queue", "S3::BucketPolicy")}, {}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE.replace("SQS", "\\u00533").replace("Queue", "BucketPolicy")}, {}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE.replace("AWS::SQS::Queue", "Custom::Lock")}, {}, None),
           ("aws_cloudformation_stack", {"template_body": QUEUE[:-1] + ',"Transform":"Mine"}'}, {}, None),
           ("aws_cloudformation_stack_set_instance", {}, {}, None),
           ("aws_cloudcontrolapi_resource", {"type_name": "AWS::S3::BucketPolicy"}, {"desired_state": True}, None),
           ("aws_servicecatalog_provisioned_product", {}, {}, None),
           ("aws_lambda_invocation", {"input": "{}"}, {}, None),
           ("aws_lambda_function", {"environment": [{"variables": {"B": "gt-images"}}]}, {"role": True}, True),
           ("aws_ssm_association", {"name": "AWS-RunShellScript"}, {}, None),
           ("aws_ssm_parameter", {"value": "gt-images"}, {}, True),
           ("aws_sagemaker_project", {}, {}, None),
           ("aws_sagemaker_model", {}, {"execution_role_arn": True}, True),
           ("aws_config_conformance_pack", {"template_body": "x"}, {}, None),
           ("aws_s3_bucket_policy_part", {"bucket": "gt-images"}, {}, None),
           ("aws_a_service_of_next_year", {}, {}, None),
           ("aws_security_group", {"name": "gt-images"}, {"vpc_id": True}, True),
           ("aws_dynamodb_table", {"name": "x"}, {"arn": True}, True),
           ("awscc_s3_bucket_policy", {}, {"bucket": True}, None),
           ("helm_release", {"chart": "x"}, {}, None),
           ("kubernetes_manifest", {}, {"manifest": True}, None),
           ("kubernetes_config_map", {"data": {"b": "gt-images"}}, {}, True),
           ("google_storage_bucket_iam_policy", {"bucket": "gt-images"}, {}, True),
           ("cloudflare_record", {}, {"value": True}, True),
           ("shell_script", {}, {}, None),
       ))},
    **{f"a data source, {kind}": (
        plan(set_policy(HELD), config=[{"address": f"data.{kind}.x", "mode": "data", "type": kind}]), answer, answer)
       for kind, answer in (("external", None), ("aws_lambda_invocation", None), ("aws_partition", True), ("azurerm_subscription", True))},
    "a data source that is read later": (
        plan(set_policy(HELD), change("external", "x", {}, mode="data", actions=["read"])), None, None,
    ),
    "an action": (
        plan(set_policy(HELD), action_invocations=[{"address": "action.aws_lambda_invoke.a"}]), None, None,
    ),
    "no configuration": (
        json.dumps({"format_version": "1.2", "resource_changes": [
            change("aws_s3_bucket", "b", {"bucket": "gt-images", "policy": policy(READ)}), set_policy(HELD)]}), None, None,
    ),
    "a bucket without configuration, with a policy of its own": (
        plan(change("aws_s3_bucket", "b", {"bucket": "gt-images", "policy": policy(READ)}), set_policy(HELD)), None, None,
    ),
    "a policy of another provider": (
        plan(set_policy(HELD), change("awscc_s3_bucket_policy", "n", {"bucket": "gt-images"})), None, None,
    ),
    "access points and settings": (
        plan(BUCKET, set_policy(HELD), *(
            change(kind, "x", {"bucket": "gt-images"}) for kind in
            ("aws_s3_access_point", "aws_s3control_access_point_policy", "aws_s3_bucket_versioning", "aws_s3_object"))),
        True, True,
    ),
    "Block Public Access that matters not": (
        plan(set_policy(HELD), change("aws_s3_bucket_public_access_block", "x", {
            "bucket": "gt-images", "restrict_public_buckets": True})), True, True,
    ),
    "a directory bucket": (
        plan(set_policy({"bucket": "gt--use1-az1--x-s3", "policy": policy(GUARD)})), None, None,
    ),
    "in a module, by reference": (
        json.dumps({"format_version": "1.2", "resource_changes": [
            change("aws_s3_bucket", "b", {"bucket": "gt-images"}, module='module.m["a"].'),
            change("aws_s3_bucket_policy", "p", {}, {"bucket": True, "policy": True}, module='module.m["a"].'),
            deferred("d") | {"address": 'module.m["a"].data.aws_iam_policy_document.d'},
            deferred("d", OPEN) | {"address": "data.aws_iam_policy_document.d"}],
            "configuration": {"root_module": {"module_calls": {"m": {"module": {"resources": [
                named("aws_s3_bucket_policy", "p", {"policy": [*D], "bucket": ["aws_s3_bucket.b.id", "aws_s3_bucket.b"]})
            ]}}}}}}), None, True,
    ),
}  # fmt: skip

PARAMETER = {"Ref": "Cidr"}
LISTED = {**GUARD, "Condition": {"NotIpAddress": {"aws:SourceIp": PARAMETER}}}


def of_parameter(parameter: dict[str, Any], statement: Any = None) -> dict[str, Any]:
    return template(LISTED if statement is None else statement, Parameters={"Cidr": parameter})


def resource(data: dict[str, Any], name: str = "Policy", **more: Any) -> dict[str, Any]:
    return {
        **data,
        "Resources": {**data["Resources"], name: {**data["Resources"].get(name, {}), **more}},
    }


def document(**more: Any) -> dict[str, Any]:
    data = template(GUARD)
    made = {"Version": "2012-10-17", "Statement": [GUARD], **more}
    return resource(data, Properties={"Bucket": "gt-images", "PolicyDocument": made})


IS_PROD = {"Prod": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}}
IS_NOT = {**IS_PROD, "Other": {"Fn::Not": [{"Condition": "Prod"}]}}
ENV = {"Env": {"Type": "String"}}
SECOND = {"Type": "AWS::S3::BucketPolicy", "Properties": {
    "Bucket": "gt-images", "PolicyDocument": {"Version": "2012-10-17", "Statement": [READ]}}}  # fmt: skip
SAME_SECOND = {
    "Type": "AWS::S3::BucketPolicy",
    "Properties": template(GUARD)["Resources"]["Policy"]["Properties"],
}
WITHOUT = {"Statement": TEXT}
ONE = {"AllowedValues": ["203.0.113.0/24", "203.0.113.0/25"], "Type": "String"}
ANY = {
    "AllowedValues": ["203.0.113.0/24", "0.0.0.0/0"],
    "Type": "String",
    "Default": "203.0.113.0/24",
}


def with_policy(document: Any, **more: Any) -> dict[str, Any]:
    return resource(
        template(GUARD, **more), Properties={"Bucket": "gt-images", "PolicyDocument": document}
    )


TEMPLATES: dict[str, tuple[dict[str, Any], Answer]] = {
    "a condition of the policy": (resource(template(GUARD, Conditions=IS_PROD, Parameters=ENV), Condition="Prod"), None),
    "a condition that holds": (
        resource(template(GUARD, Conditions={"Prod": {"Fn::Equals": ["a", "a"]}}), Condition="Prod"), True,
    ),
    "a condition that does not hold": (
        resource(template(GUARD, Conditions={"Prod": {"Fn::Equals": ["a", "b"]}}), Condition="Prod"), None,
    ),
    "opposite conditions, both guarded": (
        resource(resource(template(GUARD, Conditions=IS_NOT, Parameters=ENV), Condition="Prod"), "Second",
                 **SAME_SECOND, Condition="Other"), True,
    ),
    "opposite conditions, one open": (
        resource(resource(template(GUARD, Conditions=IS_NOT, Parameters=ENV), Condition="Prod"), "Second", **SECOND,
                 Condition="Other"), None,
    ),
    "a condition of the allowed values": (
        resource(template(GUARD, Conditions=IS_PROD, Parameters={"Env": {"Type": "String", "AllowedValues": ["prod"]}}),
                 Condition="Prod"), True,
    ),
    "And, Or of what is known": (
        resource(template(GUARD, Parameters=ENV, Conditions={**IS_PROD, "X": {"Fn::Or": [
            {"Condition": "Prod"}, {"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["b", "b"]}]}]}}),
                 Condition="X"), True,
    ),
    "a default": (of_parameter({"Type": "String", "Default": "203.0.113.0/24"}), None),
    "no default": (of_parameter({"Type": "String"}), None),
    "allowed values": (of_parameter(ONE), True),
    "allowed values, one open": (of_parameter(ANY), None),
    "allowed values, all open": (of_parameter({"Type": "String", "AllowedValues": ["0.0.0.0/0", "0.0.0.0/1"]}), False),
    "a parameter of Systems Manager": (
        of_parameter({"Type": "AWS::SSM::Parameter::Value<String>", "Default": "203.0.113.0/24"}), None,
    ),
    "allowed names in Systems Manager": (
        of_parameter({"Type": "AWS::SSM::Parameter::Value<String>", "AllowedValues": ["203.0.113.0/24"]}), None,
    ),
    "a list": (of_parameter({"Type": "CommaDelimitedList", "Default": "203.0.113.0/25,203.0.113.128/25"}), None),
    "a transform": (template(GUARD, Transform="Harden"), None),
    "a transform among those of SAM": (template(GUARD, Transform=["AWS::Serverless-2016-10-31", "Harden"]), None),
    "SAM": (template(GUARD, Transform="AWS::Serverless-2016-10-31"), True),
    "an include at the top": (
        template(GUARD, Transform={"Name": "AWS::Include", "Parameters": {"Location": "s3://x"}}), None,
    ),
    "an include beside Statement": (
        document(**{"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://x"}}}), None,
    ),
    "a macro in a statement": (template({"Fn::Transform": {"Name": "X"}}), None),
    "a macro beside a statement": (template({**GUARD, "Fn::Transform": {"Name": "X"}}), None),
    "a macro of the resource": (resource(template(GUARD), **{"Fn::Transform": {"Name": "X"}}), None),
    "a macro of the resources": (
        {"Resources": {**template(GUARD)["Resources"], "Fn::Transform": {"Name": "AWS::Include"}}}, None,
    ),
    "a loop": (
        {"Transform": "AWS::LanguageExtensions", "Resources": {
            **template(GUARD)["Resources"], "Fn::ForEach::P": ["N", ["a"], {"P${N}": SECOND}]}}, None,
    ),
    "two policies of one bucket": (resource(template(GUARD), "Second", **SECOND), None),
    "two policies of one bucket, the same": (resource(template(GUARD), "Second", **SAME_SECOND), True),
    "a policy that is not known first": (
        {"Resources": {"A": {**SECOND, "Properties": {"Bucket": "gt-images", "PolicyDocument": {"Fn::ImportValue": "x"}}},
                       **template(GUARD)["Resources"]}}, None,
    ),
    "a policy of a bucket that is not known": (
        resource(template(GUARD), "Second", Type=SECOND["Type"], Properties={
            **SECOND["Properties"], "Bucket": {"Fn::ImportValue": "x"}}), None,
    ),
    "no Version": (with_policy(WITHOUT), False),
    "a Version of 2008": (with_policy({**WITHOUT, "Version": "2008-10-17"}), False),
    "a Version of 2012": (with_policy({**WITHOUT, "Version": "2012-10-17"}), True),
    "a Version of a parameter": (
        with_policy({**WITHOUT, "Version": {"Ref": "V"}}, Parameters={"V": {"Type": "String"}}), None,
    ),
    "a Version that does not matter": (document(Version={"Fn::ImportValue": "x"}), True),
    "both branches closed": (
        template({"Fn::If": ["Prod", GUARD, {**GUARD, "Sid": "x"}]}, Conditions=IS_PROD, Parameters=ENV), True,
    ),
    "the second branch open": (template({"Fn::If": ["Prod", GUARD, READ]}, Conditions=IS_PROD, Parameters=ENV), None),
    "the first branch open": (template({"Fn::If": ["Prod", READ, GUARD]}, Conditions=IS_PROD, Parameters=ENV), None),
    "a branch of nothing": (
        template({"Fn::If": ["Prod", GUARD, {"Ref": "AWS::NoValue"}]}, Conditions=IS_PROD, Parameters=ENV), None,
    ),
    "a branch of a known condition": (
        template({"Fn::If": ["Prod", GUARD, READ]}, Conditions={"Prod": {"Fn::Equals": ["x", "x"]}}), True,
    ),
    "both branches open": (
        template({"Fn::If": ["Prod", READ, {"Ref": "AWS::NoValue"}]}, Conditions=IS_PROD, Parameters=ENV), False,
    ),
    "a mapping": (
        template({**GUARD, "Condition": {"NotIpAddress": {"aws:SourceIp": {"Fn::FindInMap": ["M", "a", "b"]}}}},
                 Mappings={"M": {"a": {"b": ["203.0.113.0/24"]}}}), True,
    ),
    "a mapping by region": (
        template({**GUARD, "Condition": {"NotIpAddress": {"aws:SourceIp": {
            "Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "b"]}}}}, Mappings={"M": {"a": {"b": "203.0.113.0/24"}}}), None,
    ),
    "a literal in Sub": (
        template({**TEXT, "Condition": {"StringEquals": {"aws:ResourceAccount": {
            "Fn::Sub": "${!aws:ResourceAccount}"}}}}), True,
    ),
    "the account in a Deny": (template({**GUARD, "Principal": {"AWS": {"Fn::Sub": "${AWS::AccountId}"}}}), True),
    "the account in a Deny beside a grant to all": (
        template({**GUARD, "Principal": {"AWS": {"Ref": "AWS::AccountId"}}}, READ), False,
    ),
    "select and split": (
        template({**GUARD, "Condition": {"NotIpAddress": {"aws:SourceIp": {
            "Fn::Select": [1, {"Fn::Split": [",", "x,203.0.113.0/24"]}]}}}}), True,
    ),
    "a function that nobody knows": (template({**GUARD, "Resource": {"Fn::Cidr": ["a", "b", "c"]}}), None),
    "a function beside another": (template({**GUARD, "Resource": {"Ref": "Images", "Fn::Sub": "x"}}), None),
    "a Ref to a list": (template({**GUARD, "Resource": {"Ref": ["x"]}}), None),
    "a nested stack that gets the bucket": (
        resource(template(GUARD), "Nested", Type="AWS::CloudFormation::Stack", Properties={
            "Parameters": {"B": {"Ref": "Images"}}}), None,
    ),
    **{f"{kind} of something else, case {i}": (
        resource(template(GUARD), "Other", Type=kind, Properties=properties), answer)
       for i, (kind, properties, answer) in enumerate((
           ("AWS::CloudFormation::Stack", {"TemplateURL": "https://x.s3.amazonaws.com/t"}, None),
           ("AWS::CloudFormation::StackSet", {}, None),
           ("AWS::CloudFormation::CustomResource", {"ServiceToken": {"Fn::GetAtt": ["F", "Arn"]}}, None),
           ("Custom::Lock", {"Name": {"Fn::Join": ["-", ["gt", {"Ref": "Env"}]]}}, None),
           ("Custom::AWS", {"Create": {"Fn::Sub": "${x}"}}, None),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": {"Fn::Sub": "${x}"}}, None),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": READS, "Update": READS}, True),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": READS, "Update": {"Ref": "Env"}}, None),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": READS.replace("get", "put")}, None),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": READS, "Delete": READS.replace("SSM", "S3").replace(
               "getParameter", "deleteBucketPolicy")}, None),
           ("Custom::AWS", {"ServiceToken": {"Fn::GetAtt": ["Mine", "Arn"]}, "Create": READS}, None),
           ("Custom::AWS", {"ServiceToken": CALLS, "Create": "getParameter"}, None),
           ("Custom::AWS", {"ServiceToken": CALLS}, True),
           ("Custom::LogRetention", {"LogGroupName": {"Ref": "F"}}, True),
           ("Custom::CDKBucketDeployment", {"DestinationBucketName": {"Ref": "Images"}}, True),
           ("AWS::SSM::Association", {}, None),
           ("AWS::SSM::Parameter", {"Value": {"Ref": "Images"}}, True),
           ("AWS::Config::ConformancePack", {"TemplateBody": {"Ref": "Env"}}, None),
           ("AWS::SageMaker::Project", {}, None),
           ("AWS::ServiceCatalog::CloudFormationProvisionedProduct", {}, None),
           ("AWS::ServiceOfNextYear::Thing", {}, None),
           ("AWS::S3::BucketPolicyPart", {}, None),
           ("AWS::S3::AccessPoint", {"Bucket": {"Ref": "Images"}}, True),
           ("AWS::Lambda::Function", {"Environment": {"Variables": {"B": {"Ref": "Images"}}}}, True),
           ("AWS::DynamoDB::Table", {}, True),
           ("AWS::EC2::VPC", {}, True),
           ("AWS::CloudFront::Distribution", {"O": {"Fn::GetAtt": ["Images", "RegionalDomainName"]}}, True),
           ("AWS::Serverless::Function", {"Events": {"E": {"Properties": {"Bucket": {"Ref": "Images"}}}}}, True),
           ("AWS::Serverless::Application", {}, None),
           ("Datadog::Monitors::Monitor", {"Query": {"Ref": "Images"}}, None),
       ))},
    "an origin access control of CDK": (
        template(GUARD, {
            "Action": "s3:GetObject", "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Images", "Arn"]}, "/*"]]},
            "Condition": {"StringEquals": {"AWS:SourceArn": {"Fn::Join": ["", [
                "arn:", {"Ref": "AWS::Partition"}, ":cloudfront::", {"Ref": "AWS::AccountId"}, ":distribution/",
                {"Ref": "Distribution"}]]}}}}), True,
    ),
    **{f"an Allow of {name}": (
        resource(template({**GUARD, "Sid": {"Fn::ImportValue": "x"}},
                          {element: each for element, each in {**READ, **allow}.items() if each}),
                 "Mine", Type=kind, Properties={}), answer,
    ) for name, kind, allow, answer in (
        ("a role without an ARN yet", "AWS::IAM::Role", {"Principal": {"AWS": MINE}}, True),
        ("a user without an ARN yet and a role", "AWS::IAM::User",
         {"Principal": {"AWS": [MINE, "arn:aws:iam::111122223333:role/R"]}}, True),
        ("a role and a service", "AWS::IAM::Role", {"Principal": {"AWS": MINE, "Service": "s3.amazonaws.com"}}, True),
        ("a role and a service that is not known", "AWS::IAM::Role",
         {"Principal": {"AWS": MINE, "Service": {"Ref": "Env"}}}, None),
        ("a role in a text", "AWS::IAM::Role", {"Principal": {"AWS": {"Fn::Sub": "${Mine.Arn}"}}}, None),
        ("all but a role", "AWS::IAM::Role", {"Principal": None, "NotPrincipal": {"AWS": MINE}}, None),
        ("something else with an ARN", "AWS::SNS::Topic", {"Principal": {"AWS": MINE}}, None),
    )},
    "an open Allow beside one of unknown addresses": (
        template(READ, {**READ, "Condition": {"IpAddress": {"aws:SourceIp": {"Ref": "Cidr"}}}},
                 Parameters={"Cidr": {"Type": "String"}}), False,
    ),
    "an Allow of everybody from unknown addresses": (
        template({**GUARD, "Action": "s3:PutObject"},
                 {**READ, "Condition": {"IpAddress": {"aws:SourceIp": {"Ref": "Cidr"}}}},
                 Parameters={"Cidr": {"Type": "String"}}), False,
    ),
    "an empty part": ({**template(GUARD), "Parameters": None, "Conditions": None, "Mappings": None}, True),
    "a bucket without properties": (
        resource(resource(template(GUARD), "Images", Type="AWS::S3::Bucket", Properties=None), "X"), None,
    ),
    "no resources": ({"Resources": None}, None),
    "no resources, as CDK writes it": ({"Parameters": {"BootstrapVersion": {"Type": "String"}}, "Rules": {}}, None),
    "a service that sets no bucket policy": (
        resource(template(GUARD), "Flow", Type="AWS::AppFlow::Flow", Properties={}), True,
    ),
    "a module": (resource(template(GUARD), "M", Type="My::S3::Thing::MODULE", Properties={}), None),
    "a custom resource of the bucket": (
        resource(template(GUARD), "C", Type="Custom::Open", Properties={"B": {"Ref": "Images"}}), None,
    ),
    "what CDK adds": (
        resource(resource(template(
            GUARD, Parameters={"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk"}},
            Rules={"CheckBootstrapVersion": {"Assertions": []}}), "Delete", Type="Custom::S3AutoDeleteObjects",
            Properties={"BucketName": {"Ref": "Images"}}), "CDKMetadata", Type="AWS::CDK::Metadata", Condition="C"), True,
    ),
    "another attribute": (resource(template(GUARD), Replaces="x"), None),
    "a document as text": (with_policy("{}"), None),
    "a policy without a document": (resource(template(GUARD), Properties={"Bucket": "gt-images"}), None),
}  # fmt: skip
