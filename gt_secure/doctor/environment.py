"""Facts about the installation and its AWS calls: SDK, optional packages, region, host,
signature, clock.
"""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

from ..aws.client import Aws, aws_errors
from ..base.errors import GtSecureError
from ..base.optional import OPTIONAL, install_command, missing, version
from ..base.shown import Shown
from ..base.version import __version__

FactMark: TypeAlias = Literal["ok", "note", "wrong"]

CLOCK_NOTE_S, CLOCK_WRONG_S = 60, 300
"""S3 refuses a signature whose time is more than 15 minutes off;
a URL of a few minutes fails much earlier.
"""


@dataclass(frozen=True, slots=True)
class Fact(Shown):
    """One fact: ``mark`` is ``ok``, ``note`` or ``wrong``, ``said`` the consequence."""

    name: str
    value: str
    mark: FactMark = "ok"
    said: str = ""


def facts(aws: Aws, *, of_teams: bool = True) -> list[Fact]:
    """Return the facts about versions, the SDK, the connection and packages;
    on request without those of workteams.
    """
    return [*_versions(), *(_members(aws) if of_teams else ()), *_calls(aws), *_packages()]


def installed() -> list[Fact]:
    """List what is installed here; needs no region, no credentials and no call."""
    return [*_versions(), *_packages()]


def _versions() -> Iterator[Fact]:
    yield Fact("gt_secure", __version__)
    yield Fact("Python", platform.python_version())
    for name in ("boto3", "ipywidgets", "matplotlib", "duckdb"):
        found = version(name)
        yield _fact(name, found or "missing", bool(found), f"pip install {name}")


def _fact(name: str, value: str, fits: bool, problem: str, mark: FactMark = "wrong") -> Fact:
    return Fact(name, value) if fits else Fact(name, value, mark, problem)


def _members(aws: Aws) -> Iterator[Fact]:
    """Yield facts about API members that old SDKs do not have."""
    wanted: tuple[tuple[str, str, str, FactMark], ...] = (
        ("UpdateWorkteam", "WorkerAccessConfiguration", "the URL lock", "wrong"),
        ("UpdateWorkforce", "SourceIpConfig", "the portal lock", "wrong"),
        ("UpdateWorkforce", "WorkforceVpcConfig", "portals in a VPC", "note"),
        ("UpdateWorkforce", "IpAddressType", "portals that accept IPv6", "note"),
    )
    for operation, member, what, mark in wanted:
        known = aws.knows(operation, member)
        value = "known" if known else "unknown"
        yield _fact(f"{operation}.{member}", value, known, f"Update boto3 for {what}.", mark)


def _calls(aws: Aws) -> Iterator[Fact]:
    yield Fact("region", aws.region)
    local = "Calls go to this address, not to AWS."
    yield _fact("endpoint", aws.endpoint_url or "AWS", aws.endpoint_url is None, local, "note")
    client: Any = aws.client("s3")
    signature, host = str(client.meta.config.signature_version), str(client.meta.endpoint_url)
    old = "Presigned URLs of the old signature fail through PrivateLink and have no signature age."
    yield _fact("S3 signature", signature, signature == "s3v4", old)
    regional = aws.endpoint_url is not None or aws.region in host
    yield _fact("S3 host", host, regional, "The global host has no endpoint in a VPC.")
    yield _clock(aws)


def _clock(aws: Aws) -> Fact:
    try:
        with aws_errors("sts:GetCallerIdentity"):
            answer: Any = aws.client("sts").get_caller_identity()
        there = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (GtSecureError, KeyError, TypeError, ValueError, OverflowError):
        return Fact("clock", "unknown", "note", "AWS returned no time.")
    # -0000 is UTC, of no zone
    off = abs((_now() - there.replace(tzinfo=there.tzinfo or dt.UTC)).total_seconds())
    mark: FactMark = "ok" if off < CLOCK_NOTE_S else "note" if off < CLOCK_WRONG_S else "wrong"
    return Fact(
        "clock",
        f"{off:.0f} s off",
        mark,
        "" if mark == "ok" else "Set the clock: signatures depend on it.",
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _packages() -> Iterator[Fact]:
    found = version("ministack")
    said = "" if found else "gt-secure sandbox install for the local AWS."
    yield Fact("sandbox", f"ministack {found}" if found else "not installed", "ok", said)
    absent = missing()
    said = (
        f"{install_command(*absent)} for {'; '.join(OPTIONAL[name] for name in absent)}."
        if absent
        else ""
    )
    yield Fact(
        "optional packages",
        f"without {', '.join(absent)}" if absent else "all installed",
        "ok",
        said,
    )
