"""Sessions of the SageMaker SDK, of both generations, by the attributes that they share. Neither is
imported.

A session may hold clients for other addresses than the defaults: an interface endpoint without
private DNS, or a sandbox. A connection must write where the session reads, so each service gets the
endpoint of the session's client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..base.errors import InvalidInput
from ..base.network import is_loopback_url
from .client import Aws, connect_aws

if TYPE_CHECKING:
    import boto3

WRITTEN = ("sagemaker", "s3")
"""The services that changes are written to."""


class SageMakerSession(Protocol):
    """The part of a SageMaker SDK session that is used: its boto3 session and its region."""

    @property
    def boto_session(self) -> Any:
        """The boto3 session."""

    @property
    def boto_region_name(self) -> Any:
        """The region."""


def connect_sdk_session(
    session: SageMakerSession, region: str | None, endpoint_url: str | None
) -> Aws:
    """Connect with the credentials, the region and the endpoints of a SageMaker SDK session."""
    boto_session: Any = getattr(session, "boto_session", None)
    if not callable(getattr(boto_session, "client", None)):
        raise InvalidInput(
            f"{type(session).__name__} is not a SageMaker session: it has no boto_session.",
            next_step="Pass a Session of the SageMaker SDK, or a boto3 session as boto3_session=.",
            field="sagemaker_session",
        )
    name = getattr(session, "boto_region_name", None)
    aws = connect_aws(
        boto3_session=boto_session,
        region=region or (str(name) if name else None),
        endpoint_url=endpoint_url,
    )
    for service, client_of in _CLIENTS.items():
        client = client_of(session)
        own = getattr(getattr(client, "meta", None), "endpoint_url", None)
        if own is not None and not _is_default(aws, boto_session, service, client):
            _use(aws, service, str(own), client.meta.region_name, given=endpoint_url is not None)
    local = {service: is_loopback_url(aws.client(service).meta.endpoint_url) for service in WRITTEN}
    if len(set(local.values())) > 1:
        one = next(service for service in WRITTEN if local[service])
        url = aws.client(one).meta.endpoint_url
        raise InvalidInput(
            f"Changes would be split: the session's {one} client calls {url} on this machine, other"
            " services call AWS.",
            next_step=(
                f"Set AWS_ENDPOINT_URL={url} before you make the session, or give the session"
                " clients for both."
            ),
            field="sagemaker_session",
        )
    # each client of the session is one of the sandbox
    if local["sagemaker"] and aws.endpoint_url is None:
        aws = connect_aws(
            boto3_session=boto_session,
            region=aws.region,
            endpoint_url=aws.client("sagemaker").meta.endpoint_url,
        )
    return aws


_CLIENTS: dict[str, Callable[[Any], Any]] = {
    "sagemaker": lambda session: getattr(session, "sagemaker_client", None),
    "s3": lambda session: (
        getattr(session, "s3_client", None)
        or getattr(getattr(getattr(session, "s3_resource", None), "meta", None), "client", None)
    ),
}
"""Return the session's client of a service, if any: local mode's substitutes have no ``meta``."""


def _is_default(aws: Aws, session: boto3.session.Session, service: str, client: Any) -> bool:
    region = client.meta.region_name
    defaults = {aws.client(service, region).meta.endpoint_url}
    if aws.endpoint_url is None:
        defaults.add(session.client(service, region_name=region).meta.endpoint_url)  # type: ignore[call-overload]
    return client.meta.endpoint_url in defaults


def _use(aws: Aws, service: str, url: str, region: str, *, given: bool) -> None:
    if given or aws.endpoint_url is not None:
        raise InvalidInput(
            f"The session's {service} client calls {url}, and endpoint_url= or AWS_ENDPOINT_URL"
            " names another address.",
            next_step=(
                "Leave out endpoint_url=, unset AWS_ENDPOINT_URL, or pass"
                " boto3_session=session.boto_session."
            ),
            field="sagemaker_session",
        )
    if region != aws.region:
        raise InvalidInput(
            f"The session's {service} client calls {url} in {region}, not in {aws.region}.",
            next_step=f"Leave out region=, or make the session's clients for {aws.region}.",
            field="sagemaker_session",
        )
    aws.use_endpoint(service, url)
