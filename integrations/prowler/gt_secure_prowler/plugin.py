"""The class of a Prowler check, and its reports: PASS, FAIL, or MANUAL where something could not be
read.

Source: Prowler 5.46, ``prowler.lib.check.models`` (``Check``, ``Check_Report_AWS``) and
``prowler.lib.check.utils`` (entry points of the group ``prowler.checks.aws``).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gt_secure.base.errors import GtSecureError
from gt_secure.connection import connect
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice
from gt_secure.report.region import OF_BUCKET, read_region
from gt_secure.report.rows import ReportRow

WORKERS = 8
"""Number of regions that are read at the same time."""
BUCKETS = "GT_SECURE_BUCKETS"
"""Variable with the buckets that have rows, too: ``used``, ``all``, ``tag:KEY=VALUE``, or names."""


def check_of(code: str, module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a check's module:
    its class is made when Prowler asks for it.
    """
    name = module.rpartition(".")[2]

    def find(attribute: str) -> Any:
        if attribute != name:
            raise AttributeError(f"module {module!r} has no attribute {attribute!r}")
        return _check_class(code, name, module)

    return find


@functools.cache
def _check_class(code: str, name: str, module: str) -> Any:
    from prowler.lib.check.models import Check

    def execute(self: Any) -> list[Any]:
        return list(_reports(self.metadata(), code))

    members = {"__module__": module, "__doc__": f"The finding {code}.", "execute": execute}
    return type(Check)(name, (Check,), members)


def _reports(metadata: Any, code: str) -> Iterator[Any]:
    from prowler.lib.check.models import Check_Report_AWS
    from prowler.providers.common.provider import Provider

    provider = Provider.get_global_provider()
    identity = provider.identity
    regions = _regions(provider.generate_regional_clients)
    buckets = os.environ.get(BUCKETS, "")
    for row in read_rows(provider.session.current_session, identity.account, regions, buckets):
        for status, subject, text in outcomes(row, code):
            report = Check_Report_AWS(metadata=metadata, resource=row.to_dict())
            report.status = status
            report.status_extended = text
            report.region = row.region
            report.resource_id = subject
            report.resource_arn = _arn(identity.partition, row)
            yield report


@functools.lru_cache(maxsize=4)
def _regions(clients: Callable[[str], Any]) -> tuple[str, ...]:
    """Return the regions once for all checks: Prowler makes a client for each,
    which takes most of a second.
    """
    return tuple(sorted(clients("sagemaker")))


def _arn(partition: str, row: ReportRow) -> str:
    if row.kind == "bucket":
        return f"arn:{partition}:s3:::{row.name}"
    is_team = row.kind == "team"
    resource = (
        f"workteam/private-crowd/{row.name}" if is_team else "workforce/private-crowd/default"
    )
    return f"arn:{partition}:sagemaker:{row.region}:{row.account}:{resource}"


def outcomes(row: ReportRow, code: str) -> Iterator[tuple[str, str, str]]:
    """Yield status, subject and sentence of one finding code for a team or a bucket.

    Unknown is never a pass, and what a rule had no subject for has no row.
    """
    subject = row.name or row.region
    if row.kind == "region" and not row.unread:
        return
    of_bucket = row.kind == "bucket"
    if row.kind != "region" and of_bucket != (code in OF_BUCKET) and code not in row.checked:
        if row.kind == "team" and code == "presigned-from-anywhere" and not row.uses:
            yield "MANUAL", subject, f"No bucket of {subject} is known."
        return
    found = [finding for finding in row.findings if finding.code == code]
    for finding in found:
        sentence = " ".join(
            part for part in (f"{finding.title}.", finding.detail, finding.fix) if part
        )
        yield (
            "MANUAL" if finding.state == "unknown" else "FAIL",
            finding.subject or subject,
            sentence,
        )
    if found:
        return
    checked = row.checked.get(code, "unknown")
    if checked == "unknown":
        yield "MANUAL", subject, f"Not everything could be read: {'; '.join(row.unread)}."
    elif checked == "clean":
        yield "PASS", subject, f"{subject} has no finding {code}."


@functools.lru_cache(maxsize=4)
def read_rows(
    session: Any, account: str, regions: tuple[str, ...], buckets: str
) -> tuple[ReportRow, ...]:
    """Read all regions once for all checks; a region that cannot be read is a row."""
    choice = BucketChoice.parse(buckets) if buckets else None

    def read(region: str) -> list[ReportRow]:
        try:
            gt = connect(boto3_session=session, region=region)
            rows = read_region(gt, Account(account), choice, many=True) or ()
            return [row for row in rows if row.kind != "portal"]
        except GtSecureError as error:
            return [ReportRow(account, region, status="failed", unread=(error.message,))]

    with ThreadPoolExecutor(WORKERS) as pool:
        return tuple(row for rows in pool.map(read, regions) for row in rows)
