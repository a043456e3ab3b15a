import ast
import dataclasses
import json
from pathlib import Path

import pytest

import gt_secure.findings
from gt_secure import Restriction
from gt_secure.account.bucket import AclGrant, UrlAges
from gt_secure.account.state import State, TaskTemplate
from gt_secure.base.allowed import Allowed
from gt_secure.check import CheckFailed
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.part import Part
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.bucket_guard import Guard, build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.findings import workteam_rules
from gt_secure.findings.listings import FindingsReport
from gt_secure.findings.model import catalog
from gt_secure.findings.page_links import PageLinks
from gt_secure.findings.run import RULES, examine
from support import states
from support.guards import merge_guard, merge_guards, without_forms
from support.principals import READ, details, user
from support.states import encrypted, endpoint, logs, template, unread, workforce, workteam
from support.subjects import subjects

pytestmark = pytest.mark.usefixtures("known_texts")

ACCOUNT = "111122223333"
LOGS_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::gt-logs/s3/*",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:s3:::gt-images"},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            }
        ],
    }
)
GUARD = build_guard("gt-images", networks=["203.0.113.0/24"])
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
WANTED = Restriction(bucket="gt-images", addresses="203.0.113.0/24")
BUCKET = states.data_bucket(
    policy=merge_guard(None, GUARD),
    **logs(policy=LOGS_POLICY),
    cors=({"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},),
    public_access_block=BLOCKED,
)
GOOD = states.state(
    team=workteam("radiology", source_ip=True),
    workforce=workforce("private-crowd", ("203.0.113.0/24",)),
    bucket=BUCKET,
    endpoints=(),
    templates=(template("job-1", "<img src='{{ task.input.src | grant_read_access }}'>"),),
    wanted=WANTED,
)
IN_VPC = build_guard("gt-images", endpoints=["vpce-0a1b2c3d4e5f60718"])
VPC = states.with_parts(
    GOOD,
    bucket=dataclasses.replace(BUCKET, policy=states.part(merge_guard(None, IN_VPC))),
    wanted=Restriction(bucket="gt-images", endpoints="vpce-0a1b2c3d4e5f60718"),
    team=workteam("vpc-team", vpc_source_ip=True),
    workforce=workforce("private-crowd", ("10.0.0.0/16",), "vpc-0a1b2c3d"),
    endpoints=(endpoint("vpce-0a1b2c3d4e5f60718", "vpc-0a1b2c3d"),),
)


def codes(seen):
    return {finding.code for finding in examine(seen).findings}


def change(seen=GOOD, **fields):
    return states.with_parts(seen, **fields)


def bucket(**parts):
    made = {
        name: value if name in ("region", "url_ages", "version_2") else states.part(value)
        for name, value in parts.items()
    }
    return change(bucket=dataclasses.replace(BUCKET, **made))


def people(number, *others, **more):
    """Return a state with users who may read, and what a log shows of them."""
    listed = details(*(user(f"u{i}", READ) for i in range(number)), *others)
    principals = parse_principals(json.dumps(listed))
    return change(bucket=dataclasses.replace(BUCKET, **more), principals=principals)


def policy(*statements):
    return merge_guard(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), GUARD)


def statement(effect="Allow", principal="*", **more):
    return {
        "Effect": effect, "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
        **more,
    }  # fmt: skip


def endpoint_policy(*buckets):
    return json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*",
                        "Resource": [f"arn:aws:s3:::{b}/*" for b in buckets]}]}
    )  # fmt: skip


NAIVE = statement(
    "Deny", Action="s3:*", Condition={"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}
)
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/GroundTruthExecution/worker-7"
GT_BUCKETS = ("sagemaker-labeling-data-us-east-1", "sm-bxcb-us-east-1-saved-task-states")
KEY_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt",
              "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}]}  # fmt: skip
EXEMPT = json.loads(json.dumps(KEY_POLICY))
EXEMPT["Statement"][0]["Condition"]["Bool"] = {"aws:ViaAWSService": "true"}

GROUPS = "http://acs.amazonaws.com/groups/global/"
CANONICAL = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
OAI = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"
OTHER_WAYS = [
    ("cloudfront-grant", statement(principal={"Service": "cloudfront.amazonaws.com"})),
    ("cloudfront-grant", statement(
        principal={"Service": ["logging.s3.amazonaws.com", "CloudFront.amazonaws.com"]}, Action="s3:Get*",
        Condition={"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"}})),
    ("cloudfront-grant", statement(principal={"AWS": OAI})),
    ("canonical-user-grant", statement(principal={"CanonicalUser": CANONICAL})),
    ("other-account-grant", statement(principal={"AWS": "arn:aws:iam::999999999999:root"})),
    ("other-account-grant", statement(principal={"AWS": "999999999999"}, Action="s3:*")),
    ("other-account-grant", statement(principal={"AWS": "arn:aws:iam::999999999999:role/reader"})),
    ("other-account-grant", statement(principal={"AWS": [f"arn:aws:iam::{ACCOUNT}:root",
                                                         "arn:aws:iam::999999999999:user/u"]})),
    ("acl-grant", statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}, Action="s3:PutObjectAcl")),
    ("acl-grant", statement(principal={"AWS": "arn:aws:iam::999999999999:root"}, Action="s3:Put*")),
    ("acl-grant", statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}, Action=["s3:*Acl"])),
    ("replication-grant", statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"},
                                    Action="s3:GetObjectVersionForReplication")),
    ("replication-grant", statement(principal={"AWS": "arn:aws:iam::999999999999:root"}, Action="s3:*")),
    ("access-point-delegation", statement(
        principal={"AWS": "*"}, Action="*", Resource=["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"],
        Condition={"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}})),
    ("access-point-delegation", statement(Condition={"ArnLike": {
        "s3:DataAccessPointArn": f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/*"}})),
    ("access-point-delegation", statement(Condition={"StringEquals": {"S3:accesspointNetworkOrigin": "VPC"}})),
]  # fmt: skip

BAD = [
    ("url-lock-both", change(team=workteam("t", "private", True, True)), "t"),
    ("url-lock-off", change(team=workteam("t")), "t"),
    ("url-lock-impossible", change(team=workteam("v", "vendor")), "v"),
    ("url-lock-portal-mismatch", change(team=workteam("t", "private", vpc_source_ip=True)), "t"),
    ("url-lock-portal-mismatch", change(VPC, team=workteam("t", "private", source_ip=True)), "t"),
    ("url-lock-one-path", change(VPC, workforce=workforce("w", (), "vpc-0a1b2c3d")), "vpc-team"),
    ("url-lock-one-path", change(VPC, team=workteam("t", source_ip=True), workforce=workforce(
        "w", ("203.0.113.0/24",), "vpc-0a1b2c3d")), "t"),
    ("endpoint-not-of-the-url-lock", bucket(policy=merge_guard(
        None, build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"]))), "radiology"),
    ("team-locked-out", bucket(policy=merge_guard(None, IN_VPC)), "radiology"),
    ("team-locked-out", change(VPC, bucket=BUCKET), "vpc-team"),
    ("team-locked-out", bucket(policy=merge_guard(None, build_guard(
        "gt-images", prefix="scans/", endpoints=["vpce-0a1b2c3d"]))), "radiology"),
    ("private-address-alone", change(VPC, bucket=dataclasses.replace(BUCKET, policy=states.part(None))), "vpc-team"),
    ("portal-lock-absent", change(workforce=workforce("w")), "w"),
    ("portal-lock-open", change(workforce=workforce("w", ("203.0.113.0/24", "0.0.0.0/0"))), "w"),
    ("portal-lock-open", change(workforce=workforce("w", ("::/0",))), "w"),
    ("portal-lock-private", change(workforce=workforce("w", ("203.0.113.0/24", "10.0.0.0/16"))), "w"),
    ("portal-lock-private", change(workforce=workforce("w", ("10.0.0.0/8", "11.0.0.0/8"))), "w"),
    ("portal-lock-open", change(workforce=workforce("w", ("0.0.0.0/1", "128.0.0.0/1"))), "w"),
    ("portal-public-beside-vpc", change(VPC, workforce=workforce("w", (), "vpc-0a1b2c3d")), "w"),
    ("portal-public-beside-vpc", change(VPC, workforce=workforce("w", ("203.0.113.0/24",), "vpc-0a1b2c3d")), "w"),
    ("ipv4-only", change(workforce=workforce("w", ("203.0.113.0/24",), None, "dualstack")), "w"),
    ("bucket-allow-everyone", bucket(policy=policy(statement())), "gt-images"),
    ("bucket-allow-everyone", bucket(policy=policy(statement(principal={"AWS": ["*"]}, Action="s3:Get*"))),
     "gt-images"),
    ("bucket-allow-everyone", bucket(policy=policy(
        {"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "*", "Resource": "*"})), "gt-images"),
    ("bucket-allow-session", bucket(policy=policy(statement(principal={"AWS": SESSION_ARN}))), "gt-images"),
    ("bucket-deny-breaks-ground-truth", bucket(policy=policy(NAIVE)), "gt-images"),
    ("bucket-deny-breaks-ground-truth", bucket(policy=policy({**NAIVE, "Resource": "arn:aws:s3:::gt-images/a/*"})),
     "gt-images"),
    ("bucket-deny-breaks-ground-truth", bucket(policy=policy(statement("Deny", Action="s3:PutObject",
        Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}))), "gt-images"),
    ("bucket-policy-unreadable", bucket(policy=policy(statement(Condition={"IpAdress": {}}))), "gt-images"),
    ("bucket-principal-deleted", bucket(policy=policy(statement(principal={"AWS": "AROAEXAMPLE1234567890"}))),
     "gt-images"),
    ("presigned-from-anywhere", bucket(policy=None), "gt-images"),
    ("version-2-urls", bucket(url_ages=(), version_2={"boto3": 3}), "gt-images"),
    ("urls-live-long", bucket(url_ages=(UrlAges("role a", 7, 700, 604_800),)), "gt-images"),
    ("many-signers", people(6), "gt-images"),
    ("cors-missing", bucket(cors=()), "gt-images"),
    ("cors-missing", bucket(cors=({"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]},)), "gt-images"),
    ("logging-off", bucket(logging=None), "gt-images"),
    ("log-target-unfit", bucket(**logs(policy=LOGS_POLICY, kms=True)), "gt-logs"),
    ("log-target-unfit", bucket(**logs(policy=LOGS_POLICY, object_lock=True)), "gt-logs"),
    ("log-target-unfit", bucket(**logs(policy=LOGS_POLICY, requester_pays=True)), "gt-logs"),
    ("log-target-unfit", bucket(**logs(policy=LOGS_POLICY, region="eu-west-1")), "gt-logs"),
    ("log-target-unfit", bucket(**logs(policy=None)), "gt-logs"),
    ("log-target-unfit", bucket(**logs(policy=LOGS_POLICY, prefix="other/")), "gt-logs"),
    ("log-target-unfit", bucket(**logs("gt-images", policy=LOGS_POLICY)), "gt-images"),
    ("s3-endpoint-missing", change(VPC, endpoints=()), "vpc-0a1b2c3d"),
    ("s3-endpoint-missing", change(VPC, endpoints=(endpoint("vpce-0a1b2c3d", "vpc-0ffffffff"),)), "vpc-0a1b2c3d"),
    ("s3-endpoint-missing", change(VPC, endpoints=(endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", state="pending"),)),
     "vpc-0a1b2c3d"),
    ("s3-endpoint-no-private-dns",
     change(VPC, endpoints=(endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", "Interface"),)),
     "vpce-0a1b2c3d"),
    ("endpoint-policy-blocks", change(VPC, endpoints=(endpoint(
        "vpce-0a1b2c3d", "vpc-0a1b2c3d", policy_text=endpoint_policy("gt-images")),)), "vpce-0a1b2c3d"),
    ("endpoint-policy-blocks", change(VPC, endpoints=(endpoint(
        "vpce-0a1b2c3d", "vpc-0a1b2c3d", policy_text=endpoint_policy(*GT_BUCKETS)),)), "vpce-0a1b2c3d"),
    ("block-public-access-off", bucket(public_access_block={**BLOCKED, "BlockPublicPolicy": False}), "gt-images"),
    ("template-without-grant", change(templates=(template("job", "<img src='{{ task.input.src }}'>"),)), "job"),
    ("kms-network-condition", bucket(encryption=encrypted("key-1"), key_policy=json.dumps(KEY_POLICY)), "key-1"),
    ("kms-session", bucket(encryption=encrypted("key-1")), "gt-images"),
    ("guard-missing", bucket(policy=None), "gt-images"),
    ("guard-drifted", bucket(policy=merge_guard(None, {**GUARD, "Action": "s3:Get*"})),
     "gt-images"),
    ("guard-drifted", bucket(policy=merge_guard(None, without_forms(GUARD))), "gt-images"),
    ("guard-narrower", change(wanted=Restriction(bucket="gt-images", addresses=["203.0.113.0/25"])), "gt-images"),
    ("guard-narrower", bucket(policy=merge_guard(
        None, build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"]))), "gt-images"),
    ("guard-narrower", bucket(policy=merge_guard(
        None, build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"]))), "gt-images"),
    ("guard-stale", change(wanted=Restriction(bucket="gt-images", addresses=["203.0.113.0/24", "2001:db8::/32"])),
     "gt-images"),
    ("guard-stale", change(wanted=Restriction(
        bucket="gt-images", addresses=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"])), "gt-images"),
    ("guard-open", bucket(policy=merge_guard(None, build_guard("gt-images", networks=["0.0.0.0/0"]))),
     "gt-images"),
    ("guard-private-address", bucket(policy=merge_guard(
        None, build_guard("gt-images", networks=["203.0.113.0/24", "10.0.0.0/8"]))), "gt-images"),
    *((code, bucket(policy=policy(allow)), "gt-images") for code, allow in OTHER_WAYS),
    ("access-point", bucket(access_points=(AccessPoint("my-ap", "arn:aws:s3:::ap"),)), "gt-images"),
    ("website-on", bucket(website=True), "gt-images"),
    ("replication-on", bucket(replicas=("arn:aws:s3:::copies",)), "gt-images"),
    ("bucket-acl-public", bucket(acl_grants=(AclGrant(GROUPS + "AllUsers", "READ"),), public_access_block={}),
     "gt-images"),
    ("bucket-acl-public", bucket(acl_grants=(AclGrant(GROUPS + "AuthenticatedUsers", "WRITE"),),
                                 public_access_block={"BlockPublicAcls": True}), "gt-images"),
    ("bucket-acl-other", bucket(acl_grants=(AclGrant("79a59df900b949e5", "FULL_CONTROL"),)), "gt-images"),
    ("not-checked", bucket(cors=unread("s3:GetBucketCORS", resource="arn:aws:s3:::gt-images")),
     "arn:aws:s3:::gt-images"),
]  # fmt: skip


@pytest.mark.parametrize("seen", [GOOD, VPC], ids=["public", "vpc"])
def test_a_sound_account_has_no_findings(seen):
    assert examine(seen).findings == ()


@pytest.mark.parametrize(
    ("code", "seen", "subject"), BAD, ids=[f"{i}-{row[0]}" for i, row in enumerate(BAD)]
)
def test_each_fault_is_found_with_its_subject(code, seen, subject):
    found = [finding for finding in examine(seen).findings if finding.code == code]
    assert subject in [finding.subject for finding in found]
    for finding in found:
        assert finding.severity in ("high", "medium", "low", "info")
        assert finding.fix
        assert finding.why
        assert finding.source_url.startswith("https://docs.aws.amazon.com/")
        assert finding.looked_at or code == "not-checked"
        assert code in json.dumps(finding.to_dict())


def test_block_public_access_of_the_account_counts_where_it_is_known():
    off = {**BLOCKED, "RestrictPublicBuckets": False}
    seen = bucket(public_access_block=off)
    assert "block-public-access-off" in codes(seen)
    assert "block-public-access-off" in codes(change(seen, account_block={}))
    assert "block-public-access-off" in codes(
        change(seen, account_block={"IgnorePublicAcls": True})
    )
    assert "block-public-access-off" not in codes(
        change(seen, account_block={"RestrictPublicBuckets": True})
    )


def test_a_public_acl_that_the_account_ignores():
    public = bucket(acl_grants=(AclGrant(GROUPS + "AllUsers", "READ"),), public_access_block={})

    def said(**more):
        return [
            (each.state, each.depends_on)
            for each in examine(change(public, **more)).findings
            if each.code == "bucket-acl-public"
        ]

    assert said(account_block={"IgnorePublicAcls": False}) == [("found", ())]
    assert said(account_block={"IgnorePublicAcls": True}) == []
    assert said() == [("unknown", ("s3:GetAccountPublicAccessBlock",))]
    ignored = bucket(
        acl_grants=public.bucket.acl_grants, public_access_block={"IgnorePublicAcls": True}
    )
    assert "bucket-acl-public" not in codes(ignored)


@pytest.mark.parametrize(
    ("by_account", "detail"),
    [
        (None, "These settings of the bucket are off: BlockPublicAcls, RestrictPublicBuckets. The settings of the account, which may turn them on, "
               "were not read."),
        ({}, "These settings are off for the bucket and the account: BlockPublicAcls, RestrictPublicBuckets."),
        ({"RestrictPublicBuckets": True}, "These settings are off for the bucket and the account: BlockPublicAcls."),
    ],
)  # fmt: skip
def test_block_public_access_says_what_is_known_of_the_account(by_account, detail):
    off = {**BLOCKED, "BlockPublicAcls": False, "RestrictPublicBuckets": False}
    found = examine(change(bucket(public_access_block=off), account_block=by_account)).findings
    assert [each.detail for each in found if each.code == "block-public-access-off"] == [detail]


def test_every_code_of_the_data_file_has_a_check_and_a_case():
    assert {rule.code for rule in RULES} | {"not-checked"} == set(catalog())
    assert {row[0] for row in BAD} == set(catalog())


OPEN = {
    "bucket-policy-unreadable": "a value that is known later may be what makes it readable",
    "many-signers": "another statement may refuse the signers",
    "urls-live-long": "about the log",
    "version-2-urls": "about the log",
}
"""Rules about the policy alone that other statements of a planned policy can still decide."""
ABOUT_POLICY = {
    rule.code: rule
    for rule in RULES
    if rule.needs == ("bucket.policy",)
    and set(rule.given) <= {"log", "presigned URL", "principals"}
}


def test_each_rule_about_a_policy_alone_says_whether_one_statement_settles_it():
    assert {code for code, rule in ABOUT_POLICY.items() if not rule.settled_by_one} == set(OPEN), (
        "settled_by_one"
    )
    assert {rule.code for rule in RULES if rule.settled_by_one} <= set(ABOUT_POLICY)


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        (code, seen)
        for code, seen, _ in BAD
        if code in ABOUT_POLICY and ABOUT_POLICY[code].settled_by_one
    ],
)
def test_what_one_statement_settles_is_found_beside_any_other(code, seen):
    document = json.loads(seen.bucket.policy.value)
    for other in (
        statement("Deny", Action="*", Resource="*"),
        statement(principal={"AWS": ACCOUNT}, Resource="*"),
    ):
        text = json.dumps(document | {"Statement": [*document["Statement"], other]})
        assert code in codes(
            change(seen, bucket=dataclasses.replace(seen.bucket, policy=states.part(text)))
        )


def test_gravest_first():
    order = ["high", "medium", "low", "info"]
    found = examine(
        change(workforce=workforce("w"), bucket=states.data_bucket(encryption=encrypted("k")))
    ).findings
    assert [f.severity for f in found] == sorted((f.severity for f in found), key=order.index)
    assert {f.severity for f in found} == set(order)


def test_what_could_not_be_read_is_no_finding_but_is_told():
    found = examine(
        bucket(policy=unread("s3:GetBucketPolicy"), cors=unread("s3:GetBucketCORS"), logging=None)
    ).findings
    assert "guard-missing" not in {f.code for f in found}
    assert "cors-missing" not in {f.code for f in found}
    assert "logging-off" in {f.code for f in found}
    told = {f.could_not_see: f.detail for f in found if f.code == "not-checked"}
    assert "guard-missing" in told["s3:GetBucketPolicy",]
    assert "cors-missing" in told["s3:GetBucketCORS",]


@pytest.mark.parametrize(
    ("why", "said"), [("denied", "was denied"), ("no answer", "got no answer")]
)
def test_a_check_that_could_not_run_says_why(why, said):
    (blind,) = examine(bucket(cors=unread("s3:GetBucketCORS", why=why))).findings
    assert blind.detail == f"s3:GetBucketCORS {said}. Not known: cors-missing."


def test_what_was_not_asked_for_is_silent():
    assert examine(bucket(cors=unread("s3:GetBucketCORS", why="not asked"))).findings == ()


def test_an_unreadable_workforce_is_no_workforce_without_a_vpc():
    assert codes(change(VPC, workforce=unread("sagemaker:DescribeWorkforce"))) == {"not-checked"}
    # whether the policy of the listed endpoint opens is unknown
    unknown = {
        "not-checked",
        "presigned-from-anywhere",
    }
    assert codes(change(VPC, endpoints=unread("ec2:DescribeVpcEndpoints"))) == unknown


def test_each_rule_says_what_its_findings_are_about():
    subjects = {each.code: each.subject for each in RULES}
    assert set(subjects.values()) == {"team", "workforce", "bucket", "endpoint", "job"}
    for each in RULES:
        assert each.needs
        assert any(name.startswith("bucket.") for name in each.needs) or each.subject != "bucket"


def test_the_public_team_is_named_as_gone():
    team = workteam("public-crowd", "public")
    assert "ended with Mechanical Turk on 2026-09-30" in team.url_lock_text
    [found] = [
        each for each in examine(change(team=team)).findings if each.code == "url-lock-impossible"
    ]
    assert "ended with Mechanical Turk" in found.detail


def test_the_guard_itself_never_stops_ground_truth():
    assert "bucket-deny-breaks-ground-truth" not in codes(GOOD)


@pytest.mark.parametrize(
    "policy_text",
    [
        policy(statement(Action="s3:PutObject")), policy(statement(principal={"AWS": ACCOUNT})),
        policy(statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/R"})),
        policy(statement("Deny", {"AWS": "444455556666"})),
        policy({**NAIVE, "Condition": {**NAIVE["Condition"], "Null": {"aws:SourceIp": "false"}}}),
    ],
)  # fmt: skip
def test_harmless_statements_are_not_reported(policy_text):
    assert codes(bucket(policy=policy_text)) == set()


def test_harmless_neighbours():
    assert codes(bucket(encryption=encrypted("k"), key_policy=json.dumps(EXEMPT))) == {
        "kms-session"
    }
    assert codes(change(templates=(template("job"),))) == {"not-checked"}
    assert (
        codes(
            change(
                VPC,
                endpoints=(
                    endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", "Interface", private_dns=True),
                ),
            )
        )
        == set()
    )
    fits = endpoint(
        "vpce-0a1b2c3d", "vpc-0a1b2c3d", policy_text=endpoint_policy("gt-images", *GT_BUCKETS)
    )
    assert codes(change(VPC, endpoints=(fits,))) == set()
    both = change(workforce=workforce("w", ("203.0.113.0/24", "2001:db8::/32"), None, "dualstack"))
    assert codes(both) == {"ipv4-only"}  # the guard still lists IPv4 only
    assert codes(change(wanted=None)) == set()
    assert (
        codes(change(wanted=Restriction(bucket="other-bucket", addresses="203.0.113.0/24")))
        == set()
    )
    assert codes(State("us-east-1", "aws", ACCOUNT, "", GOOD.at)) == set()
    assert codes(bucket(policy=policy(NAIVE), region="mx-central-1", logging=None)) == {
        "bucket-deny-breaks-ground-truth", "logging-off",
    }  # fmt: skip


def test_a_log_bucket_whose_policy_is_unknown_is_not_blamed():
    assert codes(bucket(**logs(policy=unread("s3:GetBucketPolicy")))) == {"not-checked"}


def test_the_policy_room_imports_no_aws_code():
    folder = Path(gt_secure.findings.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(
                name.split(".")[0] in ("boto3", "botocore") or name == "aws.client"
                for name in names
            ), path


def detail(code, seen):
    return [finding.detail for finding in examine(seen).findings if finding.code == code]


def test_one_of_several_principals_is_enough():
    listed = {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/R", "*"]}
    assert "bucket-allow-everyone" in codes(bucket(policy=policy(statement(principal=listed))))


def test_the_back_end_is_that_of_the_buckets_region():
    """A Deny that spares the back end of one region breaks jobs in another;
    the region of the account is second.
    """
    spared = statement(
        "Deny",
        Action="s3:*",
        Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-0788e7ed8628e595d"}},
    )
    code, text = "bucket-deny-breaks-ground-truth", policy(spared)
    assert code not in codes(bucket(policy=text, region="eu-west-1", logging=None))
    assert code in codes(bucket(policy=text, region="us-east-1"))
    assert code not in codes(
        change(bucket(policy=text, region="", logging=None), region="eu-west-1")
    )
    assert code in codes(change(bucket(policy=text, region="", logging=None), region="us-east-1"))


def test_the_back_end_calls_as_a_role_of_the_account():
    code = "bucket-deny-breaks-ground-truth"
    spared = statement(
        "Deny",
        Action="s3:*",
        Condition={"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}},
    )
    assert code in codes(bucket(policy=policy(spared)))
    assert code not in codes(change(bucket(policy=policy(spared)), account_id="444455556666"))


def test_a_deny_for_all_but_a_prefix_is_tried_outside_of_it():
    rest = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "NotResource": "arn:aws:s3:::gt-images/scans/*",
    }
    assert "bucket-deny-breaks-ground-truth" in codes(bucket(policy=policy(rest)))
    none = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []}
    assert "bucket-deny-breaks-ground-truth" not in codes(bucket(policy=policy(none)))


def test_only_the_network_keys_of_a_key_policy_are_named_and_only_with_a_key():
    document = json.loads(json.dumps(KEY_POLICY))
    document["Statement"][0]["Condition"]["StringEquals"] = {"kms:CallerAccount": ACCOUNT}
    assert detail(
        "kms-network-condition", bucket(encryption=encrypted("k"), key_policy=json.dumps(document))
    ) == ["See statement 1 of the key policy, under aws:SourceIp."]
    assert (
        detail("kms-network-condition", bucket(encryption={}, key_policy=json.dumps(document)))
        == []
    )


def test_a_check_that_needs_two_readings_says_nothing_without_one_of_them():
    seen = bucket(encryption=encrypted("k"), key_policy=json.dumps(KEY_POLICY))
    assert "kms-network-condition" in codes(seen)
    blind = bucket(encryption=encrypted("k"), key_policy=unread("kms:GetKeyPolicy"))
    assert "kms-network-condition" not in codes(blind)


def guarded(*networks, endpoints=()):
    text = merge_guard(None, build_guard("gt-images", networks=networks, endpoints=endpoints))
    return dataclasses.replace(BUCKET, policy=Part.of(text))


@pytest.mark.parametrize(
    ("held", "subjects"),
    [
        (guarded("203.0.113.0/24"), ["gt-images"]), (guarded("203.0.113.0/24", "2001:db8::/32"), []),
        (guarded("2001:db8::/32"), []), (guarded(endpoints=["vpce-0a1b2c3d"]), []),
        (dataclasses.replace(BUCKET, policy=Part.of(None)), []),
    ],
)  # fmt: skip
def test_a_list_is_ipv4_only_if_it_has_addresses_and_all_are(held, subjects):
    dual = workforce("w", ("203.0.113.0/24", "2001:db8::/32"), None, "dualstack")
    found = examine(change(workforce=dual, bucket=held, wanted=None)).findings
    assert [finding.subject for finding in found if finding.code == "ipv4-only"] == subjects


def test_one_endpoint_that_names_lead_to_is_enough():
    interface = endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", "Interface")
    gateway = endpoint("vpce-0b1b2c3d", "vpc-0a1b2c3d", "Gateway")
    assert codes(change(VPC, endpoints=(interface, gateway))) == set()
    assert codes(change(VPC, endpoints=(interface, interface))) == {"s3-endpoint-no-private-dns"}


def through(*statements, **more):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return change(
        VPC, endpoints=(endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", policy_text=document),), **more
    )


def test_endpoint_policies():
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    other = {**allow, "Resource": "arn:aws:s3:::other/*"}
    assert codes(through(other, allow)) == set()  # one statement that allows is enough
    assert codes(through(allow, {**allow, "Effect": "Deny"})) == {"endpoint-policy-blocks"}
    for key, value in (("aws:SourceVpce", "vpce-0a1b2c3d"), ("aws:SourceVpc", "vpc-0a1b2c3d")):
        assert codes(through({**allow, "Condition": {"StringEquals": {key: value}}})) == set()
        assert codes(through({**allow, "Condition": {"StringEquals": {key: "x"}}})) == {
            "endpoint-policy-blocks"
        }
    mine = {**allow, "Principal": {"AWS": "444455556666"}}
    assert codes(through(mine)) == {"endpoint-policy-blocks"}
    assert "endpoint-policy-blocks" not in codes(through(mine, account_id="444455556666"))
    # A policy that cannot be evaluated blocks nothing that is known; who can open is unknown then.
    assert codes(through({**allow, "Condition": {"IpAdress": {}}})) == {
        "presigned-from-anywhere", "private-address-alone",
    }  # fmt: skip


def test_a_public_range_beside_a_private_one_leaves_the_public_portal_open():
    mixed = workforce("w", ("10.0.0.0/16", "203.0.113.0/24"), "vpc-0a1b2c3d")
    assert "portal-public-beside-vpc" in codes(change(VPC, workforce=mixed))
    closed = workforce("w", ("10.0.0.0/16", "172.16.0.0/12"), "vpc-0a1b2c3d")
    assert codes(change(VPC, workforce=closed)) == set()


def test_findings_of_each_severity_stand_in_their_order():
    seen = change(workforce=workforce("w"), bucket=states.data_bucket(encryption=encrypted("k")))
    order = [finding.severity for finding in examine(seen).findings]
    assert order == sorted(order, key=["high", "medium", "low", "info"].index)
    assert order.index("medium") < order.index("low") < order.index("info")


@pytest.mark.parametrize(
    "allow",
    [
        statement(principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        statement(principal={"AWS": ACCOUNT}, Action="s3:*"),
        statement(principal={"Service": "cloudfront.amazonaws.com"}, Action="s3:ListBucket",
                  Resource="arn:aws:s3:::gt-images"),
        statement("Deny", principal={"AWS": "arn:aws:iam::999999999999:root"}),
        statement(principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:PutObject"),
    ],
)  # fmt: skip
def test_no_other_way_is_reported_where_there_is_none(allow):
    others = {code for code, _ in OTHER_WAYS}
    assert not codes(bucket(policy=policy(allow))) & others


def test_other_ways_that_could_not_be_read_are_unknown():
    read = {"website": "website-on", "replicas": "replication-on", "acl_grants": "bucket-acl-public",
            "access_points": "access-point"}  # fmt: skip
    for name, code in read.items():
        (blind,) = examine(bucket(**{name: unread(f"s3:Get{name}")})).findings
        assert blind.code == "not-checked"
        assert code in blind.detail


def test_an_acl_that_block_public_access_ignores_and_log_delivery_are_harmless():
    logs = AclGrant("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE")
    assert not codes(bucket(acl_grants=(AclGrant(GROUPS + "AllUsers", "READ"), logs)))


SAMPLES = Path(__file__).parent.parent / "data" / "data-perimeter"
BREAKS = "bucket-deny-breaks-ground-truth"


def found_in(text, **facts):
    known = {key.replace("_", ":"): values for key, values in facts.items()}
    return [
        each
        for each in examine(change(bucket(policy=text), facts=Facts(known))).findings
        if each.code == BREAKS
    ]


def sample(name):
    """A published resource control policy as a bucket policy."""
    data = json.loads((SAMPLES / name).read_text())
    for each in data["Statement"]:
        each["Principal"], each["Resource"] = "*", "arn:aws:s3:::gt-images/*"
        each["Action"] = "s3:*"
    return json.dumps(data)


def test_a_perimeter_of_the_organization_is_no_false_high_finding():
    text = sample("identity_perimeter_rcp.json")
    finding = found_in(text)[0]
    assert (finding.state, finding.severity, finding.severity_if_found) == (
        "unknown",
        "info",
        "high",
    )
    assert "aws:PrincipalOrgID" in finding.depends_on
    assert "aws:PrincipalOrgID" in finding.detail
    mine = found_in(text, aws_principalorgid=("o-a1b2c3d4e5",))
    assert not any(
        "aws:PrincipalOrgID" in each.detail.partition("It depends on")[2] for each in mine
    )


@pytest.mark.parametrize(
    "name", subjects(sorted(path.name for path in SAMPLES.glob("*_rcp.json")), 3)
)
def test_a_published_perimeter_is_found_only_where_it_surely_denies(name):
    for finding in found_in(sample(name)):
        assert finding.state == "unknown"
        assert finding.depends_on


def test_a_finding_that_depends_on_a_fact_is_found_where_the_fact_says_so():
    text = policy(
        statement(
            "Deny",
            Action="s3:*",
            Condition={"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}},
        )
    )
    assert [each.state for each in found_in(text)] == ["unknown"]
    assert [each.state for each in found_in(text, aws_principalorgid=("o-b",))] == ["found"]
    assert found_in(text, aws_principalorgid=("o-a",)) == []
    # IfExists of a Deny
    assert [each.state for each in found_in(text, aws_principalorgid=())] == ["found"]


def test_delivery_of_logs_that_depends_on_the_organization_is_unknown():
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::gt-logs/*",
            "Condition": {"StringNotEqualsIfExists": {"aws:SourceOrgID": "o-a"}}}  # fmt: skip
    text = json.dumps(
        {"Version": "2012-10-17", "Statement": [*json.loads(LOGS_POLICY)["Statement"], deny]}
    )
    facts = change(bucket(**logs(policy=text)))
    [finding] = [each for each in examine(facts).findings if each.code == "log-target-unfit"]
    assert (finding.state, finding.depends_on) == ("unknown", ("aws:SourceOrgID",))


@pytest.mark.parametrize(
    ("limit", "oldest_s", "lifetime_s", "detail"),
    [
        (
            None,
            700,
            604_800,
            "live up to 7 d, the oldest was used after 11 min 40 s. A limit of 15m would have",
        ),
        (None, 90_000, 604_800, "live up to 7 d, the oldest was used after 1 d 1 h."),
        (
            172_800,
            86_399,
            604_800,
            "live up to 7 d, the oldest was used after 23 h 59 min. A limit of 1d would have",
        ),
        # The log has whole seconds: an age of 900 may be one of 900.9 seconds.
        (
            None,
            900,
            604_800,
            "live up to 7 d, the oldest was used after 15 min. A limit of 1h would have",
        ),
        (
            None,
            899,
            604_800,
            "live up to 7 d, the oldest was used after 14 min 59 s. A limit of 15m would have",
        ),
        (
            None,
            21_599,
            604_800,
            "live up to 7 d, the oldest was used after 5 h 59 min. A limit of 6h would have",
        ),
        (
            None,
            43_199,
            604_800,
            "live up to 7 d, the oldest was used after 11 h 59 min. A limit of 12h would have",
        ),
        (172_800, 86_400, 604_800, "live up to 7 d, the oldest was used after 1 d."),
        (900, 700, 604_800, None),
        (None, 700, 86_400, None),
    ],
)
def test_urls_that_live_long(limit, oldest_s, lifetime_s, detail):
    ages = (UrlAges("role a", 7, oldest_s, lifetime_s),)
    seen = bucket(policy=merge_guards(None, GUARD, limit), url_ages=ages)
    found = [each.detail for each in examine(seen).findings if each.code == "urls-live-long"]
    more = " refused none of 7 requests." if detail is not None and "A limit" in detail else ""
    assert found == ([] if detail is None else [f"role a: URLs {detail}{more}"])


@pytest.mark.parametrize(
    ("number", "log", "severity", "detail"),
    [
        (6, None, "low", "6 identities can sign URLs for reading."),
        (5, None, None, ""),
        (
            7,
            {f"arn:aws:iam::{ACCOUNT}:user/u1": 9},
            "medium",
            "6 identities can sign URLs for reading and signed none in",
        ),
        (6, {f"arn:aws:iam::{ACCOUNT}:user/u1": 9}, None, ""),
    ],
)
def test_many_who_can_sign(number, log, severity, detail):
    seen = people(number, presigners=None if log is None else lambda: log, log=states.part(9))
    found = [each for each in examine(seen).findings if each.code == "many-signers"]
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all(each.detail.startswith(detail) for each in found)
    assert not [
        each for each in examine(bucket(policy=None)).findings if each.code == "many-signers"
    ], "nobody asked"


def test_whether_many_can_sign_is_unknown_without_the_users_and_roles_or_the_key_policy():
    def checked(seen):
        [outcome] = [each for each in examine(seen).checked if each.code == "many-signers"]
        return outcome.outcome, outcome.reason

    action = "iam:GetAccountAuthorizationDetails"
    denied = examine(change(principals=unread(action)))
    assert checked(change(principals=unread(action))) == ("unknown", f"{action} was denied")
    assert checked(change(principals=unread(action, why="no answer"))) == (
        "unknown",
        f"{action} got no answer",
    )
    assert [each.detail for each in denied.findings if each.code == "not-checked"] == [
        f"{action} was denied. Not known: many-signers."
    ]
    assert checked(GOOD) == ("not asked", "users and roles were not asked for")
    key = {"encryption": Part.of(encrypted("key-1")), "key_policy": unread("kms:GetKeyPolicy")}
    [found] = [each for each in examine(people(6, **key)).findings if each.code == "many-signers"]
    assert (found.state, found.depends_on) == ("unknown", ("kms:GetKeyPolicy",))


def test_whether_many_can_sign_is_unknown_where_a_policy_was_not_read():
    seen = people(5, user("u5", managed=["arn:aws:iam::aws:policy/NotInTheFile"]))
    [found] = [each for each in examine(seen).findings if each.code == "many-signers"]
    assert (found.state, found.depends_on) == ("unknown", ("arn:aws:iam::aws:policy/NotInTheFile",))


def test_a_guard_that_spares_uploads_is_narrower_than_one_that_is_wanted():
    spares = bucket(
        policy=merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"], reads=True))
    )
    told = {each.code: each.detail for each in examine(spares).findings}
    assert told["guard-narrower"] == "It spares uploads."
    wanted = dataclasses.replace(WANTED, guard="reads")
    assert "guard-narrower" not in codes(change(spares, wanted=wanted)), (
        "the restriction asks for no more"
    )


class Report(FindingsReport):
    """A report of findings, as that of a region or of many accounts."""

    def __init__(self, seen, *unread):
        listed = examine(seen)
        self.findings, self.unread = listed.findings, unread
        self.outcomes = tuple(each.outcome for each in listed.checked)


@pytest.mark.parametrize(
    ("report", "status", "words"),
    [
        (Report(bucket(policy=None)), "failed", "2 findings of severity high or higher: "),
        (
            Report(bucket(policy=None), "gt-logs was not read"),
            "failed",
            "2 findings of severity high or higher: ",
        ),
        (
            Report(GOOD, "gt-logs was not read"),
            "unknown",
            "Not read or not decided: gt-logs was not read",
        ),
    ],
    ids=["found", "found and unread", "unread"],
)
def test_require_names_what_it_counts(report, status, words):
    with pytest.raises(CheckFailed) as caught:
        report.require()
    assert caught.value.result.status == status
    assert caught.value.result.message.startswith(words)
    assert Report(GOOD).require().findings == ()


def test_an_unreadable_policy_is_named_by_its_place():
    text = json.dumps({"Version": "2020-01-01", "Statement": []})
    found = examine(bucket(policy=text)).findings
    [detail] = [each.detail for each in found if each.code == "bucket-policy-unreadable"]
    assert detail == '"2020-01-01" is not a version of the policy language. At $.Version.'


def guard_of(prefix):
    allowed = Allowed.of(["203.0.113.0/24"])
    made = build_guard("gt-images", allowed, prefix=prefix)
    return Guard("gt-images", prefix, allowed, made, drifted=False)


PREFIXED = BucketPolicy.of(None).put(guard_of("a/")).put(guard_of("b/"))
OF_AN_UNREAD_KEY = {
    "encryption": Part.of(encrypted("key-1")),
    "key_policy": unread("kms:GetKeyPolicy"),
}
OLD_AGE = statement("Deny", Condition={"NumericGreaterThan": {"s3:signatureAge": "900000"}})
A_GROUP = "http://acs.amazonaws.com/groups/global/AllUsers"


def of_prefix(prefix, addresses="203.0.113.0/24"):
    return Restriction(bucket="gt-images", prefix=prefix, addresses=addresses)


def two_guards(wanted):
    guarded = dataclasses.replace(BUCKET, policy=states.part(PREFIXED))
    return change(bucket=guarded, wanted=wanted, wishes=(of_prefix("b/"),))


@pytest.mark.parametrize(
    ("seen", "code", "detail"),
    [
        (
            bucket(cors=()),
            "cors-missing",
            "Built-in task types of workteam radiology load by script. Missing: GET.",
        ),
        (
            change(bucket=dataclasses.replace(BUCKET, cors=states.part(()), preflights=2)),
            "cors-missing",
            "The log shows 2 refused preflight requests. The bucket has no CORS rule.",
        ),
        (
            bucket(policy=policy(OLD_AGE), version_2={"boto3": 3}, log=9, url_ages=()),
            "version-2-urls",
            "By application: boto3 (3). The age limit of the policy is void for them.",
        ),
        (
            people(6, presigners=dict, log=states.part(9), **OF_AN_UNREAD_KEY),
            "many-signers",
            "Up to 6 identities can sign URLs for reading and signed none in the log. It depends"
            " on kms:GetKeyPolicy.",
        ),
        (
            change(
                templates=(
                    TaskTemplate(
                        "job-1", Part.unasked("its template", "s3:GetObject"), "its template"
                    ),
                )
            ),
            "template-without-grant",
            "The text of its template was not read. It depends on its template.",
        ),
        (two_guards(of_prefix("c/")), "guard-missing", "No guard covers objects under c/."),
        (
            two_guards(of_prefix("a/", "203.0.113.0/25")),
            "guard-narrower",
            "The guard of objects under a/: It also admits 203.0.113.0/24.",
        ),
        (
            two_guards(of_prefix("a/")),
            "guard-narrower",
            'The guards cover "a/", "b/", not all objects of gt-images.',
        ),
        (
            two_guards(of_prefix("a/", "203.0.112.0/23")),
            "guard-stale",
            "The guard of objects under a/: Not listed: 203.0.112.0/23.",
        ),
        (
            change(wanted=Restriction(bucket="gt-images", addresses="pl-0a1b2c3d4e5f60718")),
            "guard-narrower",
            "The ranges of its lists were not read. It depends on pl-0a1b2c3d4e5f60718.",
        ),
        (
            change(wanted=Restriction(bucket="gt-images", addresses="pl-0a1b2c3d4e5f60718")),
            "guard-stale",
            "The ranges of its lists were not read. It depends on pl-0a1b2c3d4e5f60718.",
        ),
        (
            bucket(
                object_acls=("cat.png",),
                acl_grants=(AclGrant(A_GROUP, "READ"),),
                public_access_block={},
            ),
            "bucket-acl-public",
            "It grants READ to AllUsers. The first 20 objects have public ones: cat.png. It depends"
            " on s3:GetAccountPublicAccessBlock.",
        ),
        (
            bucket(object_acls=("cat.png",), public_access_block={}),
            "bucket-acl-public",
            "The first 20 objects have public ones: cat.png. It depends on"
            " s3:GetAccountPublicAccessBlock.",
        ),
    ],
)
def test_a_finding_says_what_it_is_about(seen, code, detail):
    assert detail in [each.detail for each in examine(seen).findings if each.code == code]


def test_a_link_of_a_page_without_the_filter_is_named(monkeypatch):
    found = PageLinks(("s3://gt-images/cat.png",))
    monkeypatch.setattr(workteam_rules, "links_of", lambda *_: found)
    [said] = [
        each.detail
        for each in examine(change(templates=(template("job-1", "<p>"),))).findings
        if each.code == "template-without-grant"
    ]
    assert said == "These links of the page have no filter: s3://gt-images/cat.png."
