"""The class of a Prowler check, and its reports: PASS, FAIL, or MANUAL where something could not be
read.

Source: Prowler 5.46, ``prowler.lib.check.models`` (``Check``, ``Check_Report_AWS``) and
``prowler.lib.check.utils`` (entry points of the group ``prowler.checks.aws``).
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

from gt_secure.base.errors import GtSecureError
from gt_secure.connection import connect
from gt_secure.findings.model import catalog
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice
from gt_secure.report.region import ROW_OF, read_region
from gt_secure.report.rows import ReportRow

WORKERS = 8
"""Number of regions that are read at the same time."""
BUCKETS = "GT_SECURE_BUCKETS"
"""Variable with the buckets that have rows: ``all`` (the default), ``used``, ``tag:KEY=VALUE``,
or names.
"""


def check_of(codes: tuple[str, ...], module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a check's module:
    its class is made when Prowler asks for it.
    """
    name = module.rpartition(".")[2]

    def find(attribute: str) -> Any:
        if attribute != name:
            raise AttributeError(f"module {module!r} has no attribute {attribute!r}")
        return _check_class(codes, name, module)

    return find


@functools.cache
def _check_class(codes: tuple[str, ...], name: str, module: str) -> Any:
    from prowler.lib.check.models import Check

    def execute(self: Any) -> list[Any]:
        return list(_reports(self.metadata(), codes))

    members = {
        "__module__": module,
        "__doc__": f"Findings: {', '.join(codes)}.",
        "execute": execute,
    }
    return type(Check)(name, (Check,), members)


def _reports(metadata: str, codes: tuple[str, ...]) -> Iterator[Any]:
    from prowler.lib.check.models import Check_Report_AWS
    from prowler.providers.common.provider import Provider

    provider = Provider.get_global_provider()
    identity = provider.identity
    regions = _regions(provider.generate_regional_clients)
    buckets = os.environ.get(BUCKETS) or "all"
    for row in read_rows(provider.session.current_session, identity.account, regions, buckets):
        for made in reported(row, codes):
            own = json.dumps(json.loads(metadata) | {"Severity": made.severity})
            report = Check_Report_AWS(
                metadata=own if made.severity else metadata, resource=row.to_dict()
            )
            report.status = made.status
            report.status_extended = made.text
            report.region = row.region
            report.resource_id = made.subject
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
    kind = "workteam" if row.kind == "team" else "workforce"
    resource = f"{kind}/private-crowd/{row.name or 'default'}"
    return f"arn:{partition}:sagemaker:{row.region}:{row.account}:{resource}"


class Outcome(NamedTuple):
    """One report of a check; ``severity`` is empty where it is that of the check."""

    status: str
    subject: str
    text: str
    severity: str = ""


def reported(row: ReportRow, codes: Sequence[str]) -> list[Outcome]:
    """Return the reports of a check that has several finding codes, for a team or a bucket.

    A row passes once, and only where no code fails or is unknown.
    """
    made = [Outcome(*each) for code in codes for each in _named(row, code)]
    wrong = [each for each in made if each.status != "PASS"]
    if wrong or not made or len(codes) == 1:
        return list(dict.fromkeys(wrong or made))
    subject = made[0].subject
    return [Outcome("PASS", subject, f"{subject} has none of {len(made)} findings looked for.")]


def _named(row: ReportRow, code: str) -> Iterator[tuple[str, ...]]:
    """Yield the outcomes of a code: one that fails names its code, its control and its severity."""
    for status, subject, text in outcomes(row, code):
        if status != "FAIL":
            yield status, subject, text
            continue
        control = "".join(f", NIST SP 800-53 {each}" for each in catalog()[code]["controls"])
        severity = next(each.severity for each in row.findings if each.code == code)
        word = "informational" if severity == "info" else severity
        yield status, subject, f"{text} [{code}{control}]", word


def outcomes(row: ReportRow, code: str) -> Iterator[tuple[str, str, str]]:
    """Yield status, subject and sentence of one finding code for a team or a bucket.

    Unknown is never a pass, and what a rule had no subject for has no row.
    """
    subject = row.name or row.region
    if row.kind == "region" and not row.unread:
        return
    is_elsewhere = row.kind == "portal" or row.kind not in ("region", ROW_OF[code])
    if is_elsewhere and code not in row.checked:
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
    empty = f"buckets: not applicable, {BucketChoice(every=True).nothing}"

    def read(region: str) -> list[ReportRow]:
        try:
            gt = connect(boto3_session=session, region=region)
            rows = read_region(gt, Account(account), choice, many=True) or ()
            unread = [tuple(line for line in row.unread if line != empty) for row in rows]
            return [replace(row, unread=left) for row, left in zip(rows, unread, strict=True)]
        except GtSecureError as error:
            return [ReportRow(account, region, status="failed", unread=(error.message,))]

    with ThreadPoolExecutor(WORKERS) as pool:
        return tuple(row for rows in pool.map(read, regions) for row in rows)
