"""Workteams, workforces and jobs as a stock boto3 client sees them."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from .conftest import ROLE, Box

POOL = {"UserPool": "us-east-1_Gt5ecure1", "UserGroup": "g", "ClientId": "3k9example7client1id"}
MEMBERS = [{"CognitoMemberDefinition": POOL}]
ON = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}}}
ALL_ON = {"S3Presign": {"IamPolicyConstraints": {"SourceIp": "Enabled", "VpcSourceIp": "Enabled"}}}


@pytest.fixture
def sm(box):
    return box.client("sagemaker")


@pytest.fixture(scope="module")
def slow_box():
    """One in which a change of the workforce takes long enough to be seen from a busy machine."""
    with Box.running(log_delay_s=60, workforce_delay_s=4) as box:
        yield box


@pytest.fixture
def team(sm):
    name = f"t-{uuid.uuid4().hex[:8]}"
    sm.create_workteam(WorkteamName=name, MemberDefinitions=MEMBERS, Description="for a test")
    yield name
    try:
        sm.delete_workteam(WorkteamName=name)
    except ClientError:
        pass


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def active(box, sm, name="private-workforce"):
    return box.until(
        lambda: (
            (w := sm.describe_workforce(WorkforceName=name)["Workforce"])["Status"] == "Active"
            and w
        )
    )


def test_demo_has_what_the_story_needs(sm):
    teams = {team["WorkteamName"]: team for team in sm.list_workteams()["Workteams"]}
    assert {"open-team", "radiology-team", "vpc-team"} <= set(teams)
    locks = {
        name: tuple(team["WorkerAccessConfiguration"]["S3Presign"]["IamPolicyConstraints"].values())
        for name, team in teams.items()
    }
    assert locks["open-team"] == ("Disabled", "Disabled")
    assert locks["radiology-team"] == ("Enabled", "Disabled")
    assert locks["vpc-team"] == ("Disabled", "Enabled")
    vendor = sm.list_subscribed_workteams()["SubscribedWorkteams"]
    assert [":workteam/vendor-crowd/" in team["WorkteamArn"] for team in vendor] == [True]
    jobs = sm.list_labeling_jobs(StatusEquals="InProgress")["LabelingJobSummaryList"]
    working = {
        teams[name]["WorkteamArn"] for name in ("north-team", "radiology-team", "south-team")
    }
    assert {job["WorkteamArn"] for job in jobs} == working
    assert len(jobs) == 3
    mine = sm.list_labeling_jobs_for_workteam(WorkteamArn=teams["radiology-team"]["WorkteamArn"])
    assert [job["LabelingJobName"] for job in mine["LabelingJobSummaryList"]] == ["chest-scans"]
    assert mine["LabelingJobSummaryList"][0]["LabelCounters"] == {
        "HumanLabeled": 4,
        "PendingHuman": 8,
        "Total": 12,
    }
    assert (
        sm.list_labeling_jobs_for_workteam(WorkteamArn=vendor[0]["WorkteamArn"])[
            "LabelingJobSummaryList"
        ]
        == []
    )
    job = sm.describe_labeling_job(LabelingJobName="chest-scans")
    assert (job["RoleArn"], job["LabelingJobStatus"]) == (ROLE, "InProgress")


def test_update_changes_only_what_is_given(sm, team):
    before = sm.describe_workteam(WorkteamName=team)["Workteam"]
    after = sm.update_workteam(WorkteamName=team, WorkerAccessConfiguration=ON)["Workteam"]
    assert after["WorkerAccessConfiguration"] == ON
    assert after["LastUpdatedDate"] > before["LastUpdatedDate"]
    for member in set(before) - {"WorkerAccessConfiguration", "LastUpdatedDate"}:
        assert after[member] == before[member]
    assert sm.describe_workteam(WorkteamName=team)["Workteam"] == after
    listed = list(sm.list_workteams(NameContains=team)["Workteams"])
    assert listed == [after]


def test_both_toggles_are_accepted_by_the_api(sm, team):
    assert (
        sm.update_workteam(WorkteamName=team, WorkerAccessConfiguration=ALL_ON)["Workteam"][
            "WorkerAccessConfiguration"
        ]
        == ALL_ON
    )


def test_a_missing_team_is_a_validation_exception(sm):
    for call, more in (
        (sm.describe_workteam, {}),
        (sm.update_workteam, {"Description": "x"}),
        (sm.delete_workteam, {}),
    ):
        code, message = refused(call, WorkteamName="nobody", **more)
        assert code == "ValidationException"
        assert message.startswith(
            "The work team arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/nobody"
        )
    assert refused(sm.describe_workforce, WorkforceName="nobody")[1].startswith("No workforce")
    assert (
        refused(sm.describe_workteam, WorkteamName="imaging-annotators")[0] == "ValidationException"
    )
    assert refused(sm.describe_labeling_job, LabelingJobName="nobody")[0] == "ResourceNotFound"
    arn = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/nobody"
    assert refused(sm.list_labeling_jobs_for_workteam, WorkteamArn=arn)[0] == "ResourceNotFound"


def raw(box, operation, body, region="us-east-1"):
    """Send any JSON, signed, past botocore's own checks."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    headers = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = AWSRequest("POST", box.url + "/", headers=headers, data=data)
    SigV4Auth(box.session.get_credentials(), "sagemaker", region).add_auth(request)
    import urllib3

    answer = urllib3.request(
        "POST", box.url + "/", body=data, headers=dict(request.headers.items())
    )
    return answer.status, answer.json()


def access(**toggles):
    return {"WorkteamName": "open-team", "WorkerAccessConfiguration": {
        "S3Presign": {"IamPolicyConstraints": toggles}}}  # fmt: skip


CREATE = {"WorkteamName": "x", "MemberDefinitions": MEMBERS, "Description": "d"}
VALIDATION = [
    ("UpdateWorkteam", {}, "Value null at 'workteamName'"),
    ("UpdateWorkteam", {"WorkteamName": None}, "Value null at 'workteamName'"),
    ("UpdateWorkteam", {"WorkteamName": ""}, "greater than or equal to 1"),
    ("UpdateWorkteam", {"WorkteamName": "a" * 64}, "less than or equal to 63"),
    ("UpdateWorkteam", {"WorkteamName": "under_score"}, "regular expression pattern"),
    ("UpdateWorkteam", {"WorkteamName": "-dash"}, "regular expression pattern"),
    ("UpdateWorkteam", {"WorkteamName": "new\nline"}, "regular expression pattern"),
    ("UpdateWorkteam", access(SourceIp="203.0.113.0/24"), "enum value set: [Enabled, Disabled]"),
    ("UpdateWorkteam", access(SourceIp="enabled"), "enum value set"),
    ("UpdateWorkteam", access(VpcSourceIp=""), "enum value set"),
    ("UpdateWorkteam", {"WorkteamName": "open-team", "Description": "d" * 201}, "less than or equal to 200"),
    ("UpdateWorkteam", {"WorkteamName": "open-team", "MemberDefinitions": []}, "greater than or equal to 1"),
    ("UpdateWorkteam", {"WorkteamName": "open-team", "MemberDefinitions": MEMBERS * 11}, "less than or equal to 10"),
    ("UpdateWorkteam", {"WorkteamName": "open-team", "MemberDefinitions": [{}]}, "CognitoMemberDefinition only"),
    (
        "UpdateWorkteam",
        {"WorkteamName": "open-team", "MemberDefinitions": [{"OidcMemberDefinition": {"Groups": ["a"]}}]},
        "CognitoMemberDefinition only",
    ),
    (
        "UpdateWorkteam",
        {"WorkteamName": "open-team", "MemberDefinitions": [*MEMBERS, {"OidcMemberDefinition": {"Groups": ["a"]}}]},
        "CognitoMemberDefinition only",
    ),
    (
        "UpdateWorkteam",
        {"WorkteamName": "open-team", "NotificationConfiguration": {"NotificationTopicArn": "x"}},
        "regular expression pattern",
    ),
    ("CreateWorkteam", {k: v for k, v in CREATE.items() if k != "Description"}, "Value null at 'description'"),
    ("CreateWorkteam", {**CREATE, "WorkforceName": "nobody"}, "No workforce named nobody"),
    ("CreateWorkteam", {**CREATE, "Tags": [{"Key": "k"}]}, "Value null at 'tags.1.member.value'"),
    (
        "CreateWorkteam",
        {**CREATE, "MemberDefinitions": [{"CognitoMemberDefinition": {**POOL, "UserGroup": "a\tb"}}]},
        "regular expression pattern",
    ),
    (
        "CreateWorkteam",
        {**CREATE, "MemberDefinitions": [{"CognitoMemberDefinition": {**POOL, "UserPool": "us-east-1_Other"}}]},
        "not the one of the workforce",
    ),
    ("ListWorkteams", {"MaxResults": 0}, "value greater than or equal to 1"),
    ("ListWorkteams", {"MaxResults": 101}, "value less than or equal to 100"),
    ("ListWorkteams", {"SortBy": "Age"}, "enum value set: [Name, CreateDate]"),
    ("ListWorkteams", {"NextToken": "forged"}, "Invalid NextToken"),
    ("ListWorkteams", {"NextToken": "WzEsICJ4Il0="}, "Invalid NextToken"),
    ("UpdateWorkforce", {"WorkforceName": "private-workforce", "SourceIpConfig": {}}, "at 'sourceIpConfig.cidrs'"),
    *[
        ("UpdateWorkforce", {"WorkforceName": "private-workforce", "SourceIpConfig": {"Cidrs": [cidr]}}, expected)
        for cidr, expected in [
            ("203.0.113.7", "regular expression pattern"),
            ("203.0.113.0/33", "regular expression pattern"),
            (" 203.0.113.0/24", "regular expression pattern"),
            ("::ffff:1.2.3.4/96", "regular expression pattern"),
            ("1/2", "greater than or equal to 4"),
            ("s2001:db8::/32", "Invalid CIDR"),
        ]
    ],
    (
        "UpdateWorkforce",
        {"WorkforceName": "private-workforce", "SourceIpConfig": {"Cidrs": [f"203.0.113.{n}/32" for n in range(11)]}},
        "at most 10 CIDRs; 11",
    ),
    ("UpdateWorkforce", {"WorkforceName": "private-workforce", "IpAddressType": "ipv6"}, "enum value set"),
    ("UpdateWorkforce", {"WorkforceName": "private-workforce", "WorkforceVpcConfig": {}}, "out WorkforceVpcConfig"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "body", "message"), VALIDATION, ids=range(len(VALIDATION)))
def test_what_the_service_would_not_take(box, operation, body, message):
    status, answer = raw(box, operation, body)
    assert (status, answer["__type"]) == (400, "ValidationException"), answer
    assert message in answer["message"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff", b'"x"', b'{"WorkteamName": 7}', b'{"WorkteamName": ["x"]}', b'{"WorkteamName": true}',
     b'{"WorkteamName": "x", "MemberDefinitions": {}}', b'{"WorkteamName": "x", "WorkerAccessConfiguration": "on"}',
     b"[" * 100_000],
)  # fmt: skip
def test_wrong_json_is_a_serialization_exception(box, body):
    status, answer = raw(box, "UpdateWorkteam", body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_several_violations_come_in_one_answer(box):
    _, answer = raw(box, "CreateWorkteam", {"WorkteamName": "_", "MemberDefinitions": []})
    assert answer["message"].startswith("3 validation errors detected: ")
    assert answer["message"].count("failed to satisfy constraint") == 3


def test_unknown_members_and_nulls_are_ignored(box, team):
    body = {
        "WorkteamName": team,
        "Description": "new",
        "Nonsense": 1,
        "NotificationConfiguration": None,
    }
    status, answer = raw(box, "UpdateWorkteam", body)
    assert (status, answer["Workteam"]["Description"]) == (200, "new")


@pytest.mark.parametrize("operation", ["ListModels", "CreateTrainingJob", "Nonsense", ""])
def test_other_operations_are_named_as_unknown(box, operation):
    status, answer = raw(box, operation, {})
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert operation in answer["message"]


def test_pages(box, sm):
    names = [f"page-{n:02d}" for n in range(12)]
    for name in names:
        sm.create_workteam(WorkteamName=name, MemberDefinitions=MEMBERS, Description="d")
    try:
        assert len(sm.list_workteams()["Workteams"]) == 10
        paginator = sm.get_paginator("list_workteams")
        query = {"NameContains": "PAGE", "SortBy": "Name", "SortOrder": "Descending"}
        pages = list(paginator.paginate(**query, PaginationConfig={"PageSize": 5}))
        sizes = [len(page["Workteams"]) for page in pages]
        found = [team["WorkteamName"] for page in pages for team in page["Workteams"]]
        assert (sizes, found) == ([5, 5, 2], names[::-1])
        token = sm.list_workteams(MaxResults=5)["NextToken"]
        code, _ = refused(sm.list_workteams, MaxResults=5, NextToken=token, NameContains="page")
        assert code == "ValidationException", "a token belongs to its query"
        for number in range(25 - 5 - 12):
            names.append(f"more-{number}")
            sm.create_workteam(WorkteamName=names[-1], MemberDefinitions=MEMBERS, Description="d")
        code, message = refused(
            sm.create_workteam, WorkteamName="one-more", MemberDefinitions=MEMBERS, Description="d"
        )
        assert (code, "25" in message) == ("ResourceLimitExceeded", True)
    finally:
        for name in names:
            assert sm.delete_workteam(WorkteamName=name)["Success"] is True


def test_a_name_is_taken_once(sm, team):
    code, _ = refused(
        sm.create_workteam, WorkteamName=team, MemberDefinitions=MEMBERS, Description="d"
    )
    assert code == "ResourceInUse"


def test_workforce_passes_through_updating(slow_box):
    box, sm = slow_box, slow_box.client("sagemaker")
    active(box, sm)
    answer = sm.update_workforce(
        WorkforceName="private-workforce", SourceIpConfig={"Cidrs": ["203.0.113.7/24"]}
    )
    assert answer["Workforce"]["Status"] == "Updating"
    assert answer["Workforce"]["SourceIpConfig"] == {"Cidrs": ["203.0.113.7/24"]}, (
        "AWS takes host bits"
    )
    code, message = refused(
        sm.update_workforce, WorkforceName="private-workforce", SourceIpConfig={"Cidrs": []}
    )
    assert (code, "Updating" in message) == ("ConflictException", True)
    assert refused(sm.delete_workforce, WorkforceName="private-workforce")[0] == "ConflictException"
    done = active(box, sm)
    assert done["SourceIpConfig"] == {"Cidrs": ["203.0.113.7/24"]}
    sm.update_workforce(WorkforceName="private-workforce", SourceIpConfig={"Cidrs": []})
    assert active(box, sm)["SourceIpConfig"] == {"Cidrs": []}


def test_there_is_one_private_workforce(box, sm):
    active(box, sm)
    config = {"CognitoConfig": {"UserPool": "us-east-1_X", "ClientId": "c"}}
    assert (
        refused(sm.create_workforce, WorkforceName="second", **config)[0] == "ResourceLimitExceeded"
    )
    assert (
        refused(sm.create_workforce, WorkforceName="private-workforce", **config)[0]
        == "ResourceInUse"
    )
    assert refused(sm.delete_workforce, WorkforceName="private-workforce")[0] == "ResourceInUse"


def test_life_of_a_workforce_in_another_region(slow_box):
    box = slow_box
    sm = box.session.client("sagemaker", region_name="eu-west-1", endpoint_url=box.url)
    assert sm.list_workforces()["Workforces"] == []
    assert refused(sm.create_workforce, WorkforceName="own")[0] == "ValidationException"
    pool = {"UserPool": "eu-west-1_X", "ClientId": "c"}
    sm.create_workforce(WorkforceName="own", CognitoConfig=pool)
    first = sm.describe_workforce(WorkforceName="own")["Workforce"]
    assert first["Status"] == "Initializing"
    assert first["CognitoConfig"] == pool
    assert isinstance(active(box, sm, "own")["CreateDate"], dt.datetime)
    members = [{"CognitoMemberDefinition": {**pool, "UserGroup": "a"}}]
    sm.create_workteam(WorkteamName="own-team", Description="d", MemberDefinitions=members)
    arn = sm.describe_workteam(WorkteamName="own-team")["Workteam"]["WorkteamArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:111122223333:workteam/private-crowd/own-team"
    sm.delete_workteam(WorkteamName="own-team")
    sm.delete_workforce(WorkforceName="own")
    assert sm.describe_workforce(WorkforceName="own")["Workforce"]["Status"] == "Deleting"
    box.until(lambda: sm.list_workforces()["Workforces"] == [])
