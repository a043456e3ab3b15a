"""The only place that makes boto3 clients, and that turns AWS errors into ours.

Choices, with their reasons
---------------------------
* SigV4 and the regional host for S3: boto3's default presigns with SigV2 on the global host in some regions; such a URL
  fails through PrivateLink and has no signature age.
* Short time-outs and few retries: in a VPC without an endpoint for a service a call would otherwise hang for minutes.
* The regional STS host, because the global one is not reachable from a VPC.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

from .errors import (
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

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sts.client import STSClient

CONNECT_TIMEOUT_S = 4
READ_TIMEOUT_S = 20
ATTEMPTS = 3

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "Forbidden", "403"}
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
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
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
_VPC_SERVICES = {
    "sagemaker": "sagemaker.api",
    "s3": "s3 (gateway or interface)",
    "sts": "sts",
    "ec2": "ec2",
    "logs": "logs",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes the calls: account id, ARN and user id of ``sts:GetCallerIdentity``."""

    account_id: str
    arn: str
    user_id: str

    @property
    def role_arn(self) -> str | None:
        """The ARN of the role behind an assumed-role session, without its path; None for a user."""
        head, _, tail = self.arn.partition(":assumed-role/")
        if not tail:
            return None
        return f"{head.replace(':sts:', ':iam:')}:role/{tail.split('/')[0]}"


class Aws:
    """Credentials, region and endpoint, and the clients made from them. Use :func:`connect_aws`.

    Attributes
    ----------
    region : str
    endpoint_url : str or None
        None on real AWS.
    """

    def __init__(self, session: boto3.session.Session, region: str, endpoint_url: str | None) -> None:
        self._session = session
        self.region = region
        self.endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()  # sessions are not thread-safe, clients are
        self._identity: Identity | None = None

    def __repr__(self) -> str:
        where = f", endpoint_url={self.endpoint_url!r}" if self.endpoint_url else ""
        return f"Aws(region={self.region!r}{where})"

    @property
    def is_local(self) -> bool:
        """Whether calls go to a server on this machine, such as the sandbox, and not to AWS."""
        return self.endpoint_url is not None and is_loopback_url(self.endpoint_url)

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return str(self._session.get_partition_for_region(self.region))

    @overload
    def client(self, service: Literal["s3"], region: str | None = None) -> S3Client: ...
    @overload
    def client(self, service: Literal["sagemaker"], region: str | None = None) -> SageMakerClient: ...
    @overload
    def client(self, service: Literal["sts"], region: str | None = None) -> STSClient: ...
    @overload
    def client(self, service: Literal["ec2"], region: str | None = None) -> EC2Client: ...
    @overload
    def client(self, service: Literal["iam"], region: str | None = None) -> IAMClient: ...
    @overload
    def client(self, service: str, region: str | None = None) -> Any: ...
    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service; made once per service and region.

        Parameters
        ----------
        service : str
            ``s3``, ``sagemaker``, ``sts``, ``ec2``, ``iam`` ...
        region : str, optional
            Another region than ``self.region``, for a bucket that lies elsewhere.
        """
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = make_client(self._session, service, key[1], self.endpoint_url)
            return self._clients[key]

    def s3_with(self, access_key: str, secret_key: str, token: str | None, region: str | None = None) -> S3Client:
        """Return an S3 client that signs with other credentials, for a presigned test URL."""
        with self._lock:
            return make_client(  # type: ignore[no-any-return]
                self._session,
                "s3",
                region or self.region,
                self.endpoint_url,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
                aws_session_token=token,
            )

    def identity(self) -> Identity:
        """Ask STS who we are, once."""
        if self._identity is None:
            with aws_errors("sts:GetCallerIdentity"):
                said = self.client("sts").get_caller_identity()
            self._identity = Identity(said["Account"], said["Arn"], said["UserId"])
        return self._identity

    @property
    def account_id(self) -> str:
        """The 12-digit account id."""
        return self.identity().account_id

    @property
    def caller_arn(self) -> str:
        """The ARN of the caller."""
        return self.identity().arn

    def knows(self, operation: str, member: str) -> bool:
        """Whether the installed SDK has an input member of a SageMaker operation, for example ``IpAddressType``."""
        shape = self.client("sagemaker").meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members


def is_loopback_url(url: str) -> bool:
    """Whether a URL points to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def make_client(session: boto3.session.Session, service: str, region: str, endpoint: str | None, **keys: Any) -> Any:
    """Make one client with the choices that this module documents."""
    from botocore.config import Config

    local = endpoint is not None and is_loopback_url(endpoint)
    options: dict[str, Any] = {}
    if service == "s3":
        # Wildcard names do not resolve to a server on loopback: there the bucket goes into the path.
        style = "path" if local else "virtual"
        options = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
        }
    if service == "sts" and endpoint is None:
        # Old SDKs ask the global host, which has no endpoint in a VPC.
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        endpoint = f"https://sts.{region}.{suffix}"
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="gt_secure",
        proxies={} if local else None,  # a proxy of the network must not be asked for this machine
        **options,
    )
    return session.client(service, region_name=region, endpoint_url=endpoint, config=config, **keys)  # type: ignore[call-overload]


def connect_aws(
    *,
    profile: str | None = None,
    region: str | None = None,
    boto3_session: boto3.session.Session | None = None,
    endpoint_url: str | None = None,
) -> Aws:
    """Find credentials and region as every AWS tool does, without calling AWS yet.

    Parameters
    ----------
    profile : str, optional
        A profile of the AWS configuration; the default is ``AWS_PROFILE``.
    region : str, optional
        The region of the workteams; the default is that of the session or environment.
    boto3_session : boto3.session.Session, optional
        A session to use instead.
    endpoint_url : str, optional
        Another address than AWS, such as the sandbox; the default is ``AWS_ENDPOINT_URL``.

    Raises
    ------
    InvalidInput
        Profile not found, no region, or an endpoint that is no http(s) URL.
    """
    import boto3

    with aws_errors("configuration"):
        session = boto3_session or boto3.session.Session(profile_name=profile)
    where = region or session.region_name or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not where:
        raise InvalidInput(
            "No AWS region is set.",
            next_step="Pass region=, or set AWS_REGION, to the region of your workteams, for example us-east-1.",
            field="region",
        )
    _check_region(session, where)
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(
                f"“{endpoint[:80]}” is not an endpoint URL.",
                next_step="Write it as http://127.0.0.1:4566 or https://host.",
                field="endpoint_url",
            )
    return Aws(session, where, endpoint)


def _check_region(session: boto3.session.Session, region: str) -> None:
    from botocore.utils import validate_region_name

    try:
        validate_region_name(region)
        session.get_partition_for_region(region)
    except Exception as error:
        raise InvalidInput(
            f"“{region[:40]}” is not an AWS region.",
            next_step="Write a region such as us-east-1 or eu-west-1.",
            field="region",
            value=region,
        ) from error


@contextlib.contextmanager
def aws_errors(action: str, resource: str = "*") -> Iterator[None]:
    """Turn what botocore raises into our errors, with the next step for this call.

    Parameters
    ----------
    action : str
        The IAM action, for example ``sagemaker:UpdateWorkteam``.
    resource : str
        The ARN that the action needs, for the policy that an administrator gets.
    """
    from botocore import exceptions as boto

    service = action.partition(":")[0]
    try:
        yield
    except boto.ClientError as error:
        raise _from_client_error(error, action, resource) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError) as error:
        raise CredentialsError(
            "There are no AWS credentials here.",
            next_step="In Studio the execution role gives them; elsewhere run “aws configure” or set AWS_PROFILE. "
            "To try without an account, run “gt-secure sandbox”.",
        ) from error
    except (boto.TokenRetrievalError, boto.SSOTokenLoadError, boto.UnauthorizedSSOTokenError) as error:
        raise CredentialsError(
            "The single sign-on session has ended.", next_step="Run “aws sso login” and try again."
        ) from error
    except boto.ProfileNotFound as error:
        raise InvalidInput(
            f"{error}.", next_step="Choose a profile that “aws configure list-profiles” shows.", field="profile"
        ) from error
    except boto.NoRegionError as error:
        raise InvalidInput("No AWS region is set.", next_step="Set AWS_REGION.", field="region") from error
    except (boto.HTTPClientError, boto.ConnectionError) as error:
        raise _unreachable(service, action) from error
    except boto.ParamValidationError as error:
        if "Unknown parameter" in str(error):
            raise Unsupported(
                f"The installed boto3 is too old for a member of {action}.",
                next_step="Update it: pip install -U boto3 (workteam restrictions need 1.34.107 or newer).",
            ) from error
        raise InvalidInput(f"{action} does not take this input: {error}", field=action) from error
    except boto.BotoCoreError as error:
        raise GtSecureError(f"{action} failed: {type(error).__name__}.", next_step="See the cause.") from error


def _unreachable(service: str, action: str) -> Unreachable:
    endpoint = _VPC_SERVICES.get(service, service)
    return Unreachable(
        f"No answer to {action} within {CONNECT_TIMEOUT_S} to {READ_TIMEOUT_S} seconds.",
        next_step=f"In a VPC-only Studio domain the VPC needs an endpoint for {endpoint}, with private DNS and a "
        "security group that lets the notebook in; elsewhere check the network and the region.",
        details={"action": action},
    )


def _from_client_error(error: ClientError, action: str, resource: str) -> GtSecureError:
    body = error.response.get("Error", {})
    code, text = str(body.get("Code", "")), str(body.get("Message", "")).strip()
    details = {"code": code, "action": action, "resource": resource}
    if code in _DENIED:
        return AccessDenied(
            f"This role may not call {action}" + (f" on {resource}." if resource != "*" else "."),
            action=action,
            resource=resource,
            details={"code": code, "aws_message": text[:500]},
        )
    if code in _CREDENTIALS:
        return CredentialsError(
            f"AWS does not accept these credentials ({code}).",
            next_step="They have expired or belong to another account: get new ones, restart the kernel, and check the "
            "clock of this machine.",
            details=details,
        )
    if code in _THROTTLED:
        return Throttled(
            f"AWS asked to slow down ({code} at {action}), also after {ATTEMPTS} attempts.",
            next_step="Wait a minute and try again.",
            details=details,
        )
    if code in _CONFLICT:
        return Conflict(
            f"{action} is in conflict with a change under way: {text[:300]}",
            next_step="Wait until it has ended and try again.",
            details=details,
        )
    # SageMaker answers a missing team or workforce with a ValidationException.
    gone = code == "ValidationException" and any(t in text.lower() for t in ("work team", "workteam", "no workforce"))
    if code in _MISSING or (
        gone and any(t in text.lower() for t in ("not exist", "no work", "not found", "could not"))
    ):
        return NotFound(f"Not found by {action}: {text[:300] or resource}", next_step=_where(), details=details)
    if code in {
        "ValidationException",
        "InvalidArgument",
        "MalformedPolicy",
        "InvalidParameterValue",
        "ValidationError",
    }:
        return InvalidInput(f"AWS refused the input of {action}: {text[:500]}", field=action, details=details)
    if code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        return InvalidInput(
            f"The bucket lies in another region ({action}).",
            next_step="Connect with the region of the bucket.",
            field="region",
            details=details,
        )
    return GtSecureError(f"{action} failed with {code or 'an error'}: {text[:500]}", details=details)


def _where() -> str:
    return "Check the name, the account and the region."
