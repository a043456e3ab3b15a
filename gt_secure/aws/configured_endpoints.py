"""Endpoints that variables and profiles configure, service by service, in botocore's order.

A connection must write where its session reads, so a configuration is refused in which one service
is on this machine and another one on AWS.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidInput
from ..base.network import is_loopback_url

if TYPE_CHECKING:
    import boto3


SERVICES = ("sagemaker", "s3", "sts")
"""Services that changes are written to,
and the one that names the account and issues credentials of test URLs.
"""


def configured_endpoints(session: boto3.session.Session) -> tuple[str | None, dict[str, str]]:
    """Return the endpoint for all services, if one is configured,
    and those of single services that differ.
    """
    core: Any = getattr(session, "_session", None)
    if core is None or core.get_config_variable("ignore_configured_endpoint_urls"):
        return None, {}
    urls, common = {service: _of(core, service) for service in SERVICES}, _of(core)
    if common is None and all(map(_is_here, urls.values())):
        common = urls["sagemaker"]
    _refuse_split({**urls, "another service": common})
    if common is None:
        return None, {}
    return common, {
        service: url for service, url in urls.items() if url is not None and url != common
    }


def _is_here(url: str | None) -> bool:
    return url is not None and is_loopback_url(url)


def _of(core: Any, service: str = "") -> str | None:
    """Return the configured endpoint of a service, or without a name that of all services."""
    profile = core.get_scoped_config()
    section = core.full_config.get("services", {}).get(profile.get("services"), {})
    own = section.get(service) if service else None
    return (
        (os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") if service else None)
        or os.environ.get("AWS_ENDPOINT_URL")
        or (own.get("endpoint_url") if isinstance(own, dict) else None)
        or profile.get("endpoint_url")
        or None
    )


def _refuse_split(urls: dict[str, str | None]) -> None:
    """Raise InvalidInput if some services are on this machine and others are not."""
    local = [service for service, url in urls.items() if _is_here(url)]
    others = [service for service in urls if service not in local]
    if not local or not others:
        return
    raise InvalidInput(
        f"Calls would be split: {local[0]} is configured for {urls[local[0]]} on this machine,"
        f" {others[0]} for {urls[others[0]] or 'AWS'}.",
        next_step=(
            "Set AWS_ENDPOINT_URL to one address for all services, and unset"
            " AWS_ENDPOINT_URL_SAGEMAKER, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_STS."
        ),
        field="endpoint_url",
    )
