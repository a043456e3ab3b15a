"""Each answer that S3 or a network can give leads to its cause, its lock and a next step."""

import json

import pytest

from gt_secure.network import Source
from gt_secure.policy import (
    Policies,
    Request,
    build_guard,
    evaluate,
    find_guard,
    merge_guard,
    presigned_context,
    session_policy,
)
from gt_secure.presign.explain import explain
from gt_secure.presign.probe import Probe

SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/test"
IDENTITY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
SENTENCE = (
    'User: arn:aws:sts::1:assumed-role/R/s is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/k" '
)
SOURCE = Source.parse("198.51.100.20")
BUCKET = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"]))


def silent(kind):
    return f"{SENTENCE}because no {kind} allows the s3:GetObject action"


def denied(kind):
    return f"{SENTENCE}with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def answer(status=403, code="AccessDenied", message="Access Denied", **more):
    given = {"vantage": "kernel", "source": SOURCE, "bucket": "gt-images", "key": "k", "elapsed_ms": 1.0,
             "request_id": "ABC", **more}  # fmt: skip
    return Probe(status=status, error_code=code, error_message=message, **given)


def predict(source, *, session=None, bucket=None, identity=IDENTITY):
    request = Request("s3:GetObject", "arn:aws:s3:::gt-images/k", SESSION, presigned_context(source))
    return evaluate(request, Policies([identity] if identity else [], session, bucket))


@pytest.mark.parametrize(
    ("probe", "cause"),
    [
        (answer(200, "", ""), "opened"),
        (answer(206, "", ""), "opened"),
        (answer(403, "AccessDenied", "Request has expired", details={"Expires": "2026-11-24T12:00:00Z"}), "expired"),
        (answer(403, "AccessDenied", "Request is not yet valid"), "not-yet-valid"),
        (answer(403, "RequestTimeTooSkewed", "The difference"), "not-yet-valid"),
        (answer(400, "ExpiredToken", "The provided token has expired."), "credentials"),
        (answer(403, "InvalidAccessKeyId", "x"), "credentials"),
        (answer(403, "SignatureDoesNotMatch", "x"), "signature"),
        (answer(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week"), "signature"),
        (answer(400, "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region "
                "'us-east-1' is wrong; expecting 'eu-central-1'"), "region"),
        (answer(400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256."), "signature-version"),
        (answer(301, "PermanentRedirect", "x", details={"Endpoint": "s3.eu-west-1.amazonaws.com"}), "redirect"),
        (answer(307, "TemporaryRedirect", "x"), "redirect"),
        (answer(404, "NoSuchKey", "x"), "not-found"),
        (answer(404, "NoSuchVersion", "x"), "not-found"),
        (answer(405, "MethodNotAllowed", "x"), "not-found"),
        (answer(403, "InvalidObjectState", "x"), "archived"),
        (answer(503, "SlowDown", "x"), "busy"),
        (answer(403, "AccessDenied", "User: u is not authorized to perform: kms:Decrypt on resource: k because no "
                "session policy allows the kms:Decrypt action"), "kms"),
        (answer(400, "KMS.DisabledException", "x"), "kms"),
        (answer(403, message=silent("session policy")), "session-policy"),
        (answer(403, message=denied("session policy")), "session-policy"),
        (answer(403, message=denied("resource-based policy")), "bucket-policy"),
        (answer(403, message=silent("resource-based policy")), "bucket-policy"),
        (answer(403, message=silent("identity-based policy")), "identity-policy"),
        (answer(403, message=denied("identity-based policy")), "identity-policy"),
        (answer(403, message=silent("permissions boundary")),
         "permissions-boundary"),
        (answer(403, message=denied("VPC endpoint policy")), "endpoint-policy"),
        (answer(403, message=silent("VPC endpoint policy")), "endpoint-policy"),
        (answer(403, message=denied("service control policy")), "organization-policy"),
        (answer(403, message=denied("resource control policy")), "organization-policy"),
        (answer(403, message="public policies are prevented by the setting in S3 Block Public Access"),
         "block-public-access"),
        (answer(403, message="Access Denied"), "unknown"),
        (answer(403, "", "", request_id=""), "not-s3"),
        (answer(407, "", "", request_id="", proxied=True), "not-s3"),
        (answer(None, "", "", failure="dns"), "no-answer"),
        (answer(None, "", "", failure="time-out"), "no-answer"),
        (answer(None, "", "", failure="cors"), "cors"),
        (answer(418, "Teapot", ""), "unknown"),
    ],
)  # fmt: skip
def test_cause(probe, cause):
    told = explain(probe)
    assert told.cause == cause
    assert told.headline.endswith((".", ")."))
    assert told.next_step or cause == "opened"
    assert told.agrees is None
    assert told.predicted == ""
    json.dumps(told.to_dict())


def test_url_lock_names_the_bound_address_and_what_s3_saw():
    message = silent("session policy")
    told = explain(answer(message=message), bound_to="203.0.113.7")
    assert told.lock == "URL lock"
    assert told.headline == "The URL lock refused it: the URL is bound to 203.0.113.7, and S3 saw 198.51.100.20."
    v6 = explain(answer(message=message, source=Source.parse("2001:db8::1")), bound_to="203.0.113.7")
    assert "different families" in v6.why
    endpoint = explain(
        answer(message=message, source=Source.parse("10.0.0.1 via vpce-0a1b2c3d")), bound_to="203.0.113.7"
    )
    assert "no public address" in endpoint.why
    internet = explain(answer(message=message), bound_to="10.0.0.1 via vpce-0a1b2c3d")
    assert "over the internet" in internet.why
    unknown = explain(answer(message=message, source=None), bound_to="203.0.113.7")
    assert "S3 saw another address" in unknown.headline


@pytest.mark.parametrize(
    ("source", "cause"),
    [("198.51.100.20", "bucket-guard"), ("203.0.113.7", "bucket-policy"),
     ("10.0.0.1 via vpce-0a1b2c3d", "bucket-policy"), ("10.0.0.1 via vpce-0ffffffff", "bucket-guard")],
)  # fmt: skip
def test_the_guard_is_told_from_other_bucket_statements(source, cause):
    message = denied("resource-based policy")
    told = explain(answer(message=message, source=Source.parse(source)), guard=find_guard(BUCKET))
    assert told.cause == cause
    assert told.lock == ("bucket guard" if cause == "bucket-guard" else "")


def test_a_prediction_that_fits_is_shown_beside_the_answer():
    message = denied("resource-based policy")
    told = explain(answer(message=message), verdict=predict("198.51.100.20", bucket=BUCKET))
    assert (told.cause, told.agrees, told.predicted) == ("bucket-guard", True, "explicit-deny")
    assert "Predicted: explicit-deny" in told.to_text()
    assert explain(answer(200, "", ""), verdict=predict("203.0.113.7", bucket=BUCKET)).agrees is True


def test_a_difference_is_the_headline():
    told = explain(answer(200, "", ""), verdict=predict("198.51.100.20", bucket=BUCKET))
    assert told.agrees is False
    assert told.headline.startswith("Predicted explicit-deny, but the object was opened:")
    told = explain(answer(message=denied("VPC endpoint policy")), verdict=predict("203.0.113.7"))
    assert told.agrees is False
    assert told.headline.startswith("Predicted allow, but the object was refused: The policy of the VPC endpoint")
    # refused as predicted, but by another policy
    told = explain(
        answer(message=silent("session policy")),
        verdict=predict("198.51.100.20", bucket=BUCKET),
    )
    assert told.agrees is False


def test_expiry_is_no_disagreement():
    assert explain(answer(message="Request has expired"), verdict=predict("203.0.113.7", bucket=BUCKET)).agrees is None


def test_a_bare_access_denied_takes_the_lock_from_the_prediction():
    policy = session_policy("gt-images", "k", source="203.0.113.7")
    told = explain(answer(), verdict=predict("198.51.100.20", session=policy), bound_to="203.0.113.7")
    assert (told.cause, told.lock, told.agrees) == ("session-policy", "URL lock", True)
    assert "predicted" in told.why
    guard = explain(answer(), verdict=predict("198.51.100.20", bucket=BUCKET))
    assert (guard.cause, guard.lock) == ("bucket-guard", "bucket guard")
    other = merge_guard(None, {"Sid": "Net", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})
    told = explain(answer(), verdict=predict("198.51.100.20", bucket=other))
    assert told.cause == "bucket-policy"
    assert "Net" in told.headline
    none = explain(answer(), verdict=predict("203.0.113.7", bucket=BUCKET))
    assert (none.cause, none.agrees) == ("unknown", False)


def test_cors_is_seen_on_an_opened_object():
    assert explain(answer(200, "", ""), origin="https://portal.example").cause == "cors"
    fine = answer(200, "", "", headers={"access-control-allow-origin": "*"})
    assert explain(fine, origin="https://portal.example").cause == "opened"


def test_hostile_text_is_escaped_and_stays_on_its_line():
    told = explain(answer(418, "<b>", "<script>alert(1)</script>\n\x1b[31m"))
    assert "<script>" not in told.to_html()
    assert "\x1b" not in told.to_text()
    assert len(told.to_text().splitlines()) == 3
