"""What the panel shows of probes, of the browser's own answer and of what is typed, on a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gt_secure.base.errors import NotFound
from gt_secure.base.network import ProbeOrigin, Source
from gt_secure.widgets import entry_feedback, probe_view
from gt_secure.widgets.probe_view import Tried
from support.states import endpoint
from test_every_document import explanation, probe, text_of

PAGE = Path(__file__).parent / "views.md"
HEAD = """# Views of the panel

Written by `GT_SECURE_UPDATE=1 pytest tests/widgets/test_views.py`. Read the diff.
"""
REFUSED = replace(probe(), status=403)
SILENT = replace(probe(), status=None, error_code="", error_message="", failure="a reset")
AGREES = replace(
    explanation(),
    headline="The guard refused it",
    agrees=True,
    predicted="explicit deny",
    lock="",
    why="",
)
UNDECIDED = replace(explanation(), predicted="unknown", agrees=None)
PROBES = {
    "one that is not as predicted": [Tried(REFUSED, explanation())],
    "one as predicted": [Tried(REFUSED, AGREES)],
    "one without an explanation": [Tried(REFUSED, None, "The policy was not read.")],
    "one without an answer": [Tried(SILENT, None)],
    "several": [
        Tried(REFUSED, AGREES), Tried(replace(REFUSED, source=None), AGREES), Tried(probe(), explanation()),
        Tried(SILENT, UNDECIDED),
    ],
    "several as predicted": [Tried(REFUSED, AGREES), Tried(REFUSED, AGREES)],
}  # fmt: skip
ANSWERS: list[dict[str, Any]] = [
    {"image": "loaded", "ms": 12.6}, {"status": 200, "ms": "7"}, {"status": 206}, {"status": 403, "ms": 5},
    {"status": 403, "code": "AccessDenied"}, {"status": 403, "code": "SignatureDoesNotMatch"}, {"status": 404},
    {"status": 0}, {"status": None}, {},
]  # fmt: skip
ADDRESSES = ("::ffff:203.0.113.7", "::ffff:203.0.113.0/120", "203.0.113.7", "203.0.113.0/24", "203.0.113.9/24", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32", "0.0.0.0/0", "127.0.0.1",
             "169.254.0.0/16", "100.64.0.1", "office", "203.0.113", "203.0.113.0-203.0.113.255", "pl-0a1b2c3d", "vpce-0a1b2c3d", "8.8.0.0/14")  # fmt: skip
KNOWN = {
    each.id: each
    for each in (
        endpoint("vpce-0a1b2c3d", "vpc-1"),
        endpoint("vpce-0e0e0e0e", "vpc-2", "Interface"),
        endpoint("vpce-0d0d0d0d", "vpc-3", state="deleting"),
    )
}
ENDPOINTS = (
    *KNOWN,
    "vpce-0f0f0f0f",
    "vpc-1",
    "vpc-9",
    "vpc-0a1b2c3d",
    "203.0.113.7",
    "vpce-",
    "gateway",
)
PLACES = (
    ProbeOrigin("this kernel"), ProbeOrigin("the office", Source.parse("203.0.113.7")),
)  # fmt: skip


def entry(read: Callable[..., Any], word: str, *rest: Any, **more: Any) -> str:
    found = read(word, *rest, **more)
    told = [found.label, found.about, found.problem, *(each.label for each in found.corrections)]
    return f"{word}: {' | '.join(filter(None, told))}"


def sections() -> Iterator[tuple[str, str]]:
    for name, tried in PROBES.items():
        yield f"probe: {name}", text_of(probe_view.tried_markup(tried, many_places=len(tried) > 1))
        yield f"probe as text: {name}", probe_view.tried_text("scans/1.png", tried)
    for answer in ANSWERS:
        yield f"browser: {answer}", text_of(probe_view.browser_answer(answer))
    yield "places", "\n".join(map(probe_view.place_label, PLACES))
    for portal in (False, True):
        entries = [entry_feedback.read_address(word, portal_only=portal) for word in ADDRESSES]
        yield f"addresses, {'of a portal' if portal else 'of a bucket'}", "\n".join([
            *(entry(entry_feedback.read_address, word, portal_only=portal) for word in ADDRESSES),
            *map(text_of, entry_feedback.about_addresses(entries, portal=portal)),
            *map(text_of, entry_feedback.problems(entries)),
        ])  # fmt: skip
    yield (
        "endpoints",
        "\n".join(entry(entry_feedback.read_endpoint, word, KNOWN) for word in ENDPOINTS),
    )


def test_each_view_has_its_words() -> None:
    page = HEAD + "".join(f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in sections())
    if os.environ.get("GT_SECURE_UPDATE"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8"), "look at what changed, then GT_SECURE_UPDATE=1"


def test_a_probe_that_cannot_be_explained_has_the_reason() -> None:
    class Link:
        def __init__(self, error: Exception | None) -> None:
            self.error = error

        def probe(self, *given: Any) -> Any:
            assert given == ("url", "place")
            return REFUSED

        def explain(self, found: Any, *, url: Any) -> Any:
            assert (found, url) == (REFUSED, "url")
            if self.error:
                raise self.error
            return explanation()

    def tried(error: Exception | None) -> Tried:
        link: Any = Link(error)
        return probe_view.try_url(link, "url", "place")  # type: ignore[arg-type]

    assert tried(None) == Tried(REFUSED, explanation())
    assert tried(NotFound("No such key.")) == Tried(REFUSED, None, "No such key.")
    odd = tried(RuntimeError("x"))
    assert (odd.probe, odd.explanation) == (REFUSED, None)
    assert odd.problem
