"""The doctor on the sandbox, which enforces IAM: what it says is what happens."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from gt_secure import Restriction
from gt_secure.aws.client import aws_errors
from gt_secure.aws.managed_lists import read_lists
from gt_secure.base.errors import (
    AccessDenied,
    CredentialsError,
    InvalidInput,
    NotFound,
    Unreachable,
)
from gt_secure.cli.main import main
from gt_secure.doctor import FEATURES, Scope, environment, examine, execution_role, policy_for
from gt_secure.doctor.features import choose
from support.box import PREFIX_LIST_ID, until
from support.sample import sample

from .conftest import ACCOUNT, BUCKET, LOGS, ROLE, SIMULATE, TEAM, Account

GIVEN = {"team": TEAM, "bucket": BUCKET, "role_arn": ROLE}


def scope(**more):
    return Scope("aws", "us-east-1", ACCOUNT, **{"team": TEAM, "workforce": "private-workforce", "bucket": BUCKET,
                 "log_bucket": "gt-logs", "log_prefix": "s3/", "role": ROLE, **more})  # fmt: skip


def log_something(account: Account) -> None:
    """The log has an object only after a first delivery."""
    account.client("s3").head_object(Bucket=BUCKET, Key="scans/0001.png")
    until(
        lambda: account.client("s3").list_objects_v2(Bucket="gt-logs", Prefix="s3/").get("KeyCount")
    )


READ = ("teams", "endpoints", "findings")
"""Features that need nothing but what one reading of the account calls."""


def test_the_administrator_is_shown_what_was_read_and_nothing_that_was_not_tried(account: Account):
    found = examine(account.gt, **GIVEN)
    said = {each.feature.name: each.status for each in found.features}
    assert said == {name: "yes" if name in READ else "unknown" for name in FEATURES}, (
        found.to_dict()
    )
    assert found.headline.startswith("3 of 13 features can be used; unknown: url-lock, ")
    assert found.state("guard").why == "not tried: s3:PutBucketPolicy, s3:DeleteBucketPolicy"
    assert (found.scope.log_bucket, found.scope.workforce) == ("gt-logs", "private-workforce")
    json.dumps(found.to_dict())


def test_a_permission_that_iam_would_predict_is_not_guessed(account: Account):
    calls = []
    gt = account.user(SIMULATE)
    gt.aws.client("iam").meta.events.register(
        "before-call", lambda model, **_: calls.append(model.name)
    )
    found = examine(gt, **GIVEN, features=["sign", "guard"])
    written = [each for state in found.features for each in state.answers if each.permission.writes]
    assert {each.permission.action: (each.status, each.reason) for each in written} == {
        "s3:PutBucketPolicy": ("unknown", "not tried"),
        "s3:DeleteBucketPolicy": ("unknown", "not tried"),
        "sts:AssumeRole": ("unknown", "not tried"),
    }
    assert "SimulatePrincipalPolicy" not in calls


def test_a_user_without_rights_is_denied_what_was_read(account: Account):
    found = examine(account.user(), **GIVEN)
    states = {each.feature.name: each.status for each in found.features}
    assert {name for name, status in states.items() if status == "no"} == {
        "teams", "endpoints", "url-lock", "portal-lock", "guard", "hits", "findings"
    }  # fmt: skip
    assert "yes" not in states.values()
    assert found.state("guard").why == "AWS denied s3:GetBucketPolicy"
    denied = next(each for each in found.state("guard").answers if each.status == "no")
    assert "s3:GetBucketPolicy" in denied.reason
    assert found.headline.startswith("0 of 13 features can be used; not: teams, ")


@pytest.mark.parametrize("name", sample(FEATURES, 3))
def test_the_policy_for_a_feature_is_enough_and_no_more(account: Account, name):
    log_something(account)
    gt = account.user(*examine(account.gt, **GIVEN).policy([name])["Statement"])
    with trusting(account, gt.aws.caller_arn):
        found = examine(gt, **GIVEN, logs=LOGS, features=[name])
        assert found.state(name).status == ("yes" if name in READ else "unknown"), found.state(
            name
        ).to_dict()
        use(gt, name, account)


def use(gt, name: str, account: Account) -> None:
    """Use the feature for real, as somebody who has only its policy."""
    if name == "teams":
        assert gt.workteams()
        assert gt.workteam(TEAM).url_lock.on
        assert gt.workforce() is not None
        assert gt.jobs(TEAM)
    elif name == "endpoints":
        assert gt.endpoints()[0].vpc_name
    elif name in {"url-lock", "portal-lock", "guard"}:
        change(gt, name)
    elif name == "sign":
        url = gt.sign(BUCKET, "scans/0001.png", bound_to="203.0.113.7", role_arn=ROLE)
        assert gt.probe(url, "203.0.113.7").opened
        assert not gt.probe(url, "198.51.100.9").opened
    elif name == "render":
        assert gt.sign(BUCKET, "scans/0001.png", sign_with="ground-truth", role_arn=ROLE).reveal()
    elif name == "prefix-lists":
        assert read_lists(gt.aws, [PREFIX_LIST_ID])[0].networks
    elif name == "ip-sets":
        waf = account.client("wafv2")
        waf.create_ip_set(
            Name="own", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"]
        )
        try:
            assert read_lists(gt.aws, ["wafv2:ipset/own"])[0].networks
        finally:
            found = next(
                each
                for each in waf.list_ip_sets(Scope="REGIONAL")["IPSets"]
                if each["Name"] == "own"
            )
            waf.delete_ip_set(
                Name="own", Scope="REGIONAL", Id=found["Id"], LockToken=found["LockToken"]
            )
    elif name == "signers":
        assert gt.who_can_open(BUCKET, "scans/0001.png").signers
    elif name == "history":
        gt.history(team=TEAM, since="1h")
    elif name == "hits":
        with gt.hits(BUCKET) as hits:
            assert len(hits) > 0
    else:
        assert [
            each.detail
            for each in gt.findings(team=TEAM, bucket=BUCKET)
            if each.code == "not-checked"
        ] == []
    # Something that the policy does not name stays refused.
    with pytest.raises(AccessDenied), aws_errors("sagemaker:DeleteWorkteam"):
        gt.aws.client("sagemaker").delete_workteam(WorkteamName=TEAM)


def change(gt, name: str) -> None:
    wishes = {
        "url-lock": Restriction("radiology-team", url_lock=False),
        "portal-lock": Restriction(addresses="203.0.113.0/24", portal_lock=True),
        "guard": Restriction(addresses="203.0.113.0/24", bucket=BUCKET),
    }
    plan = gt.plan(wishes[name])
    assert plan.changes
    done = gt.apply(plan, confirm=[notice.code for notice in plan.asks])
    assert done.outcome == "applied"
    back = gt.plan_undo(done)
    gt.apply(back, confirm=[notice.code for notice in back.asks])


class trusting:
    """Let a role be assumed by one more principal."""

    def __init__(self, account: Account, arn: str) -> None:
        self.iam = account.client("iam")
        before = self.iam.get_role(RoleName="GroundTruthExecution")["Role"][
            "AssumeRolePolicyDocument"
        ]
        self.before = before
        extra = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
        self.after = {**before, "Statement": [*before["Statement"], extra]}

    def __enter__(self):
        self._put(self.after)

    def __exit__(self, *_):
        self._put(self.before)

    def _put(self, document):
        self.iam.update_assume_role_policy(
            RoleName="GroundTruthExecution", PolicyDocument=json.dumps(document)
        )


def needed(name: str) -> list[str]:
    return [each.action for each in FEATURES[name].permissions if not each.optional]


NEEDED = [f"{name} without {action}" for name in READ for action in needed(name)]


@pytest.mark.parametrize("case", sample(NEEDED, 3))
def test_without_one_needed_permission_a_feature_is_not_yes(account: Account, case):
    name, _, taken = case.split()
    policy = policy_for(choose([name]), scope())
    deny = {"Effect": "Deny", "Action": taken, "Resource": "*"}
    found = examine(account.user(*policy["Statement"], deny), **GIVEN, logs=LOGS, features=[name])
    state = found.state(name)
    assert state.status == "no"
    assert taken in state.why
    assert [feature.feature.name for feature in found.features] == [name]


def test_a_denied_optional_permission_is_named(account: Account):
    named = [*needed("teams"), "sagemaker:DescribeLabelingJob"]
    allowed = {"Effect": "Allow", "Action": named, "Resource": "*"}
    state = examine(account.user(allowed), **GIVEN, features=["teams"]).state("teams")
    assert state.status == "yes"
    assert state.why == "works without optional sagemaker:ListLabelingJobsForWorkteam"


def test_nothing_is_written(account: Account):
    """The doctor of somebody who may do everything leaves everything as it was."""
    sagemaker, s3 = account.client("sagemaker"), account.client("s3")

    def look():
        team = sagemaker.describe_workteam(WorkteamName=TEAM)["Workteam"]
        force = sagemaker.list_workforces()["Workforces"]
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        try:
            policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        except s3.exceptions.ClientError as error:
            policy = error.response["Error"]["Code"]
        return json.dumps([team, force, keys, policy], default=str, sort_keys=True)

    calls: list[str] = []
    for service in ("s3", "sagemaker", "sts", "iam", "ec2"):
        client = account.gt.aws.client(service)
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    before = look()
    calls.clear()
    examine(account.gt, **GIVEN)
    assert look() == before
    assert calls
    reading = ("Get", "List", "Head", "Describe")
    assert [name for name in calls if not name.startswith(reading)] == []


def test_what_is_not_named_is_not_known_and_asks_for_it(account: Account):
    found = examine(account.gt)
    assert (
        found.state("teams").why
        == "not tried: sagemaker:DescribeWorkteam, sagemaker:DescribeWorkforce"
    )
    assert found.state("guard").status == "unknown"
    assert "s3://NAME" in found.state("guard").why
    with pytest.raises(InvalidInput, match="s3:GetBucketPolicy"):
        found.policy(["guard"])


def test_bad_input(account: Account):
    for more in (
        {"bucket": "NOT"},
        {"team": "no team"},
        {"role_arn": "me"},
        {"features": ["gard"]},
        {"logs": "x"},
    ):
        with pytest.raises(InvalidInput) as caught:
            examine(account.gt, **more)
        assert caught.value.next_step


def test_without_credentials_it_says_so(account: Account):
    import boto3

    import gt_secure

    session = boto3.Session("AKIANOBODY0000000000", "wrong", region_name="us-east-1")
    with pytest.raises(CredentialsError):
        examine(gt_secure.connect(boto3_session=session, endpoint_url=account.sandbox.endpoint_url))


def test_facts(account: Account):
    facts = {fact.name: fact for fact in examine(account.gt, features=["endpoints"]).facts}
    assert facts["S3 signature"].value == "s3v4"
    assert facts["UpdateWorkteam.WorkerAccessConfiguration"].mark == "ok"
    assert facts["clock"].mark == "ok"
    assert facts["endpoint"].mark == "note"
    assert facts["sandbox"].value.startswith("ministack ")
    assert all(fact.mark != "wrong" for fact in facts.values())


def test_an_old_sdk_and_a_wrong_clock_are_found(account: Account, monkeypatch):
    monkeypatch.setattr(
        type(account.gt.aws),
        "knows",
        lambda self, operation, member: member != "WorkerAccessConfiguration",
    )

    late = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=20)
    monkeypatch.setattr(environment, "_now", lambda: late)
    found = {fact.name: fact for fact in environment.facts(account.gt.aws)}
    assert found["UpdateWorkteam.WorkerAccessConfiguration"].mark == "wrong"
    assert found["clock"].mark == "wrong"


class OneDate:
    """An account whose answers have one header."""

    def __init__(self, date: object) -> None:
        self.answer = {
            "ResponseMetadata": {"HTTPHeaders": {"date": date} if date is not None else {}}
        }

    def client(self, _: str) -> OneDate:
        return self

    def get_caller_identity(self) -> dict[str, object]:
        return self.answer


NOW = "Tue, 01 Dec 2026 10:00:00"


@pytest.mark.parametrize(
    "date",
    [
        f"{NOW} GMT",
        f"{NOW} -0000",
        f"{NOW} +0000",
        f"{NOW} UTC",
        NOW,
        "Tue, 01 Dec 2026 09:00:00 -0100",
        f"{NOW} GMT, {NOW} GMT",
        f"{NOW} -0000, {NOW} -0000",
        "Tue Dec  1 10:00:00 2026",
        "Tuesday, 01-Dec-26 10:00:00 GMT",
    ],
)
def test_every_form_of_a_date_is_read(date: str, monkeypatch):
    monkeypatch.setattr(
        environment, "_now", lambda: dt.datetime(2026, 12, 1, 10, 0, 30, tzinfo=dt.UTC)
    )
    assert environment._clock(OneDate(date)) == environment.Fact("clock", "30 s off")


@pytest.mark.parametrize(
    "date",
    [
        None, "", "now", ", ", f"{NOW} GMT".replace("01", "99"), f"{NOW} +9999", f"{NOW} +{'9' * 40}",
        f"{NOW} GMT".replace("2026", "9" * 30), f"{NOW} GMT".replace("01", "1" * 30), "0" * 5_000, "\x00",
    ],
)  # fmt: skip
def test_a_date_that_is_none_leaves_the_clock_unknown(date: object):
    found = environment._clock(OneDate(date))
    assert (found.value, found.mark) == ("unknown", "note")


class TestCommand:
    @pytest.fixture
    def run(self, account: Account, monkeypatch, capsys):
        for name, value in account.sandbox.environment().items():
            monkeypatch.setenv(name, value)

        def call(*args):
            capsys.readouterr()
            code = main(["doctor", *args])
            return (code, *capsys.readouterr())

        return call

    def test_table(self, run):
        code, out, _ = run("--team", TEAM, f"s3://{BUCKET}")
        assert code == 0
        for feature in FEATURES.values():
            assert feature.title in out
        assert "S3 signature" in out

    def test_json(self, run):
        code, out, _ = run("--json", "--team", TEAM, f"s3://{BUCKET}")
        assert code == 0
        said = {each["feature"]: each for each in json.loads(out)["features"]}
        assert said["teams"]["status"] == "yes"
        assert said["guard"]["status"] == "unknown"
        put = next(
            each for each in said["guard"]["permissions"] if each["action"] == "s3:PutBucketPolicy"
        )
        assert put == {
            "action": "s3:PutBucketPolicy", "optional": False, "resource": f"arn:aws:s3:::{BUCKET}",
            "status": "unknown", "reason": "not tried",
        }  # fmt: skip

    def test_the_next_step_names_what_was_denied(self, run, account: Account, monkeypatch):
        keys = account.keys(
            {"Effect": "Allow", "Action": ["sagemaker:*", "ec2:*"], "Resource": "*"}
        )
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        code, out, err = run("--team", TEAM, f"s3://{BUCKET}")
        assert code == 0
        assert "AWS denied s3:GetBucketPolicy" in out
        assert "next: gt-secure doctor --policy guard hits findings prints" in err

    def test_policy(self, run):
        code, out, _ = run(f"s3://{BUCKET}", "--policy", "guard", "url-lock", "--team", TEAM)
        assert code == 0
        actions = {action for each in json.loads(out)["Statement"] for action in each["Action"]}
        assert {"s3:PutBucketPolicy", "sagemaker:UpdateWorkteam"} <= actions
        assert run("--policy", "guard")[0] == 64
        assert run("--policy", "gard")[0] == 64


class TestRole:
    def test_a_user_has_none(self, account: Account):
        with pytest.raises(NotFound):
            execution_role(account.gt)

    def test_from_iam_from_the_metadata_file_and_from_the_session(
        self, account: Account, tmp_path, monkeypatch
    ):
        import boto3

        import gt_secure

        assumed = account.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="studio")[
            "Credentials"
        ]
        session = boto3.Session(
            assumed["AccessKeyId"],
            assumed["SecretAccessKey"],
            assumed["SessionToken"],
            region_name="us-east-1",
        )
        file = tmp_path / "resource-metadata.json"
        monkeypatch.setattr("gt_secure.aws.execution_role.STUDIO_METADATA", file)

        def look():
            return execution_role(
                gt_secure.connect(boto3_session=session, endpoint_url=account.sandbox.endpoint_url)
            )

        found = look()
        assert (found.arn, found.how, found.exact) == (ROLE, "session", False), (
            "this role may not call iam:GetRole"
        )
        file.write_text(
            json.dumps({"ExecutionRoleArn": ROLE.replace("role/", "role/service-role/")})
        )
        found = look()
        assert (found.arn, found.how) == (ROLE.replace("role/", "role/service-role/"), "metadata")
        file.write_text(json.dumps({"ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/another"}))
        assert look().how == "session", "the file is of another role"
        file.write_text("no json")
        assert look().how == "session"
        iam = account.client("iam")
        right = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": ROLE}
        document = json.dumps({"Version": "2012-10-17", "Statement": [right]})
        iam.put_role_policy(
            RoleName="GroundTruthExecution", PolicyName="look", PolicyDocument=document
        )
        try:
            assert look().how == "iam"
        finally:
            iam.delete_role_policy(RoleName="GroundTruthExecution", PolicyName="look")


def test_what_is_read_of_the_bucket_says_nothing_of_the_log_bucket(account: Account):
    log_something(account)
    found = examine(account.gt, **GIVEN, features=["hits", "findings"])
    said = {
        answer.permission.action: (answer.status, answer.reason)
        for answer in found.state("hits").answers
    }
    assert said == {
        "s3:GetBucketLogging": ("yes", ""),
        "s3:ListBucket": ("unknown", "not tried"),
        "s3:GetObject": ("unknown", "not tried"),
    }
    of_log = [
        each for each in found.state("findings").answers if each.permission.target == "log-bucket"
    ]
    assert {each.status for each in of_log} == {"unknown"}


def test_a_part_that_got_no_answer_is_unknown_with_its_reason(account: Account, monkeypatch):
    def lost(*_):
        raise Unreachable("No response.")

    monkeypatch.setattr("gt_secure.account.reader.list_s3_endpoints", lost)
    state = examine(account.gt, features=["endpoints"]).state("endpoints")
    assert (state.status, state.why) == ("unknown", "ec2:DescribeVpcEndpoints got no answer")
