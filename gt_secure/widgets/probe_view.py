"""View of the answers to a test URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base import html as markup
from ..base.columns import TableRows, lay_out
from ..base.errors import GtSecureError
from ..base.html import Chip, Markup
from ..base.text import Json, printable
from .background import as_error

if TYPE_CHECKING:
    from ..base.network import ProbeOrigin
    from ..connection import Connection
    from ..explain.explanation import Explanation
    from ..presign import Probe, TestUrl


@dataclass(frozen=True)
class Tried:
    """One probe with its explanation; ``explanation`` is None where it could not be made."""

    probe: Probe
    explanation: Explanation | None
    problem: str = ""


def try_url(connection: Connection, url: TestUrl, place: ProbeOrigin | None) -> Tried:
    """Fetch the URL from one place and explain the answer."""
    probe = connection.probe(url, place)
    try:
        return Tried(probe, connection.explain(probe, url=url))
    except GtSecureError as error:
        return Tried(probe, None, error.message)
    except Exception as error:
        return Tried(probe, None, as_error(error).message)


def tried_markup(tried: Sequence[Tried], *, many_places: bool) -> Markup:
    """A table of the answers, with what was predicted, and a notice for what is worth one."""
    rows: TableRows = [_tried_row(each) for each in tried]
    table = markup.table(("Source", "Predicted", "Observed", "Why"), rows, caption="Probe results")
    odd = [
        each.explanation
        for each in tried
        if each.explanation is not None and each.explanation.agrees is False
    ]
    said = odd[0] if odd else tried[0].explanation if len(tried) == 1 else None
    notice = Markup("")
    if said is not None:
        headline = markup.text(f"{said.headline}{', as predicted' if said.agrees else ''}", 300)
        notice = markup.notice(
            said.tone, headline, markup.text(f"{said.why} {said.next_step}", 600)
        )
    place = markup.hint(
        "The sandbox can send from any address. On AWS you can test only from this kernel's"
        " address."
        if many_places
        else (
            "The kernel's own network is not that of your browser, nor that of the people who use"
            " the URLs."
        )
    )
    return markup.join(notice, table, place)


def tried_text(key: str, tried: Sequence[Tried]) -> str:
    """Return the answers as a table of text."""
    rows = []
    for each in tried:
        said, probe = each.explanation, each.probe
        why = each.problem or probe.error_message or probe.failure or ""
        if said is not None:
            why = f"{said.lock}: {said.why or said.headline}" if said.lock else said.headline
        rows.append(
            (
                probe.source or probe.probe_origin,
                _predicted(said),
                _observed(probe, said).words,
                why,
            )
        )
    lines = lay_out(("source", "predicted", "observed", "why"), rows)
    return "\n".join((f"Probe of {printable(key)}", *lines))


def place_label(place: ProbeOrigin) -> str:
    """Return the label of a probe origin, with a note if its address is not known beforehand."""
    return (
        str(place) if place.source is not None else f"{place.label} (address not known beforehand)"
    )


def _tried_row(tried: Tried) -> tuple[object, ...]:
    probe, said = tried.probe, tried.explanation
    source = markup.join(
        markup.code(str(probe.source or probe.probe_origin), 70),
        markup.hint(probe.probe_origin) if probe.source is not None else "",
    )
    why: object = tried.problem or (probe.error_message or probe.failure)
    if said is not None:
        lock = f"<b>{markup.text(said.lock)}</b>: " if said.lock else ""
        why = markup.join(lock, markup.text(said.why or said.headline, 400))
    return source, _predicted(said), _observed(probe, said), why


def _predicted(said: Explanation | None) -> object:
    if said is None or not said.predicted:
        return "unknown"
    return {"allow": "opened", "unknown": "unknown", "invalid": "unknown"}.get(
        said.predicted, "refused"
    )


def _observed(probe: Probe, said: Explanation | None) -> Chip:
    tone: markup.Tone = "plain" if said is None else said.tone
    if probe.status is None:
        return Chip("warn", f"no answer ({probe.failure})")
    return Chip(tone, f"{probe.answer} ({probe.status})")


def browser_answer(answer: Json) -> Markup:
    """Return the answer to the person's own browser, in words."""
    image, status = answer.get("image"), answer.get("status")
    ms = f"{float(answer.get('ms') or 0):.0f} ms"
    if image == "loaded":
        return markup.notice(
            "plain",
            "Opened by this browser",
            f"as a picture, in {ms}. Others on this network can open it too.",
        )
    if status in {200, 206}:
        return markup.notice(
            "plain",
            "Opened by this browser",
            f"in {ms}, but it is no picture. Others on this network can open it too.",
        )
    if isinstance(status, int) and status:
        code = markup.plain(answer.get("code") or "", 60)
        shown = f"this browser ({status}{' ' + code if code else ''})"
        if status != 403 or code not in ("", "AccessDenied"):
            return markup.notice(
                "warn", f"Not opened by {shown}", "This says nothing about the locks. Press Probe."
            )
        return markup.notice(
            "plain", f"Refused to {shown}", f"in {ms}. Others on this network are refused too."
        )
    return markup.notice(
        "warn",
        "Not opened by this browser,",
        "and it does not say why: a refusal without CORS headers hides its status from the page."
        " Press Probe, or look at the network panel of the browser's developer tools.",
    )
