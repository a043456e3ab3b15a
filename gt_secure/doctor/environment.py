"""Facts about the installation and its AWS calls: SDK, extras, region, host, signature, clock."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any, Literal, TypeAlias

from .._version import __version__
from ..aws.client import Aws, aws_errors
from ..errors import GtSecureError

Mark: TypeAlias = Literal["ok", "note", "wrong"]

EXTRAS = {
    "browser": ("anywidget", "the probe from your own browser"),
    "sagemaker": ("sagemaker", "sessions and workteams of the SageMaker SDK"),
    "sandbox": ("ministack", "the local AWS"),
    "fast": ("isal", "faster fetching and unpacking of logs"),
    "spark": ("pyspark", "logs on a Spark cluster"),
}
CLOCK_NOTE_S, CLOCK_WRONG_S = 60, 300
"""S3 refuses a signature whose time is more than 15 minutes off; a URL of a few minutes fails much earlier."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: ``mark`` is ``ok``, ``note`` or ``wrong``, ``said`` the consequence."""

    name: str
    value: str
    mark: Mark = "ok"
    said: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the fact as JSON-able data."""
        return {"name": self.name, "value": self.value, "mark": self.mark, "said": self.said}


def facts(aws: Aws) -> list[Fact]:
    """Yield facts about this installation and its AWS calls."""
    return [*_versions(), *_members(aws), *_calls(aws), *_extras()]


def installed() -> list[Fact]:
    """List what is installed here; needs no region, no credentials and no call.

    Returns
    -------
    list of Fact

    Examples
    --------
    >>> [fact.name for fact in installed()][:2]
    ['gt_secure', 'Python']
    """
    return [*_versions(), *_extras()]


def _versions() -> Iterator[Fact]:
    yield Fact("gt_secure", __version__)
    yield Fact("Python", platform.python_version())
    for name in ("boto3", "ipywidgets", "matplotlib", "duckdb"):
        version = _version(name)
        yield Fact(name, version or "missing", "ok" if version else "wrong", "" if version else f"pip install {name}")


def _members(aws: Aws) -> Iterator[Fact]:
    """Yield facts about API members that old SDKs do not have."""
    wanted = (
        ("UpdateWorkteam", "WorkerAccessConfiguration", "the URL lock", "wrong"),
        ("UpdateWorkforce", "SourceIpConfig", "the portal lock", "wrong"),
        ("UpdateWorkforce", "WorkforceVpcConfig", "portals in a VPC", "note"),
        ("UpdateWorkforce", "IpAddressType", "portals that accept IPv6", "note"),
    )
    for operation, member, what, mark in wanted:
        known = aws.knows(operation, member)
        said = "" if known else f"Update boto3 for {what}."
        yield Fact(f"{operation}.{member}", "known" if known else "unknown", "ok" if known else mark, said)  # type: ignore[arg-type]


def _calls(aws: Aws) -> Iterator[Fact]:
    yield Fact("region", aws.region)
    yield Fact("endpoint", aws.endpoint_url or "AWS", "ok" if aws.endpoint_url is None else "note",
               "" if aws.endpoint_url is None else "Calls go to this address, not to AWS.")  # fmt: skip
    client: Any = aws.client("s3")
    signature, host = str(client.meta.config.signature_version), str(client.meta.endpoint_url)
    said = "Presigned URLs of the old signature fail through PrivateLink and have no signature age."
    yield Fact("S3 signature", signature, "ok" if signature == "s3v4" else "wrong", "" if signature == "s3v4" else said)
    regional = aws.endpoint_url is not None or aws.region in host
    said = "" if regional else "The global host has no endpoint in a VPC."
    yield Fact("S3 host", host, "ok" if regional else "wrong", said)
    yield _clock(aws)


def _clock(aws: Aws) -> Fact:
    try:
        with aws_errors("sts:GetCallerIdentity"):
            answer: Any = aws.client("sts").get_caller_identity()
        there = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (GtSecureError, KeyError, ValueError):
        return Fact("clock", "unknown", "note", "AWS returned no time.")
    off = abs((_now() - there).total_seconds())
    mark: Mark = "ok" if off < CLOCK_NOTE_S else "note" if off < CLOCK_WRONG_S else "wrong"
    return Fact("clock", f"{off:.0f} s off", mark, "" if mark == "ok" else "Set the clock: signatures depend on it.")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _extras() -> Iterator[Fact]:
    for extra, (distribution, what) in EXTRAS.items():
        version = _version(distribution)
        # The sandbox's emulator pins botocore: into the environment of a notebook it would put another one.
        command = "gt-secure sandbox install" if extra == "sandbox" else f"pip install 'gt_secure[{extra}]'"
        said = "" if version else f"{command} for {what}."
        yield Fact(f"extra {extra}", f"{distribution} {version}" if version else "not installed", "ok", said)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
