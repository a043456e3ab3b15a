"""``nothing_drifted``, ``expectations_hold`` and ``is_proved``:
a restriction against the account of now.
"""

from __future__ import annotations

from pathlib import Path

from ..account.lists import with_lists
from ..account.reader import read_state
from ..base.errors import InvalidInput
from ..base.network import AddressesLike
from ..base.outcome import CheckResult
from ..base.text import Json, TextsLike, capital, members, some
from ..changes.case import exposures_of
from ..connection import Connection, ConnectionLike, connection_of, with_facts
from ..engine.access.exposure import Context
from ..engine.access.locks import READ_POLICY
from ..engine.access.proof import Proof
from ..engine.access.provisos import with_unless
from ..report.changes import NOT_READ, differences, digest_of, load_report
from ..restriction.files import load_restriction
from ..restriction.model import Restriction
from .result import Check, label

UNVERIFIED = (
    "The digest of the approved report was not verified, because the check names none: anybody who"
    " can write the file may have changed it."
)


@Check
def nothing_drifted(
    gt: ConnectionLike,
    restriction: Restriction | str | Path | None = None,
    *,
    approved: str | Path | None = None,
    digest: str = "",
) -> CheckResult:
    """Check that applying the restriction again would change nothing, or that the account is as in
    a report that was approved.

    Parameters
    ----------
    restriction : Restriction or path, optional
    approved : path, optional
        The JSON of the approved report of this account and region. Each bucket, team and portal
        that differs is named.
    digest : str
        The digest that was approved: a report with another one is an error. Without it the outcome
        says that the file was not verified.
    """
    if approved is not None and restriction is None:
        return _as_approved(connection_of(gt), Path(approved), digest.removeprefix("sha256:"))
    if approved is not None or restriction is None:
        raise InvalidInput(
            "The check compares with a restriction or with an approved report, and needs one.",
            next_step="Pass restriction= or approved=.",
            field="restriction",
        )
    wish = _wish(restriction)
    if all(each is None for each in (wish.url_lock, wish.portal_lock, wish.guard, wish.signers)):
        raise InvalidInput(
            "This restriction asks for no lock, so nothing could drift.",
            next_step="Give one that sets a lock, or use expectations_hold.",
            field="restriction",
        )
    plan = connection_of(gt).plan(wish, logs=False)
    details: Json = {
        "changes": [
            members(change, "kind", "title", "now: before_text", "wanted: after_text")
            for change in plan.changes
        ]
    }
    if plan.changes:
        said = some([f"{change.title} (now: {change.before_text})" for change in plan.changes])
        fix = "Apply the restriction again, or write down what changed with 'gt-secure export'."
        return CheckResult(
            "nothing_drifted", label(wish), False, f"It has drifted: {said}.", details, fix
        )
    access = f" {plan.access.after.text}" if plan.access is not None else ""
    return CheckResult(
        "nothing_drifted",
        label(wish),
        True,
        f"Everything is as the restriction says.{access}",
        details,
    )


def _as_approved(gt: Connection, file: Path, digest: str) -> CheckResult:
    before = _approved(gt, file, digest)
    known = digest_of(before)
    names = [row["name"] for row in before["rows"] if row["kind"] == "bucket"]
    after = gt.report(buckets=names or None, since=None)
    differing = [each for each in differences(before, after.to_dict()) if each.what != "read again"]
    drifted = [each for each in differing if each.what not in NOT_READ]
    details: Json = {"approved": known, "verified": bool(digest)}
    details["changes"] = [each._asdict() for each in differing]
    passed: bool | None = True
    fix = ""
    text = f"Everything is as in the approved report sha256:{known}."
    if differing:
        named = [f"{one[1]}: {one[0]}, {one[2]} → {one[3]}" for one in drifted or differing]
        title = "It has drifted" if drifted else "Not everything was read"
        passed, text = False if drifted else None, f"{title}: {some(named).rstrip('.')}."
        fix = "Undo the change, or have a new report approved: gt-secure report -o approved.json"
    message = text if digest else f"{text} {UNVERIFIED}"
    return CheckResult("nothing_drifted", after.subject, passed, message, details, fix)


def _approved(gt: Connection, file: Path, digest: str) -> Json:
    """Return the approved report of an account and region; another one is an error."""
    before = load_report(file)
    known = digest_of(before)
    place = (gt.aws.account_id, gt.aws.region)
    wrong = ""
    if digest not in ("", known):
        wrong = f"is not the approved report: its digest is sha256:{known}"
    elif (before["account"], before["region"], before["places"]) != (*place, 1):
        wrong = f"is not a report of {place[0]} in {place[1]} alone"
    if wrong:
        raise InvalidInput(
            f"{file.name} {wrong}.",
            next_step="Name the JSON of the report that was approved.",
            field="approved",
        )
    return before


@Check
def expectations_hold(
    gt: ConnectionLike, restriction: Restriction | str | Path, *, context: Context | None = None
) -> CheckResult:
    """Check that the current locks fulfil the expectations of a restriction.
    Its other members are not applied.
    """
    wanted = _wish(restriction).with_facts(context)
    if not wanted.expectations:
        raise InvalidInput(
            "This restriction has no expectations, so nothing could be checked.",
            next_step="Add expect.allowed(...) or expect.refused(...).",
            field="expectations",
        )
    aws = connection_of(gt).aws
    wanted = with_lists(aws, wanted)
    exposure, _ = exposures_of(aws, wanted, read_state(aws, wanted), ())
    results = [exposure.holds(one) for one in wanted.expectations]
    broken = [(one.kind, answer) for one in results for answer in one.broken]
    sure = [(kind, answer) for kind, answer in broken if answer.answer != "unknown"]
    details: Json = {
        "expectations": [row for one in results for row in one.to_dicts()],
    }
    if broken:
        ordered = [*sure, *(each for each in broken if each not in sure)]
        named = some(
            [
                f"{answer.source} should be {kind} and is {answer.answer}"
                + (f' for "{answer.key}"' if answer.key else "")
                for kind, answer in ordered
            ]
        )
        text = f"{named}. {ordered[0][1].reason}".strip()
        fix = "Run 'gt-secure plan -f FILE' to see the changes that fix it."
        return CheckResult(
            "expectations_hold", label(wanted), False if sure else None, text, details, fix
        )
    number = sum(len(one.answers) for one in results)
    text = f"All {number:,} expectations hold." if number > 1 else "The expectation holds."
    rests_on = dict.fromkeys(why for one in results for each in one.answers for why in each.unless)
    text = with_unless(text, [*rests_on])
    return CheckResult("expectations_hold", label(wanted), True, text, details)


@Check
def is_proved(
    gt: ConnectionLike,
    restriction: Restriction | str | Path | None = None,
    *,
    bucket: str | None = None,
    prefix: str | None = None,
    addresses: AddressesLike | None = None,
    endpoints: TextsLike | None = None,
    keep: TextsLike | None = None,
    context: Context | None = None,
) -> CheckResult:
    """Prove that no presigned request, POST form or anonymous request from outside the
    restriction's lists is opened, and that nothing refuses those whom it keeps.

    Its bucket, prefix, addresses and endpoints are the claim, or those that are given instead of a
    restriction; without addresses and endpoints, none is opened from anywhere. A counterexample
    fails, and is in ``details``, and so is a refused request of somebody who must keep working. An
    answer that depends on a fact is unknown, and names it.
    """
    if restriction is not None and any(
        each is not None for each in (bucket, prefix, addresses, endpoints, keep)
    ):
        raise InvalidInput(
            "The claim is given twice.",
            next_step="Pass a restriction, or bucket= and addresses=.",
            field="restriction",
        )
    wish = (
        _claimed(bucket, prefix, addresses, endpoints, keep)
        if restriction is None
        else _wish(restriction)
    )
    proof = with_facts(gt, context).prove(wish)
    passed, message, fix = _proof_words(proof)
    return CheckResult("is_proved", label(wish), passed, message, proof.to_dict(), fix)


def _claimed(
    bucket: str | None,
    prefix: str | None,
    addresses: AddressesLike | None,
    endpoints: TextsLike | None,
    keep: TextsLike | None,
) -> Restriction:
    """Return the restriction of a claim, as ``gt-secure prove`` makes it."""
    if bucket is None:
        raise InvalidInput(
            "The bucket is missing.", next_step="Pass bucket=, or a restriction.", field="bucket"
        )
    kept = keep or ()
    if not addresses and not endpoints:
        return Restriction.for_reading(bucket, prefix or "", True, kept)
    return Restriction(
        addresses=addresses or (),
        endpoints=endpoints or (),
        guard=True,
        bucket=bucket,
        prefix=prefix or "",
        keep=kept,
    )


def _proof_words(proof: Proof) -> tuple[bool | None, str, str]:
    if proof.proved:
        return True, capital(proof.text.removeprefix("Proved: ")), ""
    if not proof.found:
        if proof.depends_on == (READ_POLICY,):
            return (
                None,
                f"The bucket policy is unknown: {READ_POLICY} was denied.",
                f"Ask for {READ_POLICY}.",
            )
        keys = some(list(proof.depends_on))
        return (
            None,
            f"The answer depends on {keys}.",
            "Add known values as context, or read access for the role.",
        )
    fix = 'Apply the restriction with "gt-secure apply -f FILE", and look at the counterexample.'
    if proof.refused is not None:
        fix = "Exempt the principal in the statement that refuses it."
    return False, proof.text.removeprefix("Not proved: "), fix


def _wish(restriction: Restriction | str | Path) -> Restriction:
    if isinstance(restriction, Restriction):
        return restriction
    if isinstance(restriction, str | Path):
        return load_restriction(restriction)
    raise InvalidInput(
        f"A Restriction or the path of its file is needed, not {type(restriction).__name__}.",
        next_step="Write Restriction('team', ...) or 'restriction.yaml'.",
        field="restriction",
    )
