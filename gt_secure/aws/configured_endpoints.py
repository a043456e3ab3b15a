"""Endpoints that variables and profiles configure, service by service, in botocore's order.

A connection must write where its session reads, so a configuration is refused in which one service is on this machine
and another one on AWS.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..network import is_loopback_url

if TYPE_CHECKING:
    import boto3


SERVICES = ("sagemaker", "s3", "sts")
"""Services that changes are written to, and the one that names the account and issues credentials of test URLs."""


def configured_endpoints(session: boto3.session.Session) -> tuple[str | None, dict[str, str]]:
    """Return the endpoint for all services, if one is configured, and those of single services that differ."""
    core: Any = getattr(session, "_session", None)
    if core is None or core.get_config_variable("ignore_configured_endpoint_urls"):
        return None, {}
    urls, common = {service: _of(core, service) for service in SERVICES}, _of(core)
    if common is None and all(url is not None and is_loopback_url(url) for url in urls.values()):
        common = urls["sagemaker"]
    named = {**urls, "another service": common}
    local = [service for service, url in named.items() if url is not None and is_loopback_url(url)]
    if local and len(local) < len(named):
        raise _split(named, local[0], next(service for service in named if service not in local))
    if common is None:
        return None, {}
    return common, {service: url for service, url in urls.items() if url is not None and url != common}


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


def _split(urls: dict[str, str | None], local: str, other: str) -> InvalidInput:
    return InvalidInput(
        f"Calls would be split: {local} is configured for {urls[local]} on this machine, {other} for "
        f"{urls[other] or 'AWS'}.",
        next_step="Set AWS_ENDPOINT_URL to one address for all services, and unset AWS_ENDPOINT_URL_SAGEMAKER, "
        "AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_STS.",
        field="endpoint_url",
    )
