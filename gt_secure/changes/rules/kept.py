"""Rules about those who must keep working: whom a plan would refuse, and whether somebody is left
who can change the bucket policy back.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.access.proof import WAY_BACK, kept_answer
from ...restriction.messages import Notice, notice
from ..case import Case, on_change


@on_change()
def kept(case: Case) -> Iterator[Notice]:
    """Yield who of those to keep would be refused, and of whom that is unknown."""
    refused, unknown = [], []
    for each in case.restriction.keep:
        found = kept_answer(case.after.locks, each, case.restriction.prefix)
        if found.answer == "refused" and found.verdict is not None:
            refused.append(f"{each.principal}, {found.verdict.request.action}: {found.reason}")
        if found.answer == "unknown":
            unknown.append(f"{each} ({', '.join(found.depends_on)})")
    if refused:
        yield notice("refuses-kept", refused=" ".join(refused))
    if unknown:
        yield notice("kept-unknown", unknown="; ".join(unknown))


@on_change("bucket-guard")
def somebody(case: Case) -> Iterator[Notice]:
    """Yield that nobody could change the bucket policy back."""
    locks = case.after.locks
    left = kept_answer(locks, None)
    if left.answer == "refused":
        yield notice("nobody-changes-policy", bucket=locks.bucket, reason=left.reason, way=WAY_BACK)
