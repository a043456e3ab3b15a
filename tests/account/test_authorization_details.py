"""IAM's details of a refusal, with botocore's Stubber checking every call against the API's own model."""

from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.stub import Stubber

from gt_secure.account.authorization_details import ACTION, read_authorization_details
from gt_secure.aws.client import Aws, connect_aws

ID = "example1a2b3c4d5e6f7g8h9i0j"
POLICY = "arn:aws:iam::111122223333:policy/DenyPolicy"
RCP = "arn:aws:organizations::444455556666:policy/o-a1/resource_control_policy/p-1"

pytestmark = pytest.mark.skipif(
    "iam-toolbox" not in botocore.session.get_session().get_available_services(), reason="this botocore has no client"
)


@pytest.fixture
def aws() -> Aws:
    return connect_aws(boto3_session=boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1"))


@pytest.fixture
def stub(aws: Aws) -> Any:
    with Stubber(aws.client("iam-toolbox")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def evaluation(effect: str, *matched: tuple[str, str, str], action: str = "s3:GetObject") -> dict[str, Any]:
    policies = [
        {"uri": uri, "matchedStatements": [{"sid": sid, "evaluatedEffect": said}]} for uri, sid, said in matched
    ]
    return {"action": action, "resource": "arn:aws:s3:::b/k", "evaluatedEffect": effect, "matchedPolicies": policies,
            "context": {"aws:SourceIp": "198.51.100.20"}}  # fmt: skip


def page(*evaluations: dict[str, Any], **more: Any) -> dict[str, Any]:
    policies = [{"type": "IDENTITY_BASED_POLICY", "uri": POLICY}, {"type": "RESOURCE_CONTROL_POLICY", "uri": RCP}]
    return {"requestContext": {"aws:PrincipalOrgID": "o-a1"}, "evaluations": list(evaluations), "policies": policies,
            **more}  # fmt: skip


def ask(aws: Aws) -> Any:
    return read_authorization_details(aws, ID, sleep=lambda _: None)


def test_the_check_that_denied_is_found_among_those_that_did_not(aws: Aws, stub: Stubber) -> None:
    allowed = evaluation("ALLOW", (POLICY, "Read", "ALLOW"), action="s3:GetObjectTagging")
    denied = evaluation("EXPLICIT_DENY", (POLICY, "Read", "ALLOW"), (RCP, "Perimeter", "DENY"))
    stub.add_response("get_request_authorization_details", page(allowed, denied), {"authorizationId": ID})
    details = ask(aws)
    check = details.deciding
    assert (check.decision, check.kind, check.policy, check.statement) == ("explicit-deny", "rcp", RCP, "Perimeter")
    assert details.value("AWS:principalorgid") == "o-a1"
    assert details.value("aws:sourceip") == "198.51.100.20"
    assert details.value("aws:SourceVpce") is None
    assert details.problem == ""


def test_all_pages_are_read(aws: Aws, stub: Stubber) -> None:
    stub.add_response(
        "get_request_authorization_details", page(evaluation("ALLOW"), nextToken="n"), {"authorizationId": ID}
    )
    stub.add_response(
        "get_request_authorization_details",
        page(evaluation("IMPLICIT_DENY")),
        {"authorizationId": ID, "nextToken": "n"},
    )
    details = ask(aws)
    assert len(details.checks) == 2
    assert (details.deciding.decision, details.deciding.policy) == ("implicit-deny", "")


def test_details_that_come_late_are_waited_for(aws: Aws, stub: Stubber) -> None:
    stub.add_client_error("get_request_authorization_details", "ResourceNotFoundException", http_status_code=404)
    stub.add_response("get_request_authorization_details", page(evaluation("IMPLICIT_DENY")), {"authorizationId": ID})
    assert ask(aws).deciding is not None


@pytest.mark.parametrize(
    ("code", "times", "said"),
    [("ResourceNotFoundException", 3, "not yet"), ("AccessDeniedException", 1, ACTION),
     ("ValidationException", 1, ACTION), ("InternalServerException", 1, ACTION)],
)  # fmt: skip
def test_an_error_is_a_sentence_and_is_not_raised(aws: Aws, stub: Stubber, code: str, times: int, said: str) -> None:
    for _ in range(times):
        stub.add_client_error("get_request_authorization_details", code, http_status_code=400)
    details = ask(aws)
    assert said in details.problem
    assert details.deciding is None


def test_an_old_botocore_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> Any:
        raise UnknownServiceError(service_name="iam-toolbox", known_service_names="iam")

    monkeypatch.setattr(aws, "client", unknown)
    assert "1.43.106" in ask(aws).problem
