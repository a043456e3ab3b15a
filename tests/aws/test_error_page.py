"""Each error of AWS and of the way to it becomes one sentence of ours with its next step, on a page."""

from __future__ import annotations

import inspect
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ReadTimeoutError

from gt_secure.aws.client_errors import aws_errors
from gt_secure.base.errors import GtSecureError, NotFound

PAGE = Path(__file__).parent / "errors.md"
ARN = "arn:aws:s3:::gt-images"
HEAD = """# Errors of AWS, and what is said of them

Written by `GT_SECURE_UPDATE=1 pytest tests/aws/test_error_page.py`. Read the diff.
"""
TEAM = "The work team x does not exist."
DENY = (
    "User: arn:aws:iam::111122223333:user/me is not authorized to perform: s3:GetObject on resource:"
    ' "arn:aws:s3:::gt-images/1.png" with an explicit deny in a {}'
)
CODES = {
    **dict.fromkeys(("AccessDenied", "ExpiredToken", "Throttling", "ServiceUnavailable", "ConflictException", "NoSuchBucket", "404", "403", "", "PermanentRedirect", "ValidationException", "SomethingNew"), ""),
    "NoSuchKey": "The key 1.png is not there.", "MalformedPolicy": "No principal.",
}  # fmt: skip


def refused(
    code: str, text: str = "", operation: str = "GetObject", status: int = 400
) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)  # type: ignore[arg-type]


def errors() -> Iterator[tuple[str, str, str, Exception]]:
    """Yield a title, an action, a resource, and an error."""
    for code, text in CODES.items():
        yield f"{code or 'no code'}", "s3:GetObject", ARN, refused(code, text)
    read, any_of_them = "s3:GetObject", "*"
    yield "403 of every resource", "sagemaker:ListWorkteams", any_of_them, refused("AccessDenied")
    for kind in ("resource-based policy", "service control policy", "VPC endpoint policy"):
        yield f"a deny in a {kind}", read, ARN, refused("AccessDenied", DENY.format(kind))
    implicit = (
        DENY.format("x").partition(" with an")[0]
        + " because no identity-based policy allows the s3:GetObject action"
    )
    yield "no allow", read, ARN, refused("AccessDenied", implicit)
    yield "404 to HEAD", read, ARN, refused("404", operation="HeadObject")
    yield (
        "a missing team",
        "sagemaker:DescribeWorkteam",
        any_of_them,
        refused("ValidationException", TEAM),
    )
    yield (
        "a missing team, by another code",
        "sagemaker:DescribeWorkteam",
        any_of_them,
        refused("Other", TEAM),
    )
    yield (
        "a team that is there",
        "sagemaker:DescribeWorkteam",
        any_of_them,
        refused("ValidationException", "A workteam needs a name."),
    )
    yield "503", read, ARN, refused("Odd", status=503)
    yield "499", read, ARN, refused("Odd", status=499)
    yield "no credentials", read, ARN, boto.NoCredentialsError()
    yield "no profile", read, ARN, boto.ProfileNotFound(profile="lab")
    yield "no region", read, ARN, boto.NoRegionError()
    for service in ("sagemaker:ListWorkteams", "s3:GetObject", "kms:GetKeyPolicy"):
        away = boto.EndpointConnectionError(endpoint_url="https://x.amazonaws.com")
        yield f"no connection for {service}", service, any_of_them, away
    yield "slow", read, ARN, boto.ReadTimeoutError(endpoint_url="https://x.amazonaws.com")
    yield "slow, of urllib3", read, ARN, ReadTimeoutError(None, "/", "slow")  # type: ignore[arg-type]
    for host in ("127.0.0.1:4566", "[::1]:4566", "localhost:4566", "127.0.0.2:4566"):
        yield (
            f"no sandbox at {host}",
            read,
            ARN,
            boto.EndpointConnectionError(endpoint_url=f"http://{host}/x"),
        )
    yield "a slow sandbox", read, ARN, boto.ReadTimeoutError(endpoint_url="http://127.0.0.1:4566")
    yield (
        "an old SDK",
        "sagemaker:UpdateWorkteam",
        any_of_them,
        boto.ParamValidationError(report="Unknown parameter in input: x"),
    )
    yield (
        "a wrong parameter",
        "sagemaker:UpdateWorkteam",
        any_of_them,
        boto.ParamValidationError(report="Invalid type"),
    )
    yield "another error of botocore", read, ARN, boto.BotoCoreError()
    yield "no XML", read, ARN, ResponseParserError("x")
    yield "a member is missing", read, ARN, KeyError("Policy")


def said(action: str, resource: str, error: Exception) -> str:
    try:
        with aws_errors(action, resource):
            raise error
    except GtSecureError as caught:
        lines = [f"{type(caught).__name__}: {caught.message}", f"  next: {caught.next_step}"]
        details = {key: value for key, value in caught.details.items() if key != "aws_message"}
        lines += [f"  details: {json.dumps(details, default=str)}"] if details else []
        lines += [f"  field: {caught.field}"] if getattr(caught, "field", None) else []
        return "\n".join(lines)


def test_each_error_has_its_sentence() -> None:
    rows = [f"{title}\n{said(*rest)}\n" for title, *rest in errors()]  # type: ignore[arg-type]
    page = "\n".join([HEAD, "```text", *rows, "```", ""])
    if os.environ.get("GT_SECURE_UPDATE"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8"), "look at what changed, then GT_SECURE_UPDATE=1"


def test_every_error_of_botocore_has_a_next_step() -> None:
    """No class of botocore's reaches a person as such, whatever it says."""
    ways = Counter[str]()
    for name, cls in vars(boto).items():
        if not inspect.isclass(cls) or not issubclass(cls, Exception) or issubclass(cls, Warning):
            continue
        error = refused("Odd") if issubclass(cls, ClientError) else made(cls)
        with pytest.raises(GtSecureError) as caught, aws_errors("s3:GetObject"):
            raise error
        ways[type(caught.value).__name__] += 1
        if name not in ("ClientError", "EventStreamError"):
            assert caught.value.next_step or "does not accept" in caught.value.message, name
    assert ways["GtSecureError"] >= 60, ways
    assert ways["Unreachable"] >= 8, ways


def made(cls: type[Exception]) -> Exception:
    """Return an error of botocore with a word in place of each value of its sentence."""
    if cls is boto.UndefinedModelAttributeError:
        return cls("x")
    names = {name for _, name, _, _ in Formatter().parse(getattr(cls, "fmt", "")) if name}
    if issubclass(cls, boto.WaiterError):
        return cls(name="x", reason="x", last_response={})
    more = {"error"} if issubclass(cls, boto.BotoCoreError) else set()
    return cls(**dict.fromkeys(names | more, "x"))


def test_an_error_of_ours_stays_what_it_is() -> None:
    ours = NotFound("Not here.")
    with pytest.raises(NotFound) as caught, aws_errors("s3:GetObject"):
        raise ours
    assert caught.value is ours
