"""Each answer that S3 or a network can give leads to its cause, its lock and a next step."""

import json

import pytest

from gt_secure.base.network import Source
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import presigned_context
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.session_policy import session_policy
from gt_secure.explain.explanation import explain
from gt_secure.presign.probe import Probe
from support.guards import find_guard, merge_guard

pytestmark = pytest.mark.usefixtures("known_texts")

SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/test"
IDENTITY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
SENTENCE = (
    "User: arn:aws:sts::1:assumed-role/R/s is not authorized to perform: s3:GetObject on resource:"
    ' "arn:aws:s3:::b/k" '
)
SOURCE = Source.parse("198.51.100.20")
BUCKET = merge_guard(
    None, build_guard("gt-images", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"])
)


def silent(kind):
    return f"{SENTENCE}because no {kind} allows the s3:GetObject action"


def denied(kind):
    return f"{SENTENCE}with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def answer(status=403, code="AccessDenied", message="Access Denied", **more):
    given = {"probe_origin": "kernel", "source": SOURCE, "bucket": "gt-images", "key": "k", "elapsed_ms": 1.0,
             "request_id": "ABC", **more}  # fmt: skip
    return Probe(status=status, error_code=code, error_message=message, **given)


def predict(source, *, session=None, bucket=None, identity=IDENTITY):
    request = Request(
        "s3:GetObject", "arn:aws:s3:::gt-images/k", SESSION, presigned_context(source)
    )
    return evaluate(request, Policies([identity] if identity else [], session, bucket))


CASES = [
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
    (answer(400, "InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys require "
            "AWS Signature Version 4."), "signature-version"),
    (answer(400, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified"), "two-signatures"),
    (answer(403, message="There were headers present in the request which were not signed"), "unsigned-headers"),
    (answer(403, message="Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters"), "cut-url"),
    (answer(400, "AuthorizationQueryParametersError", "Query-string authentication version 4 requires the "
            "X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."), "cut-url"),
    (answer(403, message="Invalid date (should be seconds since epoch): 17a"), "cut-url"),
    (answer(403, "AllAccessDisabled", "All access to this object has been disabled"), "disabled"),
    (answer(403, "AccountProblem", "x"), "account"),
    (answer(400, "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct "
            "parameters must be provided to retrieve the object."), "customer-key"),
    (answer(400, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must "
            "provide an appropriate secret key."), "customer-key"),
    (answer(400, "InvalidURI", "Couldn't parse the specified URI."), "unreadable"),
    (answer(416, "InvalidRange", "The requested range is not satisfiable"), "range"),
    (answer(403, message="Access Denied"), "unknown"),
    (answer(403, "", "", request_id=""), "not-s3"),
    (answer(407, "", "", request_id="", proxied=True), "not-s3"),
    (answer(None, "", "", failure="dns"), "no-answer"),
    (answer(None, "", "", failure="time-out"), "no-answer"),
    (answer(None, "", "", failure="cors"), "cors"),
    (answer(None, "", "", failure="refused"), "no-answer"),
    (answer(None, "", "", failure="tls"), "no-answer"),
    (answer(None, "", "", failure="broken"), "no-answer"),
    (answer(404, "NoSuchBucket", "x"), "not-found"),
    (answer(404, "", "", method="HEAD"), "not-found"),
    (answer(403, message="There were headers present in the request which were not signed",
            details={"HeadersNotSigned": "x-amz-acl"}), "unsigned-headers"),
    (answer(418, "Teapot", ""), "unknown"),
]  # fmt: skip
"""Each answer, and its cause."""


@pytest.mark.parametrize(("probe", "cause"), CASES)
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
    assert (
        told.headline
        == "The URL lock refused it: the URL is bound to 203.0.113.7, and S3 saw 198.51.100.20."
    )
    v6 = explain(
        answer(message=message, source=Source.parse("2001:db8::1")), bound_to="203.0.113.7"
    )
    assert "different families" in v6.why
    endpoint = explain(
        answer(message=message, source=Source.parse("10.0.0.1 via vpce-0a1b2c3d")),
        bound_to="203.0.113.7",
    )
    assert "not see a public address" in endpoint.why
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
    assert (
        explain(answer(200, "", ""), verdict=predict("203.0.113.7", bucket=BUCKET)).agrees is True
    )


def test_a_difference_is_the_headline():
    told = explain(answer(200, "", ""), verdict=predict("198.51.100.20", bucket=BUCKET))
    assert told.agrees is False
    assert told.headline.startswith("Predicted explicit-deny, but the object was opened:")
    told = explain(answer(message=denied("VPC endpoint policy")), verdict=predict("203.0.113.7"))
    assert told.agrees is False
    assert told.headline.startswith(
        "Predicted allow, but the object was refused: The policy of the VPC endpoint"
    )
    # refused as predicted, but by another policy
    told = explain(
        answer(message=silent("session policy")),
        verdict=predict("198.51.100.20", bucket=BUCKET),
    )
    assert told.agrees is False


def test_expiry_is_no_disagreement():
    assert (
        explain(
            answer(message="Request has expired"), verdict=predict("203.0.113.7", bucket=BUCKET)
        ).agrees
        is None
    )


def test_a_bare_access_denied_takes_the_lock_from_the_prediction():
    policy = session_policy("gt-images", "k", source="203.0.113.7")
    told = explain(
        answer(), verdict=predict("198.51.100.20", session=policy), bound_to="203.0.113.7"
    )
    assert (told.cause, told.lock, told.agrees) == ("session-policy", "URL lock", True)
    assert "predicted" in told.why
    guard = explain(answer(), verdict=predict("198.51.100.20", bucket=BUCKET))
    assert (guard.cause, guard.lock) == ("bucket-guard", "bucket guard")
    other = merge_guard(
        None, {"Sid": "Net", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    )
    told = explain(answer(), verdict=predict("198.51.100.20", bucket=other))
    assert told.cause == "bucket-policy"
    assert "Net" in told.headline
    none = explain(answer(), verdict=predict("203.0.113.7", bucket=BUCKET))
    assert (none.cause, none.agrees) == ("unknown", False)


@pytest.mark.parametrize("level", ["scp", "rcp"])
def test_a_predicted_refusal_of_the_organization_is_not_one_of_the_signer(level):
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    deny |= {"Principal": "*"} if level == "rcp" else {}
    request = Request(
        "s3:GetObject",
        "arn:aws:s3:::gt-images/k",
        SESSION,
        presigned_context("203.0.113.7"),
        "111122223333",
    )
    policies = Policies([IDENTITY], **{level: [{"Version": "2012-10-17", "Statement": [deny]}]})
    told = explain(answer(), verdict=evaluate(request, policies))
    assert (told.cause, told.agrees) == ("organization-policy", True)
    assert told.why.startswith("Access Denied. S3 itself returned no reason")


def test_cors_is_seen_on_an_opened_object():
    assert explain(answer(200, "", ""), origin="https://portal.example").cause == "cors"
    fine = answer(200, "", "", headers={"access-control-allow-origin": "*"})
    assert explain(fine, origin="https://portal.example").cause == "opened"


def test_hostile_text_is_escaped_and_stays_on_its_line():
    told = explain(answer(418, "<b>", "<script>alert(1)</script>\n\x1b[31m"))
    assert "<script>" not in told.to_html()
    assert "\x1b" not in told.to_text()
    assert len(told.to_text().splitlines()) == 3


def told_cause(*args, **more):
    return explain(answer(*args, **more)).cause


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_one(status):
    told = explain(
        answer(status, "", "", details={"Location host": "gt-images.s3.eu-west-1.amazonaws.com"})
    )
    assert told.cause == "redirect"
    assert told.headline == "S3 sends the request to gt-images.s3.eu-west-1.amazonaws.com."


@pytest.mark.parametrize("status", [300, 305, 309])
def test_other_answers_below_400_are_no_redirect(status):
    assert told_cause(status, "", "") == "unknown"


def test_a_redirect_names_the_host_and_the_region():
    told = explain(
        answer(
            301,
            "PermanentRedirect",
            "x",
            details={"Endpoint": "a.example", "Location host": "b.example"},
        )
    )
    assert told.headline == "S3 sends the request to a.example."
    assert told.why == "The host is part of the signature, so a presigned URL cannot follow."
    assert "to another host" in explain(answer(301, "", "")).headline
    assert told_cause(400, "PermanentRedirect", "x") == "redirect"
    for more in (
        {"headers": {"x-amz-bucket-region": "eu-west-1"}},
        {"details": {"Region": "eu-west-1"}},
    ):
        assert explain(answer(301, "", "", **more)).why.endswith("; the bucket is in eu-west-1.")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_is_busy_is_told_from_a_refusal(status):
    assert told_cause(status, "", "") == "busy"


@pytest.mark.parametrize("status", [501, 505])
def test_other_server_errors_are_not_known(status):
    assert told_cause(status, "", "") == "unknown"


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_busy_codes_count_whatever_the_status_is(code):
    assert told_cause(200 + 203, code, "x") == "busy"


@pytest.mark.parametrize(
    ("status", "marks", "cause"),
    [
        (407, {"request_id": "ABC"}, "not-s3"), (408, {"request_id": "ABC"}, "unknown"),
        (400, {"request_id": ""}, "not-s3"), (399, {"request_id": ""}, "unknown"),
        (400, {"request_id": "", "headers": {"x-amz-id-2": "x"}}, "unknown"),
    ],
)  # fmt: skip
def test_an_answer_without_a_mark_of_s3_came_from_something_between(status, marks, cause):
    assert told_cause(status, "", "", **marks) == cause


def test_where_it_opened_from_is_said_if_it_is_known():
    assert explain(answer(200, "", "")).headline == "The object opened from 198.51.100.20."
    assert explain(answer(200, "", "", source=None)).headline == "The object opened."


def test_both_regions_are_named():
    told = explain(
        answer(
            400,
            "AuthorizationHeaderMalformed",
            "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
        )
    )
    assert told.why.endswith("The bucket is in eu-west-1; the URL was signed for us-east-1.")
    assert explain(answer(400, "AuthorizationHeaderMalformed", "x")).why == "x"


def test_only_the_message_about_sigv4_is_about_the_signature_version():
    assert told_cause(400, "InvalidRequest", "Something else") == "unknown"
    assert told_cause(400, "Other", "Use AWS4-HMAC-SHA256") == "unknown"


@pytest.mark.parametrize("version", ["SigV2", "SigV4"])
def test_the_old_signature_is_named_where_it_does_not_fit(version):
    from gt_secure.presign import inspect

    query = {
        "SigV2": "AWSAccessKeyId=AKIAEXAMPLE&Expires=1795521600&Signature=x",
        "SigV4": (
            "X-Amz-Date=20261124T120000Z&X-Amz-Expires=600&X-Amz-Credential=A/20261124/us-east-1/s3/aws4_request"
            "&X-Amz-Signature=x"
        ),
    }[version]
    signed = inspect(f"https://gt-images.s3.us-east-1.amazonaws.com/k?{query}")
    told = explain(answer(403, "SignatureDoesNotMatch", "x"), signed=signed)
    assert ("signature version 2" in told.why) is (version == "SigV2")
    assert "signature version 2" not in explain(answer(403, "SignatureDoesNotMatch", "x")).why


@pytest.mark.parametrize(
    ("kms", "message", "cause"),
    [
        (True, "The ciphertext refers to a customer master key that does not exist", "kms"),
        (False, "The ciphertext refers to a customer master key that does not exist", "unknown"),
        (True, "Access Denied", "unknown"), (False, "Access Denied", "unknown"),
    ],
)  # fmt: skip
def test_a_word_about_ciphertext_is_about_the_key_where_there_is_one(kms, message, cause):
    assert explain(answer(400, "InvalidRequest", message), kms=kms).cause == cause
    if not kms:
        assert explain(answer(400, "InvalidRequest", message)).cause == cause


def test_an_answer_that_says_nothing_is_said_to():
    assert explain(answer(418, "Teapot", "")).why == "S3 returned no reason."
    assert explain(answer(418, "Teapot", "Short and stout")).why == "Short and stout"


def test_a_prediction_that_cannot_be_compared_is_no_headline():
    told = explain(answer(None, "", "", failure="dns"), verdict=predict("203.0.113.7"))
    assert (told.agrees, told.headline) == (
        None,
        "No answer came from S3: this says nothing about the locks.",
    )
    told = explain(
        answer(message=denied("resource-based policy")),
        verdict=predict("198.51.100.20", bucket=BUCKET),
    )
    assert told.headline.startswith("The bucket guard refused it")


@pytest.mark.parametrize(
    ("source", "bound", "said"),
    [
        ("2001:db8::1", "203.0.113.7", "over different families"),
        ("198.51.100.20", "203.0.113.7", "This URL belongs to"),
        ("2001:db8::1", "2001:db8::2", "This URL belongs to"),
        ("vpce-0a1b2c3d", "vpce-0b1b2c3d", "This URL belongs to"),
        ("vpce-0a1b2c3d", "10.0.3.4 via vpce-0a1b2c3d", "This URL belongs to"),
        ("10.0.3.4 via vpce-0a1b2c3d", "vpce-0b1b2c3d", "This URL belongs to"),
    ],
)  # fmt: skip
def test_why_another_address_was_seen(source, bound, said):
    told = explain(
        answer(message=silent("session policy"), source=Source.parse(source)), bound_to=bound
    )
    assert said in told.why


def test_a_role_that_is_denied_is_told_from_one_that_may_not():
    for message, headline, why, step in (
        (
            denied,
            "is denied this object",
            "A Deny of the role itself applies.",
            "Read the Deny statements of the role.",
        ),
        (
            silent,
            "may not read this object",
            "Neither lock decided",
            "Allow s3:GetObject on the object to the role.",
        ),
    ):
        told = explain(answer(message=message("identity-based policy")))
        assert headline in told.headline
        assert why in told.why
        assert told.next_step == step


SCP = "arn:aws:organizations::444455556666:policy/o-a1/service_control_policy/p-1"


@pytest.mark.parametrize(
    ("kind", "arn", "cause"),
    [
        (
            "identity-based policy",
            "arn:aws:iam::111122223333:policy/RevokeOldSessions",
            "identity-policy",
        ),
        ("service control policy", SCP, "organization-policy"),
        ("resource control policy", SCP.replace("service", "resource"), "organization-policy"),
        (
            "permissions boundary",
            "arn:aws:iam::111122223333:policy/session-policy",
            "permissions-boundary",
        ),
        (
            "VPC endpoint policy",
            "arn:aws:ec2:us-east-1:111122223333:vpc-endpoint/vpce-0a1b2c3d",
            "endpoint-policy",
        ),
    ],
)
def test_the_arn_of_the_policy_is_shown_and_does_not_name_the_lock(kind, arn, cause):
    told = explain(answer(message=f"{denied(kind)}: {arn}"), bound_to="203.0.113.7")
    assert (told.cause, told.lock, told.policy_arn) == (cause, "", arn)
    assert arn in told.to_text()
    assert told.to_dict()["policy_arn"] == arn


@pytest.mark.parametrize(
    "key",
    ["request has expired", "not yet valid", "block public access", "not authorized to perform: kms:Decrypt",
     "with an explicit deny in a session policy"],
)  # fmt: skip
def test_a_key_does_not_choose_the_cause(key):
    sentence = SENTENCE.replace("arn:aws:s3:::b/k", f"arn:aws:s3:::b/{key}")
    message = f"{sentence}with an explicit deny in a resource-based policy"
    assert explain(answer(message=message)).cause == "bucket-policy"


def test_an_authorization_id_comes_with_the_command_that_returns_the_details():
    end = (
        ". Call the GetRequestAuthorizationDetails API with the following authorization id: abc123"
    )
    told = explain(answer(message=denied("resource-based policy") + end))
    assert told.authorization_id == "abc123"
    assert (
        "aws iam-toolbox get-request-authorization-details --authorization-id abc123"
        in told.to_text()
    )
    assert told.cause == "bucket-policy"


@pytest.mark.parametrize(
    ("status", "bound", "stranger", "tone"),
    [
        (200, "198.51.100.20", False, "ok"),
        (200, "203.0.113.7", True, "no"),
        (403, "203.0.113.7", True, "ok"),
        (403, "198.51.100.20", False, "warn"),
        (403, None, None, "plain"),
        (200, None, None, "plain"),
        (None, "203.0.113.7", True, "warn"),
    ],
)
def test_the_colour_means_security_as_in_a_plan(status, bound, stranger, tone):
    code, message = ("AccessDenied", "Access Denied") if status == 403 else ("", "")
    said = explain(answer(status, code, message), bound_to=bound)
    assert (said.stranger, said.tone) == (stranger, tone)


def test_a_worker_behind_an_endpoint_is_compared_by_address():
    probe = answer(200, "", "", source=Source.parse("10.0.3.4 via vpce-0a1b2c3d"))
    assert explain(probe, bound_to="10.0.3.4").stranger is False
    assert explain(answer(200, "", "", source=None), bound_to="10.0.3.4").stranger is None


@pytest.mark.parametrize(
    ("source", "key", "stranger", "tone"),
    [
        ("203.0.113.7", "k", False, "ok"),
        ("198.51.100.9", "k", True, "no"),
        ("10.0.3.4 via vpce-0a1b2c3d", "k", False, "ok"),
        ("10.0.3.4 via vpce-0b1b2c3d", "k", True, "no"),
        ("198.51.100.9", "other", None, "plain"),
    ],
)
def test_who_is_a_stranger_to_the_guard(source, key, stranger, tone):
    guard = find_guard(merge_guard(None, build_guard("gt-images", prefix="k", networks=["203.0.113.0/24"],
                                                     endpoints=["vpce-0a1b2c3d"])))  # fmt: skip
    probe = answer(200, "", "", source=Source.parse(source), key=key)
    said = explain(probe, guard=guard)
    assert (said.stranger, said.tone) == (stranger, tone)
    assert explain(probe, guard=guard, bound_to="192.0.2.1").stranger is True
