"""The only module that creates boto3 clients and translates AWS errors.

Choices, with their reasons
---------------------------
* SigV4 and the regional host for S3: boto3's default presigns with SigV2 on the global host in some
  regions; such a URL fails through PrivateLink and has no signature age.
* Short time-outs and few retries: in a VPC without an endpoint for a service a call would otherwise
  hang for minutes. An answer that comes byte by byte ends too (:mod:`.pace`).
* No Transfer Acceleration, whatever the profile says: interface endpoints do not serve its host,
  most calls about a bucket do not exist there, and Ground Truth does not use it.
* The regional STS host, because the global one is not reachable from a VPC.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import threading
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

from ..base.errors import InvalidInput
from ..base.network import is_loopback_url
from ..base.pages import ending
from ..base.text import Json, JsonLike, did_you_mean
from ..engine.iam.sessions import role_of_session
from .answers import check_answers
from .client_errors import aws_errors
from .configured_endpoints import configured_endpoints
from .execution_role import ExecutionRole, find_execution_role
from .log_filter import install_secret_filter
from .memo import Memo
from .pace import paced

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sts.client import STSClient

__all__ = ["Aws", "Identity", "all_items", "all_pages", "aws_errors", "connect_aws", "make_client"]

_log = logging.getLogger("gt_secure")
CONNECT_TIMEOUT_S = 4
READ_TIMEOUT_S = 20
ATTEMPTS = 3
FAR_TIMEOUT_S = 2.5
"""Seconds until a call to another region ends, which is tried twice:
a VPC without a route to the internet reaches no other region.
"""
CONNECTIONS = 32
"""Size of the connection pool: as many threads fetch log objects,
and boto3 keeps 10 and warns above that.
"""
_DIRECTION = re.compile(r"-(?:north|south|east|west|central)[a-z]*-\d+$")
_GLOBAL_STS = "https://sts.amazonaws.com"
_CONFIGURATION: dict[str, object] = {
    "profile": None,
    "config_file": os.devnull,
    "credentials_file": os.devnull,
    "ca_bundle": None,
    "use_fips_endpoint": False,
    "use_dualstack_endpoint": False,
    "ignore_configured_endpoint_urls": True,
}
"""Settings of a session that decide where its clients connect to and which certificates they trust,
with those of a session that has no configuration."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller: account id and ARN of ``sts:GetCallerIdentity``."""

    account_id: str
    arn: str

    @property
    def role_arn(self) -> str | None:
        """The ARN of the role behind a role session, without its path (see :meth:`Aws.own_role`);
        None for a user.
        """
        return role_of_session(self.arn)


class Aws:
    """Credentials, region and endpoint, and the clients made from them. Use :func:`connect_aws`."""

    def __init__(
        self,
        session: boto3.session.Session,
        region: str,
        endpoint_url: str | None,
        *,
        timeout_s: float | None = None,
    ) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self.region = region
        self.endpoint_url = endpoint_url
        self._endpoints: dict[str, str] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._regions = {region: self}
        self._lock = threading.RLock()  # sessions are not thread-safe, clients are
        self._identity: Identity | None = None
        self._identity_lock = threading.Lock()
        self._execution_role: ExecutionRole | None = None
        self._origin = self
        self._memo: Memo | None = None

    def __repr__(self) -> str:
        where = f", endpoint_url={self.endpoint_url!r}" if self.endpoint_url else ""
        return f"Aws(region={self.region!r}{where})"

    @property
    def boto_session(self) -> boto3.session.Session:
        """The boto3 session behind this connection."""
        return self._session

    @property
    def is_local(self) -> bool:
        """True if calls go to a server on this machine, such as the sandbox, and not to AWS."""
        return self.endpoint_url is not None and is_loopback_url(self.endpoint_url)

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return str(self._session.get_partition_for_region(self.region))

    @overload
    def client(self, service: Literal["s3"], region: str | None = None) -> S3Client: ...
    @overload
    def client(
        self, service: Literal["sagemaker"], region: str | None = None
    ) -> SageMakerClient: ...
    @overload
    def client(self, service: Literal["sts"], region: str | None = None) -> STSClient: ...
    @overload
    def client(self, service: Literal["ec2"], region: str | None = None) -> EC2Client: ...
    @overload
    def client(self, service: Literal["iam"], region: str | None = None) -> IAMClient: ...
    @overload
    def client(self, service: str, region: str | None = None) -> Any: ...
    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service; made once per service and region."""
        made = self._client(service, region)
        return made if self._memo is None else self._memo.over(made)

    def _client(self, service: str, region: str | None) -> Any:
        key = (service, region or self.region)
        if (
            known := self._clients.get(key)
        ) is not None:  # without the lock, which an interrupt might not let go
            return known
        with self._lock, aws_errors("configuration"):  # a client needs credentials
            if key not in self._clients:
                self._clients[key] = make_client(
                    self._session,
                    service,
                    key[1],
                    self._endpoint_of(*key),
                    timeout_s=self._timeout_s,
                )
            return self._clients[key]

    def remembering(self) -> Aws:
        """Return this connection for one question: what was read is not read again until something
        is written through it.
        """
        if self._memo is not None:
            return self
        made = copy(self)
        made._memo, made._regions = Memo(), {self.region: made}
        return made

    def afresh(self) -> Aws:
        """Return the connection that remembers nothing, and forget what this one has read:
        a change begins.
        """
        if self._memo is not None:
            self._memo.forget()
        return self._origin

    def use_endpoint(self, service: str, url: str) -> None:
        """Send the calls of one service in this region to another address,
        such as an interface endpoint's.
        """
        with self._lock:
            self._endpoints[service] = url
            self._clients.pop((service, self.region), None)

    def with_keys(
        self,
        access_key: str,
        secret_key: str,
        token: str,
        region: str,
        *,
        timeout_s: float,
        calls: list[str],
    ) -> Aws:
        """Return a connection with other credentials."""
        session = session_with(access_key, secret_key, token, region, self._session)
        session.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))
        return self._beside(session, region, timeout_s)

    def in_region(self, region: str) -> Aws:
        """Return a connection with the same credentials to another region,
        whose calls end after twice :data:`FAR_TIMEOUT_S`; made once per region.
        """
        if region not in self._regions and self._memo is not None:
            self._regions[region] = self._origin.in_region(region).remembering()
        if region not in self._regions:
            aws = self._beside(self._session, region, FAR_TIMEOUT_S)
            aws._lock, aws._identity = self._lock, self.identity()  # they share the session
            self._regions.setdefault(region, aws)
        return self._regions[region]

    def _beside(self, session: boto3.session.Session, region: str, timeout_s: float) -> Aws:
        """Return a connection to a region;
        endpoints that name this one's region serve no other region.
        """
        aws = Aws(session, region, self.endpoint_url, timeout_s=timeout_s)
        for service, url in self._endpoints.items():
            if region == self.region or self.region not in (urlsplit(url).hostname or ""):
                aws.use_endpoint(service, url)
        return aws

    def _endpoint_of(self, service: str, region: str) -> str | None:
        own = self._endpoints.get(service) if region == self.region else None
        return own or self.endpoint_url

    def s3_with(self, keys: JsonLike, region: str) -> S3Client:
        """Return an S3 client with other credentials, in a region."""
        with self._lock:
            return make_client(  # type: ignore[no-any-return]
                self._session,
                "s3",
                region,
                self._endpoint_of("s3", region),
                timeout_s=self._timeout_s,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )

    def identity(self) -> Identity:
        """Return the caller as STS names it, which is asked once."""
        if self._origin is not self:
            return self._origin.identity()
        with self._identity_lock, aws_errors("sts:GetCallerIdentity"):
            if self._identity is None:
                answer = self.client("sts").get_caller_identity()
                self._identity = Identity(answer["Account"], answer["Arn"])
        return self._identity

    def execution_role(self) -> ExecutionRole | None:
        """Return the role whose session calls, looked up once; None for a caller without a role."""
        bare = self.identity().role_arn
        if bare is None:
            return None
        if self._execution_role is None:
            self._execution_role = find_execution_role(bare, self.client)
        return self._execution_role

    def own_role(self) -> str | None:
        """Return the ARN of the caller's own role, with its path where that can be read;
        None for a user.
        """
        role = self.execution_role()
        return None if role is None else role.arn

    @property
    def account_id(self) -> str:
        """The account of the caller."""
        return self.identity().account_id

    @property
    def caller_arn(self) -> str:
        """The ARN of the caller, as STS names it."""
        return self.identity().arn

    def knows(self, operation: str, member: str) -> bool:
        """Return whether the installed SDK has this member in the input of a
        SageMaker operation.
        """
        shape = self.client("sagemaker").meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members


def all_items(aws: Aws, service: str, operation: str, member: str, **asked: Any) -> list[Any]:
    """Return the items of all pages of an operation."""
    if service == "sagemaker":  # a page has ten items by default: 500 teams would take 50 calls
        asked["MaxResults"] = 100
    return [
        item for page in all_pages(aws.client(service), operation, **asked) for item in page[member]
    ]


def all_pages(client: Any, operation: str, **asked: Any) -> Iterator[Json]:
    """Yield the pages of an operation; raises Unreachable where they do not end."""
    return ending(client.get_paginator(operation).paginate(**asked))


def make_client(
    session: boto3.session.Session,
    service: str,
    region: str,
    endpoint: str | None,
    *,
    timeout_s: float | None = None,
    **keys: Any,
) -> Any:
    """Create one client with the choices that this module documents;
    with ``timeout_s`` it tries twice.
    """
    from botocore.config import Config

    local = endpoint is not None and is_loopback_url(endpoint)
    options: Json = {}
    if service == "s3":
        # Wildcard names do not resolve to a server on loopback: there the bucket goes into the
        # path.
        style = "path" if local else "virtual"
        options = {
            "signature_version": "s3v4",
            "s3": {
                "addressing_style": style,
                "us_east_1_regional_endpoint": "regional",
                "use_accelerate_endpoint": False,
            },
        }
    config = Config(
        connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s or CONNECT_TIMEOUT_S),
        read_timeout=timeout_s or READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS if timeout_s is None else 2},
        max_pool_connections=CONNECTIONS,
        user_agent_extra="gt_secure",
        proxies={} if local else None,  # requests to this machine must not use a proxy
        **options,
    )
    install_secret_filter()
    create: Any = session.client
    client = create(service, region_name=region, endpoint_url=endpoint, config=config, **keys)
    if client.meta.endpoint_url == _GLOBAL_STS:  # of old SDKs; no VPC has an endpoint for it
        regional = f"https://sts.{region}.amazonaws.com"
        client = create(service, region_name=region, endpoint_url=regional, config=config, **keys)
    install_secret_filter()  # onto the loggers of the loaded libraries
    check_answers(client)
    client.meta.events.register("before-call", _log_call)
    # Private names of botocore: without them, calls have its time-outs alone.
    pools = getattr(
        getattr(getattr(client, "_endpoint", None), "http_session", None),
        "_pool_classes_by_scheme",
        {},
    )
    pools.update(paced(pools))
    if local and service == "s3control":
        client.meta.events.register("before-sign.s3-control", _without_account)
    return client


def _log_call(model: Any, params: JsonLike, **_: Any) -> None:
    """Log a call before it is signed and sent."""
    _log.info("%s %s", model.name, params["url"])


def _without_account(request: Any, **_: Any) -> None:
    """Call a server of this machine by its own name, without the account in front;
    a header names the account, too.
    """
    request.url = request.url.replace(f"//{request.headers['x-amz-account-id']}.", "//", 1)


def connect_aws(
    *,
    profile: str | None = None,
    region: str | None = None,
    boto3_session: boto3.session.Session | None = None,
    endpoint_url: str | None = None,
) -> Aws:
    """Find credentials and region as every AWS tool does, without an AWS call."""

    with aws_errors("configuration"):
        session = boto3_session or _new_session(profile)
    where = (
        region
        or session.region_name
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
    )
    if not where:
        raise InvalidInput(
            "No AWS region is set.",
            next_step=(
                "Pass region=, or set AWS_REGION, to the region of your workteams, for example"
                " us-east-1."
            ),
            field="region",
        )
    from botocore.utils import validate_region_name

    try:
        validate_region_name(where)
        session.get_partition_for_region(where)
        if not _DIRECTION.search(where):  # botocore accepts any word there
            raise ValueError(where)
    except Exception as error:
        known = session.get_available_regions("sagemaker")
        raise InvalidInput(
            f"'{where[:40]}' is not an AWS region.",
            next_step=did_you_mean(where, known, "Write a region such as us-east-1 or eu-west-1."),
            field="region",
            value=where,
        ) from error
    with aws_errors("configuration"):
        endpoint, single = (endpoint_url, {}) if endpoint_url else configured_endpoints(session)
    for url in (endpoint, *single.values()):
        if url is None:
            continue
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(
                f"'{url[:80]}' is not an endpoint URL.",
                next_step="Write it as http://127.0.0.1:4566 or https://host.",
                field="endpoint_url",
            )
    aws = Aws(session, where, endpoint)
    for service, url in single.items():
        aws.use_endpoint(service, url)
    return aws


def session_without_configuration(
    access_key: str | None, secret_key: str | None, region: str | None
) -> boto3.session.Session:
    """Return a session with these keys, and nothing of the person's profiles,
    which could stop a client.
    """
    import boto3
    import botocore.session

    nothing = {name: (None, None, value, None) for name, value in _CONFIGURATION.items()}
    core = botocore.session.Session(session_vars=nothing)
    return boto3.session.Session(access_key, secret_key, region_name=region, botocore_session=core)


def _new_session(profile: str | None) -> boto3.session.Session:
    """Return a session without botocore's parser of times,
    which is two thirds of the duration of a long listing.
    """
    import boto3
    import botocore.session

    core = botocore.session.Session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_read_time)
    return boto3.session.Session(botocore_session=core, profile_name=profile)


def session_with(
    access_key: str, secret_key: str, token: str, region: str, like: boto3.session.Session
) -> boto3.session.Session:
    """Return a session with given keys and the settings of ``like``; sessions share their models,
    which are large.
    """
    import boto3
    import botocore.session

    core = botocore.session.Session()
    other: Any = getattr(like, "_session", None)
    core.register_component(
        "data_loader", _shared_loader(other and other.get_config_variable("data_path"))
    )
    for name in _CONFIGURATION if other is not None else ():  # a stand-in for a session has none
        value = other.get_config_variable(name)
        if value is not None:
            core.set_config_variable(name, value)
    return boto3.session.Session(
        access_key, secret_key, token, region_name=region, botocore_session=core
    )


@lru_cache(maxsize=4)
def _shared_loader(data_path: str | None) -> Any:
    import botocore.loaders

    return botocore.loaders.create_loader(data_path)


def _read_time(value: Any) -> dt.datetime:
    from botocore.utils import parse_timestamp

    if (
        isinstance(value, str)
        and len(value) in (20, 24)
        and value[10] == "T"
        and value.endswith("Z")
    ):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    return parse_timestamp(value)
