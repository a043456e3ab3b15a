"""The reason in an access denied message, also where a name in it pretends to be one."""

import pytest
from botocore.exceptions import ClientError

from gt_secure.aws.client import aws_errors
from gt_secure.base.denials import KIND_NAMES, Denial, parse_denial
from gt_secure.base.errors import AccessDenied

S3 = (
    "User: arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: s3:GetObject on"
    ' resource: "{}" '
)
OBJECT = "arn:aws:s3:::gt-images/k.png"
SCP = "arn:aws:organizations::444455556666:policy/o-exampleorgid/service_control_policy/p-examplepolicyid111"
RCP = "arn:aws:organizations::444455556666:policy/o-exampleorgid/resource_control_policy/p-examplepolicyid222"
ID = "example1a2b3c4d5e6f7g8h9i0j"
PREVIEW = (
    " Go to"
    f" https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/authorization-details/{ID}"
    " for complete details, or call the GetRequestAuthorizationDetails API with the following"
    f" authorization id: {ID}"
)


def denied(kind: str, arn: str = "", resource: str = OBJECT) -> str:
    article = "an" if kind[0] in "aeiou" else "a"
    return (
        S3.format(resource)
        + f"with an explicit deny in {article} {kind}"
        + (f": {arn}" if arn else "")
    )


def silent(kind: str, resource: str = OBJECT) -> str:
    return S3.format(resource) + f"because no {kind} allows the s3:GetObject action"


@pytest.mark.parametrize(("kind", "name"), KIND_NAMES.items())
@pytest.mark.parametrize("end", ["", "."])
def test_each_kind_in_both_forms(kind, name, end):
    assert parse_denial(denied(name) + end) == Denial(kind, True)
    assert parse_denial(silent(name) + end) == Denial(kind, False)
    assert parse_denial(denied(name.upper())) == Denial(kind, True)


@pytest.mark.parametrize(
    ("kind", "arn"),
    [
        ("scp", SCP), ("rcp", RCP),
        ("identity", "arn:aws:iam::111122223333:policy/RevokeOldSessions"),
        ("identity", "arn:aws:iam::111122223333:policy/session-policy"),
        ("boundary", "arn:aws:iam::111122223333:policy/team.x/with=odd+chars@,_-"[:52]),
        ("session", "arn:aws-cn:iam::111122223333:policy/resource-based"),
        ("endpoint", "arn:aws-us-gov:ec2:us-gov-west-1:111122223333:vpc-endpoint/vpce-0a1b2c3d"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", ".", "." + PREVIEW, PREVIEW])
def test_the_arn_of_the_policy_is_kept_and_does_not_name_the_kind(kind, arn, end):
    found = parse_denial(denied(KIND_NAMES[kind], arn) + end)
    assert found == Denial(kind, True, arn, ID if PREVIEW in end else "")
    assert arn in found.policy


@pytest.mark.parametrize("arn", ["arn:aws:iam::1:policy/a.b", "arn:aws:iam::1:policy/v1.2.3"])
def test_a_full_stop_ends_the_sentence_and_not_the_name(arn):
    assert parse_denial(denied("identity-based policy", arn) + ".").policy_arn == arn
    assert parse_denial(denied("identity-based policy", arn)).policy_arn == arn


@pytest.mark.parametrize(
    "key",
    [
        "x with an explicit deny in a session policy", "because no session policy allows the s3:GetObject action",
        'q" with an explicit deny in a session policy', "with an explicit deny in a session policy: arn:aws:iam::1:x",
        "authorization id: abc123", "a/authorization-details/abc123",
    ],
)  # fmt: skip
def test_a_key_cannot_give_the_reason(key):
    assert parse_denial(denied("resource-based policy", RCP, f"arn:aws:s3:::b/{key}")) == Denial(
        "resource", True, RCP
    )


@pytest.mark.parametrize(
    "key", ["with an explicit deny in a session policy", "authorization id: abc123"]
)
def test_a_key_in_a_message_without_a_reason_gives_none(key):
    assert parse_denial(S3.format(f"arn:aws:s3:::b/{key}")) is None


@pytest.mark.parametrize("message", ["", "Access Denied", "You are not authorized to perform this operation.",
                                     "User: x is not authorized to perform: s3:GetObject with an explicit deny",
                                     "with an explicit deny in a policymaker's mind"])  # fmt: skip
def test_no_reason(message):
    assert parse_denial(message) is None


def test_an_id_alone_and_a_kind_that_is_not_known():
    assert parse_denial("Access Denied." + PREVIEW) == Denial(authorization_id=ID)
    assert parse_denial(denied("declarative policy")) == Denial("", True)


def test_trust_policies_and_plurals():
    found = parse_denial("because no VPC endpoint policies allow the s3:GetObject action")
    assert found == Denial("endpoint", False)
    assert (
        parse_denial("because no identity-based policies allow the ec2:RunInstances action").kind
        == "identity"
    )


def raised(message: str, code: str = "AccessDeniedException") -> AccessDenied:
    with (
        pytest.raises(AccessDenied) as caught,
        aws_errors("sagemaker:UpdateWorkteam", "arn:aws:sagemaker:x"),
    ):
        raise ClientError({"Error": {"Code": code, "Message": message}}, "UpdateWorkteam")
    return caught.value


def control(reason: str) -> str:
    return (
        "User: arn:aws:iam::1:user/u is not authorized to perform: sagemaker:UpdateWorkteam on"
        f" resource: x {reason}"
    )


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_a_control_plane_error_names_the_denying_policy(code):
    error = raised(control(f"with an explicit deny in a service control policy: {SCP}"), code)
    assert error.details["policy_kind"] == "scp"
    assert error.details["policy_arn"] == SCP
    assert error.details["explicit_deny"] is True
    assert SCP in error.message
    assert SCP in error.next_step
    assert "A Deny overrides any Allow" in error.next_step
    assert error.policy == {}, "no Allow helps against a Deny"


def test_a_control_plane_error_with_an_authorization_id_names_the_command():
    error = raised(
        control(
            "because no identity-based policy allows the sagemaker:UpdateWorkteam action." + PREVIEW
        )
    )
    assert error.details["authorization_id"] == ID
    assert error.details["policy_kind"] == "identity"
    assert error.details["explicit_deny"] is False
    assert f"--authorization-id {ID}" in error.next_step
    assert "administrator" in error.next_step


def test_a_control_plane_error_without_a_reason_stays_as_it_was():
    error = raised("no")
    assert (
        error.message == "This role may not call sagemaker:UpdateWorkteam on arn:aws:sagemaker:x."
    )
    assert "policy_arn" not in error.details
