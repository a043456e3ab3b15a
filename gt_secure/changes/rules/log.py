"""Rules about sources that the access log names, services of AWS, and expectations."""

from __future__ import annotations

from collections.abc import Iterator

from ...base.groups import grouped
from ...base.text import some
from ...restriction.messages import Notice, notice
from ..case import Case, on_change
from ..services import LOGGED, strangers, unknown_keys

MOST_NAMED = 10
"""Sources or signers that a notice names."""


@on_change()
def sources(case: Case) -> Iterator[Notice]:
    """Yield the sources of the log that would be refused;
    whoever only followed others is not proposed for the list.
    """
    restriction = case.restriction
    refused = grouped(
        (row.request == "worker" and restriction.team is not None, row.source)
        for row in case.simulation
        if row.shut_out and row.why == LOGGED
    )
    for of_workers, logged in refused.items():
        others = strangers(case.hits, restriction.bucket, restriction.prefix) & {*logged}
        known = [source for source in logged if source not in others]
        key = "refuses-labeler" if of_workers else "refuses-source"
        if others:
            key += "/strangers-too" if known else "/strangers"
        late = some(sorted(others), MOST_NAMED)
        yield notice(key, sources=some(known, MOST_NAMED) or late, strangers=late)


@on_change()
def prediction(case: Case) -> Iterator[Notice]:
    """Yield what shows that the prediction is wrong."""
    wrong = [
        row.source
        for row in case.simulation
        if row.why == LOGGED and row.before.answer == "refused"
    ]
    if wrong:
        yield notice("prediction-contradicts-log", sources=some(wrong, MOST_NAMED))


@on_change()
def facts(case: Case) -> Iterator[Notice]:
    """Yield the facts on which answers depend."""
    keys, missing = unknown_keys(case.simulation, *case.exposures), case.before.missing
    if keys:
        code = "depends-on-facts"
        if missing:
            code += "/permissions" if len(missing) > 1 else "/permission"
        yield notice(code, keys=", ".join(keys), missing=", ".join(missing))


_REFUSED_SCENES = {
    "Ground Truth": "refuses-ground-truth",
    "log delivery": "refuses-log-delivery",
    "caller": "loses-undo",
}
"""The notice for a service or the caller that a plan would refuse."""


@on_change()
def services(case: Case) -> Iterator[Notice]:
    """Yield the services that would be refused, and that the caller would be."""
    scenes = {row.request for row in case.simulation if row.shut_out}
    for scene, code in _REFUSED_SCENES.items():
        if scene in scenes:
            yield notice(code)


@on_change()
def nobody(case: Case) -> Iterator[Notice]:
    """Yield that no allowed source could open an object."""
    restriction, after = case.restriction, case.after
    if not after.opens_nobody(restriction.allowed):
        return
    of_workers = after.locks.has_portal
    row = after.row("worker" if of_workers else "presigned")
    where = "" if restriction.allowed.is_empty else " from an allowed address or endpoint"
    by = ", ".join(row.refused.decided_by)
    yield notice(
        "opens-nobody/workers" if of_workers else "opens-nobody",
        about=case.teams if of_workers else [restriction.bucket or ""],
        team=restriction.team,
        where=where,
        by=f": {by} refuses" if by else "",
    )


@on_change()
def expectations(case: Case) -> Iterator[Notice]:
    """Yield the expectations that the plan breaks."""
    for kind, answer in (
        (proof.kind, answer) for proof in case.expectations for answer in proof.broken
    ):
        yield notice(
            "expectation-broken",
            expected=kind,
            source=answer.source,
            answer=answer.answer,
            key=f' for "{answer.key}"' if answer.key else "",
            cause=f" ({answer.cause})" if answer.cause else "",
        )
