"""Translate botocore exceptions into gt_secure errors with the next step.

SageMaker reports a missing team or workforce as a ``ValidationException``. In a VPC without an
endpoint there is no response at all, and the message names the missing endpoint.
"""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from ..base.denials import parse_denial
from ..base.errors import (
    AccessDenied,
    Conflict,
    CredentialsError,
    GtSecureError,
    InvalidInput,
    NotFound,
    Throttled,
    Unreachable,
    Unsupported,
)
from ..base.text import members

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_LONGEST = 2_000
_NO_TEAM = re.compile(
    r"(?is)(?=.*(work ?team|no workforce)).*(not exist|no work|not found|could not)"
)
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AllAccessDisabled",
    "Forbidden",
    "403",
}
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "InvalidToken",
    "MissingAuthenticationToken",
    "IncompleteSignature",
}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "SlowDown",
    "RequestLimitExceeded",
}
_PASSES = {"RequestTimeout", "TooManyRequests", "PriorRequestNotComplete"}
_SERVER_FAILED = {"InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable"}
_CONFLICT = {"ConflictException", "ResourceInUse", "OperationAborted", "ConditionalRequestConflict"}
_MISSING = {
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchVersion",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "NoSuchEntity",
    "404",
    "NotFound",
    "InvalidVpcEndpointId.NotFound",
}
_INVALID = {
    "ValidationException",
    "InvalidArgument",
    "MalformedPolicy",
    "InvalidParameterValue",
    "ValidationError",
}
_OTHER_REGION = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)
"""Errors of parsing a response that is not as AWS documents it, here or in botocore."""

_NO_TERMINAL = "no terminal answers the prompt, for example for an MFA code."
_PACKAGE = __name__.partition(".")[0] + "."

_VPC_SERVICES = {
    "sagemaker": "sagemaker.api",
    "s3": "s3 (gateway or interface)",
    "sts": "sts",
    "ec2": "ec2",
    "logs": "logs",
}


@contextlib.contextmanager
def aws_errors(action: str, resource: str = "*") -> Iterator[None]:
    """Translate botocore exceptions into our errors, with the next step for this call."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    service = action.partition(":")[0]
    try:
        with _credentials_errors():
            yield
    except GtSecureError:
        raise  # some of ours are a ValueError or a LookupError too
    except boto.ClientError as error:
        raise _from_client_error(error, action, resource) from error
    except boto.NoCredentialsError as error:
        raise CredentialsError(
            "No AWS credentials were found.",
            next_step=(
                "In Studio the execution role provides them. Elsewhere run 'aws configure' or set"
                " AWS_PROFILE. To try without an account, run 'gt-secure sandbox'."
            ),
        ) from error
    except boto.ProfileNotFound as error:
        raise InvalidInput(
            f"{error}.",
            next_step="Choose a profile that 'aws configure list-profiles' shows.",
            field="profile",
        ) from error
    except boto.NoRegionError as error:
        raise InvalidInput(
            "No AWS region is set.", next_step="Pass region=, or set AWS_REGION.", field="region"
        ) from error
    except (
        boto.HTTPClientError,
        boto.ConnectionError,
        HTTPError,
    ) as error:  # urllib3's: of a refusal's own body
        raise _unreachable(service, action, error) from error
    except boto.ParamValidationError as error:
        if "Unknown parameter" in str(error):
            raise Unsupported(
                f"The installed boto3 is too old for a parameter of {action}.",
                next_step=(
                    "Update it: pip install -U boto3 (workteam restrictions need 1.34.107 or"
                    " newer)."
                ),
            ) from error
        raise InvalidInput(f"{action} does not accept this input: {error}", field=action) from error
    except (boto.BotoCoreError, boto.UndefinedModelAttributeError) as error:
        raise GtSecureError(
            f"{action} failed: {error}",
            next_step=(
                "Correct what the sentence names, in ~/.aws or in a variable that begins with AWS_."
                " If nothing there explains it, update boto3: pip install -U boto3."
            ),
        ) from error
    except (ResponseParserError, *_UNREADABLE) as error:
        if isinstance(error, (TypeError, AttributeError)) and _is_ours(error):
            raise
        raise _unreadable(action, error) from error


@contextlib.contextmanager
def _credentials_errors() -> Iterator[None]:
    """Translate whatever ends the search for credentials: a file, a program, a prompt without a
    terminal, a call.

    Such an error says nothing about the call for which the credentials were searched.
    """
    from botocore import exceptions as boto

    try:
        yield
    except (
        GtSecureError,
        boto.NoCredentialsError,
        boto.HTTPClientError,
        boto.ConnectionError,
        boto.ProfileNotFound,
    ):
        raise
    except Exception as error:
        modules = {
            frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)
        }
        if modules.isdisjoint({"botocore.credentials", "botocore.tokens"}):
            raise
        raise CredentialsError(
            f"AWS credentials cannot be loaded: {str(error) or _NO_TERMINAL}",
            next_step=(
                "Run 'aws sso login' if the profile uses single sign-on, and use a terminal if it"
                " asks for an MFA code. Otherwise correct the profile in ~/.aws, or choose another"
                " one with AWS_PROFILE."
            ),
        ) from error


def _is_ours(error: Exception) -> bool:
    """Return whether our own code raised an error, on a line that reads no answer: botocore gives
    members their types.

    Such an error is a fault of this package. Taken for an answer that cannot be read, it would be
    hidden.
    """
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE)


def _unreadable(action: str, error: Exception) -> Unreachable:
    return Unreachable(
        f"The response to {action} cannot be read, so the result is unknown.",
        next_step=(
            "Try again. If that fails, a proxy or sign-in page may answer instead of AWS: check the"
            " network settings of this machine and AWS_ENDPOINT_URL."
        ),
        details={"action": action, "answer": type(error).__name__},
    )


def _unreachable(service: str, action: str, error: Exception) -> Unreachable:
    import botocore.exceptions
    from urllib3.exceptions import ReadTimeoutError

    slow = isinstance(error, (ReadTimeoutError, botocore.exceptions.ReadTimeoutError))
    at = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url") or ""))
    if at.hostname in {"127.0.0.1", "::1", "localhost"} and not slow:
        return Unreachable(
            f"No response from {at.scheme}://{at.netloc}: the sandbox there is stopped.",
            next_step=(
                "Start it again with gt-secure sandbox, or unset AWS_ENDPOINT_URL to use AWS."
            ),
            details={"action": action},
        )
    endpoint = _VPC_SERVICES.get(service, service)
    return Unreachable(
        f"No response from AWS to {action}{' was complete in time' if slow else ''}.",
        next_step=(
            f"In a VPC-only Studio domain the VPC needs an endpoint for {endpoint}, with private"
            " DNS and a security group that allows the notebook. Elsewhere check the network and"
            " the region."
        ),
        details={"action": action},
    )


class _Translation(NamedTuple):
    """An error of ours for some codes of AWS; the texts may name code, action,
    text and resource.
    """

    codes: Set[str]
    error: type[GtSecureError]
    message: str
    next_step: str


_TRANSLATIONS = (
    _Translation(
        _CREDENTIALS,
        CredentialsError,
        "AWS does not accept these credentials ({code}).",
        "They have expired or belong to another account. Get new ones, connect again, and check the"
        " clock of this machine.",
    ),
    _Translation(
        _THROTTLED,
        Throttled,
        "AWS is throttling requests ({code} at {action}), even after several attempts.",
        "Wait a minute and try again.",
    ),
    _Translation(
        _CONFLICT,
        Conflict,
        "{action} conflicts with a change that is under way: {text}",
        "Wait until it has ended and try again.",
    ),
    _Translation(
        _MISSING,
        NotFound,
        "Not found by {action}: {text_or_resource}",
        "Check the name, the account and the region.",
    ),
)


def is_refusal(error: ClientError) -> bool:
    """Return whether AWS would answer the same again: denied, missing or invalid,
    and nothing that passes.
    """
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 400 <= status < 500 and code not in _CREDENTIALS | _THROTTLED | _PASSES


def _from_client_error(error: ClientError, action: str, resource: str) -> GtSecureError:
    body = error.response.get("Error", {})
    code, text = str(body.get("Code", "")), str(body.get("Message", "")).strip()
    details = {"code": code, "action": action, "resource": resource}
    # AWS names the error in its body
    if code == "404" and not error.operation_name.startswith("Head"):
        return _unreadable(action, error)
    if code in _DENIED:
        return _denied(action, resource, code, text)
    kind = "ResourceNotFound" if _is_missing_team(code, text) else code
    for each in _TRANSLATIONS:
        if kind in each.codes:
            words = {
                "action": action,
                "code": code,
                "text": text[:300],
                "text_or_resource": text[:300] or resource,
            }
            return each.error(
                each.message.format_map(words), next_step=each.next_step, details=details
            )
    if code in _INVALID:
        return InvalidInput(
            f"AWS refused the input of {action}: {text[:500]}", field=action, details=details
        )
    if code in _OTHER_REGION:
        return InvalidInput(
            f"The bucket is in another region ({action}).",
            next_step="Connect to the region of the bucket with region=.",
            field="region",
            details=details,
        )
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if status >= 500 or code in _SERVER_FAILED:
        return Unreachable(
            f"AWS could not carry out {action} ({code or 'no code'}), and does not report whether a"
            " part was done.",
            next_step="Wait a minute and try again.",
            details=details,
        )
    # a response of AWS names its error; a redirect or a page of a proxy does not
    if not code or code.isdigit():
        return _unreadable(action, error)
    return GtSecureError(f"{action} failed with {code}: {text[:500]}", details=details)


def _is_missing_team(code: str, text: str) -> bool:
    """Return whether SageMaker reports a missing team or workforce,
    which is a ValidationException there.
    """
    return code == "ValidationException" and bool(_NO_TEAM.search(text))


def _denied(action: str, resource: str, code: str, text: str) -> AccessDenied:
    """Return the error that names the denying policy: no Allow helps against it,
    and only its owner can change it.
    """
    message = f"This role may not call {action}" + (f" on {resource}." if resource != "*" else ".")
    details: dict[str, object] = {"code": code, "aws_message": text[:_LONGEST]}
    next_step = ""
    denial = parse_denial(text)
    if denial is not None:
        names = ("policy_kind: kind", "explicit_deny: explicit", "policy_arn", "authorization_id")
        details |= members(denial, *names)
        if denial.explicit:
            message += f" The {denial.policy} denies it."
            next_step = (
                f"A Deny overrides any Allow. Ask the owner of the {denial.policy} to exempt this"
                " role."
            )
        elif denial.kind:
            message += f" No {denial.policy} allows it."
        if denial.authorization_id:
            step = next_step or "Ask an administrator of the account to add the policy below."
            next_step = (
                f"{step} For the details run: aws iam-toolbox get-request-authorization-details "
                f"--authorization-id {denial.authorization_id}"
            )
    return AccessDenied(
        message, action=action, resource=resource, next_step=next_step, details=details
    )
