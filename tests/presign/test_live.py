"""Sign and probe over real HTTP: the sandbox checks signatures and enforces session policies."""

import pickle

import pytest

from gt_secure.base.errors import AccessDenied, GtSecureError, InvalidInput, NotFound, Unreachable
from gt_secure.connection import connect
from gt_secure.explain.expectation_log import MIME, Scenes
from gt_secure.presign import inspect, probe
from support.box import Box

OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
VPC = "10.0.3.4 via vpce-0a1b2c3d4e5f60718"
ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"


@pytest.fixture(scope="module")
def gt(sandbox):
    import boto3

    env = sandbox.environment()
    session = boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    return connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)


@pytest.mark.parametrize("role", [None, ROLE])
@pytest.mark.parametrize(
    ("bound_to", "opens"),
    [(None, {OFFICE, ELSEWHERE, VPC}), (OFFICE, {OFFICE}), (VPC, {VPC})],
)
def test_a_bound_url_opens_only_from_its_source(gt, role, bound_to, opens):
    url = gt.sign("gt-images", "scans/0001.png", bound_to=bound_to, role_arn=role)
    for source in (OFFICE, ELSEWHERE, VPC):
        got = gt.probe(url, source)
        assert got.status == (200 if source in opens else 403), (source, got.error_message)
        assert str(got.source) == source
        if source not in opens:
            assert "no session policy allows" in got.error_message


def test_the_url_never_shows_itself(gt):
    url = gt.sign("gt-images", "scans/0001.png")
    secret = url.reveal().split("X-Amz-Signature=")[1]
    shown = (
        f"{url!r} {url} {url.masked} {url.to_dict()} {vars(url) and ''} {inspect(url.reveal())!r}"
        f" {gt.probe(url)!r}"
    )
    assert secret not in shown
    assert "X-Amz-Security-Token" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(url)
    url.forget()
    with pytest.raises(InvalidInput, match="cleared"):
        url.reveal()


def test_the_marker_is_signed_and_found_again(gt):
    url = gt.sign("gt-images", "scans/0001.png")
    assert inspect(url.reveal()).marker == url.marker
    assert probe(url).marker == url.marker
    assert probe(url.reveal().replace(url.marker, "0" * 32)).error_code == "SignatureDoesNotMatch"


def test_ground_truth_signs_a_url_that_no_url_lock_binds(gt):
    """RenderUiTemplate names no team: the URL is signed by the role,
    and only guard and role decide about it.
    """
    url = gt.sign("gt-images", "scans/0001.png", sign_with="ground-truth", role_arn=ROLE)
    assert (url.signer, url.bound_to, url.key) == (ROLE, None, "scans/0001.png")
    assert 0 < url.seconds_left <= 900
    assert "Signature" not in repr(url) + str(url.to_dict())
    assert gt.probe(url, ELSEWHERE).status == 200
    assert gt.explain(gt.probe(url, ELSEWHERE), url=url).headline


@pytest.mark.parametrize("missing", ["sagemaker:RenderUiTemplate", "iam:PassRole"])
def test_without_a_permission_the_error_names_it(gt, sandbox, missing):
    box = Box(sandbox)
    rights = ["s3:*", "sts:*", *{"sagemaker:RenderUiTemplate", "iam:PassRole"} - {missing}]
    session = box.session_of(box.keys({"Effect": "Allow", "Action": rights, "Resource": "*"}))
    with pytest.raises(AccessDenied) as caught:
        connect(boto3_session=session, endpoint_url=box.url).sign(
            "gt-images", "scans/0001.png", sign_with="ground-truth", role_arn=ROLE
        )
    assert caught.value.action == missing


def test_a_role_that_ground_truth_may_not_assume(gt):
    with pytest.raises(GtSecureError, match="Could not assume role"):
        gt.sign(
            "gt-images",
            "scans/0001.png",
            sign_with="ground-truth",
            role_arn=f"{ROLE[:31]}mlflow-server",
        )


def test_a_version_of_its_own(gt):
    with pytest.raises(NotFound):
        gt.sign("gt-images", "scans/0001.png", version_id="nonsuch0000000000000000000000000")


def test_an_expired_url_is_told_apart(gt):
    import time

    url = gt.sign("gt-images", "scans/0001.png", expires_in=1)
    time.sleep(2.1)
    got = probe(url)
    assert (got.status, got.error_code) == (403, "AccessDenied")
    assert "expired" in got.error_message.lower()


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        ({"bucket": "gt-images", "key": "nonsuch.png"}, NotFound, "no object"),
        ({"bucket": "gt-nonsuch", "key": "k"}, NotFound, "no bucket"),
        ({"bucket": "GT_Images", "key": "k"}, InvalidInput, "not a bucket name"),
        ({"bucket": "gt-images", "key": ""}, InvalidInput, "empty"),
        (
            {"bucket": "gt-images", "key": "scans/0001.png", "expires_in": 3601},
            InvalidInput,
            "3,600",
        ),
        (
            {"bucket": "gt-images", "key": "scans/0001.png", "role_arn": "admin"},
            InvalidInput,
            "not a role ARN",
        ),
        (
            {"bucket": "gt-images", "key": "scans/0001.png", "bound_to": "office"},
            InvalidInput,
            "not an address",
        ),
        (
            {
                "bucket": "gt-images",
                "key": "scans/0001.png",
                "role_arn": "arn:aws:iam::111122223333:role/Nonsuch",
            },
            AccessDenied,
            "may not assume",
        ),
        (
            {
                "bucket": "gt-images",
                "key": "scans/0001.png",
                "bound_to": OFFICE,
                "sign_with": "own-keys",
            },
            InvalidInput,
            "only through a session policy",
        ),
        (
            {
                "bucket": "gt-images",
                "key": "scans/0001.png",
                "bound_to": OFFICE,
                "sign_with": "ground-truth",
            },
            InvalidInput,
            "only through a session policy",
        ),
        (
            {
                "bucket": "gt-images",
                "key": "scans/0001.png",
                "expires_in": 60,
                "sign_with": "ground-truth",
            },
            InvalidInput,
            "chooses the lifetime",
        ),
        (
            {"bucket": "gt-images", "key": "scans/0001.png", "sign_with": "ground-truth"},
            InvalidInput,
            "the caller is none",
        ),
        (
            {"bucket": "gt-images", "key": "scans/0001.png", "sign_with": "magic"},
            InvalidInput,
            "signs no URL",
        ),
    ],
)
def test_bad_requests_say_what_to_do(gt, arguments, error, word):
    with pytest.raises(error, match=word) as caught:
        gt.sign(**arguments)
    assert caught.value.next_step


def test_a_refused_assume_role_carries_what_an_administrator_needs(gt):
    with pytest.raises(AccessDenied) as caught:
        gt.sign("gt-images", "scans/0001.png", role_arn="arn:aws:iam::111122223333:role/Nonsuch")
    assert caught.value.policy["Statement"][0]["Action"] == "sts:AssumeRole"
    assert caught.value.details["trust_statement"]["Action"] == "sts:AssumeRole"


def test_no_answer_is_not_an_exception(gt):
    url = gt.sign("gt-images", "scans/0001.png").reveal()
    got = probe(url.replace(gt.aws.endpoint_url, "http://127.0.0.1:9"), timeout_s=1)
    assert got.status is None
    assert got.failure == "refused"


def test_a_source_that_cannot_be_played(gt):
    with pytest.raises(InvalidInput, match="cannot simulate"):
        gt.probe(gt.sign("gt-images", "scans/0001.png"), "10.0.3.4 via vpce-00000000000000000")


def test_a_dead_sandbox_is_a_sentence():
    import boto3

    session = boto3.session.Session("AKIAEXAMPLE", "x", region_name="us-east-1")
    with pytest.raises(Unreachable, match="No response"):
        connect(boto3_session=session, endpoint_url="http://127.0.0.1:9").workteams()


def test_scenes_compare_and_show(gt):
    scenes = Scenes()
    url = gt.sign("gt-images", "scans/0001.png", bound_to=OFFICE)
    scenes.add("office", gt.probe(url, OFFICE), "opened")
    assert scenes.as_expected
    scenes.add("<b>elsewhere</b>", gt.probe(url, ELSEWHERE), "opened")
    assert not scenes.as_expected
    bundle = scenes._repr_mimebundle_()
    assert [s["http_status"] for s in bundle[MIME]] == [200, 403]
    assert "<b>elsewhere" not in bundle["text/html"]
    assert "NOT" in bundle["text/plain"]


def test_debug_logs_hold_no_url_and_no_key(gt, caplog):
    import logging

    with caplog.at_level(logging.DEBUG):
        url = gt.sign("gt-images", "scans/0001.png", bound_to=OFFICE, role_arn=ROLE)
        gt.probe(url, OFFICE)
        gt.probe(url)
    secret = url.reveal().split("X-Amz-Signature=")[1].split("&")[0]
    assert caplog.records, "the libraries do log"
    assert secret not in caplog.text
    assert "X-Amz-Security-Token" not in caplog.text
    assert "SecretAccessKey" not in caplog.text


def test_a_role_with_a_path_is_found_and_the_wrong_path_is_refused(sandbox, gt):
    """Roles made by the SageMaker console lie under /service-role/,
    and STS does not tell the path.
    """
    import json

    import boto3

    iam = gt.aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "sts:AssumeRole",
    }
    allow = {
        "Effect": "Allow",
        "Action": ["s3:*", "sts:AssumeRole", "iam:GetRole"],
        "Resource": "*",
    }
    made = iam.create_role(
        RoleName="StudioRole",
        Path="/service-role/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="StudioRole",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    keys = gt.aws.client("sts").assume_role(RoleArn=made, RoleSessionName="studio")["Credentials"]
    session = boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1"
    )
    studio = connect(boto3_session=session, endpoint_url=sandbox.endpoint_url)
    assert studio.aws.own_role() == made == "arn:aws:iam::111122223333:role/service-role/StudioRole"
    url = studio.sign("gt-images", "scans/0001.png", bound_to=OFFICE)
    assert url.principal == made
    assert studio.probe(url, OFFICE).status == 200
    assert studio.probe(url, ELSEWHERE).status == 403
    with pytest.raises(AccessDenied) as caught:
        studio.sign(
            "gt-images", "scans/0001.png", role_arn="arn:aws:iam::111122223333:role/StudioRole"
        )
    assert caught.value.details["trust_statement"]["Principal"] == {"AWS": made}, (
        "who asks, not who is asked"
    )


@pytest.fixture
def bucket_policy(gt):
    """Set the policy of gt-images for one test."""
    import json

    s3 = gt.aws.client("s3")

    def put(condition, key="scans/*", action="s3:GetObject"):
        deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Condition": condition,
                "Resource": f"arn:aws:s3:::gt-images/{key}"}  # fmt: skip
        s3.put_bucket_policy(
            Bucket="gt-images", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        )

    yield put
    s3.delete_bucket_policy(Bucket="gt-images")


@pytest.mark.parametrize(
    ("condition", "source", "status"),
    [
        ({"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}, VPC, 200),
        ({"StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}, OFFICE, 403),
        ({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Ground*"}}, OFFICE, 403),
        ({"StringNotEquals": {"aws:PrincipalArn": ROLE}}, OFFICE, 200),
        ({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}, OFFICE, 200),
        ({"NumericGreaterThan": {"s3:signatureAge": "0"}}, OFFICE, 403),
        ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, OFFICE, 403),
    ],
)
def test_prediction_and_observation_agree(gt, bucket_policy, condition, source, status):
    bucket_policy(condition)
    url = gt.sign("gt-images", "scans/0001.png", role_arn=ROLE)
    import time

    time.sleep(1.1)  # a signature's time has whole seconds
    answer = gt.probe(url, source)
    explanation = gt.explain(answer, url=url)
    assert answer.status == status
    assert explanation.agrees is True, explanation.to_text()
    if "aws:SourceVpc" in str(condition):
        predicted = gt.who_can_open("gt-images", "scans/0001.png").at(source, "presigned")
        assert predicted.answer == ("opened" if status == 200 else "refused")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("denied", ["s3:GetObject", "s3:PutObject", "s3:*"])
def test_prediction_and_observation_agree_whatever_the_method(gt, bucket_policy, method, denied):
    bucket_policy({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, action=denied)
    url = gt.sign("gt-images", "scans/0001.png", method=method)
    answer = gt.probe(url, OFFICE, method=method)
    assert answer.signed_for == method
    wanted = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject"}[method]
    assert answer.status == (403 if denied in (wanted, "s3:*") else 200)
    explained = gt.explain(answer, url=url)
    assert explained.agrees is not False, explained.to_text()
    assert explained.predicted == ("allow" if answer.status == 200 else "explicit-deny")


def test_any_public_source_can_be_played(gt):
    url = gt.sign("gt-images", "scans/0001.png", bound_to="203.0.113.99")
    assert gt.probe(url, "203.0.113.99").status == 200
    assert gt.probe(url, "192.0.2.44").status == 403
    assert gt.probe(url, "2001:db8::1").status == 403
