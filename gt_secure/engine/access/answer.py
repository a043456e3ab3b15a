"""`Answer`: opened, refused or unknown for one request, with what decided or what it depends on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...base.columns import Tabular
from ...base.html import Tone
from ...base.shown import Shown
from ...base.text import Texts, printable
from ...base.truth import Ambiguous, without_truth
from ..iam.request_space import Word
from ..iam.verdict import Verdict
from ..policies.bucket_guard import own_lock

MEANT: dict[str, Word] = {"allowed": "opened", "refused": "refused"}
"""The answer that an expectation asks for."""

MAX_REASON = 600
CLAIMS = {
    "worker": "a worker's own URL",
    "forwarded": "a worker's URL used from another address",
    "presigned": "any other presigned URL",
    "header": "an SDK or CLI call",
    "post-form": "an upload form",
    "upload": "an upload by presigned URL",
    "anonymous": "an anonymous request",
    "other-account": "a presigned URL of another account",
}
"""Names of the kinds of requests, in words."""
_CAUSES = {
    "bucket guard": "not on its list",
    "signer limit": "not signed by anybody on its list",
    "revocation": "signed with credentials that it names",
    "URL lock": "not the address the URL was made for",
}
ONE_ADDRESS = (
    "Everyone behind one NAT shares its public address, and anybody can have the same private"
    " address in a VPC of their own."
)
"""The limits of the two settings of the URL lock, which stand under its row on every surface."""


WORKER_OF = "worker of "
"""Start of the names of requests of the other workteams of a bucket."""


def claim_of(request: str, *, has_team: bool) -> str:
    """Return a kind of request in words: beside a worker's own URL,
    a presigned URL is any other one.
    """
    if request.startswith(WORKER_OF):
        return f"{CLAIMS['worker']} ({printable(request.removeprefix(WORKER_OF))})"
    return CLAIMS.get(request, request) if has_team or request != "presigned" else "a presigned URL"


@dataclass(frozen=True, slots=True)
class Answer(Shown, Ambiguous):
    """The answer to one request.

    Attributes
    ----------
    answer : str
        ``opened``, ``refused`` or ``unknown``.
    request : str
        The kind of request, such as ``worker``.
    source : str
        Where it comes from.
    key : str
        The object, where not all objects of the question have the same answer.
    lock : str
        What refuses: ``URL lock``, ``portal lock``, ``bucket guard``, ``signer limit``,
        ``revocation``, or the name of a policy; empty if opened.
    statement : str
        The deciding statement, if it was one.
    depends_on : tuple of str
        For an unknown answer, the condition keys or the missing permissions.
    when : tuple of str
        For an opened one, the choices of the sender that open it, if not all do.
    unless : tuple of str
        What may change the answer, and no call settles.
    """

    _ask = ".answer == 'opened'"
    document = (
        "answer",
        "request",
        "source",
        "claim",
        "key",
        "lock",
        "statement",
        "depends_on",
        "when",
        "unless",
        "reason",
    )

    answer: Word
    request: str = ""
    source: str = ""
    key: str = ""
    lock: str = ""
    statement: str = ""
    depends_on: Texts = ()
    when: Texts = ()
    unless: Texts = field(default=(), repr=False, compare=False)
    text: str = field(default="", repr=False, compare=False)
    verdict: Verdict | None = field(default=None, repr=False, compare=False)

    @property
    def reason(self) -> str:
        """Why, in a sentence; worked out when it is asked for,
        and cut where a policy lists hundreds of ranges.
        """
        text = self.text or (self.verdict.reason if self.verdict is not None else "")
        if not text and self.depends_on:
            text = f"It depends on {', '.join(self.depends_on)}."
        return text if len(text) <= MAX_REASON else text[: MAX_REASON - 1] + "…"

    def unsure(self, *actions: str) -> Answer:
        """Return the answer as unknown: these actions could not read what else
        may refuse the request.
        """
        depends_on = tuple(dict.fromkeys((*self.depends_on, *actions)))
        return Answer("unknown", self.request, self.source, self.key, depends_on=depends_on)

    @property
    def cause(self) -> str:
        """The reason in a few words: the lock that refuses,
        or the statement without its conditions.
        """
        if self.answer == "opened":
            return "; ".join(self.when)
        if self.answer == "refused" and self.lock in _CAUSES:
            return f"{self.lock}: {_CAUSES[self.lock]}"
        short = self.reason.partition(" (")[0].rstrip(".")
        return f"{self.lock}: {short}" if self.lock else short

    @property
    def claim(self) -> str:
        """The kind of request in words."""
        return claim_of(self.request, has_team=True)


class Answers(Tabular, tuple[Answer, ...]):
    """Answers that show themselves as a table."""

    __slots__ = ()
    columns = Answer.document

    def __bool__(self) -> bool:
        raise TypeError(without_truth(self, "[0].answer == 'opened'"))

    def _cells(self) -> list[list[object]]:
        return [[*each.to_dict().values()] for each in self]

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Answers(found) if isinstance(index, slice) else found

    def __repr__(self) -> str:
        from .exposure_text import answers_text

        return answers_text(self)

    def _repr_html_(self) -> str:
        from .exposure_text import answers_html

        return answers_html(self)


def answer_of(verdict: Verdict) -> Answer:
    """Return the verdict on one request as an answer."""
    if verdict.decision in ("invalid", "unknown"):
        return Answer(
            "unknown",
            depends_on=verdict.depends_on or ("a policy that is not valid",),
            verdict=verdict,
        )
    if verdict.allowed:
        return Answer("opened", verdict=verdict)
    is_stranger = not verdict.request.caller.account or verdict.request.is_cross_account
    needs_grant = is_stranger and verdict.policies is not None and verdict.policies.resource is None
    lock = verdict.policy or ("bucket policy" if needs_grant else "identity policy")
    if lock == "bucket policy":
        lock = own_lock(verdict.statement) or lock
    return Answer("refused", lock=lock, statement=verdict.statement, verdict=verdict)


def tone(answer: Word, stranger: bool | None) -> Tone:
    """Return the colour of an answer: it means security for the owner of the objects, the same on
    every surface.

    A ``stranger`` sends a request that nobody wants, such as a worker's URL used from another
    address; None is unknown. ``ok`` is a worker served or a stranger refused, ``no`` an open hole,
    ``warn`` a worker refused or an unknown answer.
    """
    if answer == "unknown":
        return "warn"
    if stranger is None:
        return "plain"
    if answer == "opened":
        return "no" if stranger else "ok"
    return "ok" if stranger else "warn"
