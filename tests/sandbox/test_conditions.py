"""Which keys a request has, and that the emulator's private function is where
the patch expects it.
"""

from __future__ import annotations

import datetime as dt
import types

import pytest

from gt_secure.base.errors import Unsupported
from gt_secure.base.network import Source
from gt_secure.sandbox.gateway import conditions, evaluator
from gt_secure.sandbox.gateway.mechanisms import mechanisms

NOW = dt.datetime(2026, 11, 24, 12, 0, 10, tzinfo=dt.UTC)
SIGV4 = {
    "X-Amz-Credential": ["AKIA/20261124/us-east-1/s3/aws4_request"],
    "X-Amz-Date": ["20261124T120000Z"],
}
SIGV2 = {"AWSAccessKeyId": ["AKIA"], "Expires": ["1"], "Signature": ["x"]}
HEADER = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/s3/aws4_request"}
OUTSIDE = Source.parse("203.0.113.7")
INSIDE = Source(Source.parse("10.0.3.4").address, "vpce-0a1b2c3d", "vpc-0a1b2c3d")


def keys(source=OUTSIDE, headers=(), query=(), s3=True, form=None):
    ways = mechanisms(dict(headers), dict(query), form)
    found = conditions.context(
        source, dict(query), ways[0] if ways else None, s3=s3, form=form, now=NOW
    )
    return {name: value for name, value in found.items() if value is not None}


def test_network_keys_off_and_on_the_endpoint():
    off, on = keys(), keys(INSIDE)
    assert off["aws:sourceip"] == "203.0.113.7"
    assert not {"aws:vpcsourceip", "aws:sourcevpce", "aws:sourcevpc"} & set(off)
    assert "aws:sourceip" not in on
    assert on["aws:vpcsourceip"] == "10.0.3.4"
    assert (on["aws:sourcevpce"], on["aws:sourcevpc"]) == ("vpce-0a1b2c3d", "vpc-0a1b2c3d")


@pytest.mark.parametrize(
    ("headers", "query", "kind", "version", "age"),
    [
        ({}, {}, None, None, None),
        ({}, SIGV4, "REST-QUERY-STRING", "AWS4-HMAC-SHA256", "10000"),
        ({}, SIGV2, "REST-QUERY-STRING", "AWS", "0"),
        (HEADER, {}, "REST-HEADER", "AWS4-HMAC-SHA256", None),
        ({"authorization": "AWS AKIA:sig"}, {}, "REST-HEADER", "AWS", None),
        ({"content-type": "multipart/form-data; boundary=x"}, {}, None, None, None),
        ({}, {**SIGV4, "X-Amz-Date": ["tomorrow"]}, "REST-QUERY-STRING", "AWS4-HMAC-SHA256", None),
        (
            {},
            {**SIGV4, "X-Amz-Date": ["20261124T120500Z"]},
            "REST-QUERY-STRING",
            "AWS4-HMAC-SHA256",
            "0",
        ),
    ],
)
def test_authentication_keys(headers, query, kind, version, age):
    found = keys(headers=headers, query=query)
    assert found.get("s3:authtype") == kind
    assert found.get("s3:signatureversion") == version
    assert found.get("s3:signatureage") == age
    assert ("aws:principalisawsservice" in found) == (kind is not None)


CREDENTIAL = "AKIA/20261124/us-east-1/s3/aws4_request"


@pytest.mark.parametrize(
    ("form", "kind", "version", "age"),
    [
        (
            {"x-amz-credential": CREDENTIAL, "x-amz-date": "20261124T120000Z"},
            "POST",
            "AWS4-HMAC-SHA256",
            "10000",
        ),
        (
            {"x-amz-credential": CREDENTIAL, "x-amz-date": "tomorrow"},
            "POST",
            "AWS4-HMAC-SHA256",
            None,
        ),
        ({"x-amz-credential": CREDENTIAL, "policy": "x"}, "POST", "AWS4-HMAC-SHA256", None),
        (
            {"awsaccesskeyid": "AKIA", "signature": "x", "x-amz-date": "20261124T120000Z"},
            "POST",
            "AWS",
            "0",
        ),
        ({"key": "anonymous"}, "POST", None, None),
    ],
)
def test_authentication_keys_of_forms(form, kind, version, age):
    found = keys(form=form)
    assert (found.get("s3:authtype"), found.get("s3:signatureversion")) == (kind, version)
    assert found.get("s3:signatureage") == age


def test_no_s3_keys_for_other_services():
    assert not [name for name in keys(headers=HEADER, s3=False) if name.startswith("s3:")]


def check(module):
    evaluator.check(module, conditions.PRIVATE_NAME, conditions.CALLER, conditions.LOST)


def test_private_name_is_still_there():
    """Fails when a new ministack evaluates conditions in another way:
    then conditions.py must follow.
    """
    from ministack.core import iam_evaluator

    check(iam_evaluator)
    assert iam_evaluator._resolve_condition_key.__code__.co_varnames[:2] == ("key", "ctx")


def test_moved_private_name_is_noticed():
    with pytest.raises(Unsupported, match="would not enforce"):
        check(types.SimpleNamespace(_conditions_met=lambda: None))

    def not_using_it():
        return None

    moved = types.SimpleNamespace(
        _resolve_condition_key=lambda key, ctx: None, _conditions_met=not_using_it
    )
    with pytest.raises(Unsupported):
        check(moved)


def test_keys_end_with_the_request():
    resolve = conditions._wrapped(lambda key, ctx: "emulator")
    assert resolve("aws:SourceIp", None) == "emulator"
    with conditions.of({"aws:sourceip": None, "s3:authtype": "POST"}):
        assert resolve("AWS:SourceIP", None) is None
        assert resolve("s3:authType", None) == "POST"
        assert resolve("aws:PrincipalArn", None) == "emulator"
    assert resolve("aws:SourceIp", None) == "emulator"
