"""The pages of the worker portal."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ...network import Source
from ..gateway.http import Reply

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5b6675; --ground: #f6f7f9; --card: #fff; --line: #dfe3e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --quiet: #9aa6b5; --ground: #12161c; --card: #1a2029; --line: #2c3542; }
}
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; color: var(--quiet); font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
img { width: 100%; image-rendering: auto; border-radius: .25rem; background: #000; min-height: 8rem; color: #fff; }
a { color: inherit; }
li { margin: .25rem 0; }
"""


def _page(status: int, title: str, body: str) -> Reply:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": (
            "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        ),
    }
    return Reply(status, text.encode(), headers)


def task(team: str, key: str, worker: str, constraint: Mapping[str, str], url: str) -> Reply:
    """Show one task with its image."""
    bound = " and ".join(f"{name} {value}" for name, value in constraint.items())
    lock = f"This image opens only where S3 sees {bound}." if bound else "This image opens from any address."
    name = html.escape(key)
    body = (
        f"<h1>Mark every nodule</h1><p>{html.escape(team)} · you are at {html.escape(worker)}</p>"
        f'<figure><img src="{html.escape(url)}" alt="Scan {name}"><figcaption><p>{name}</p>'
        f"<p>{html.escape(lock)}</p></figcaption></figure>"
    )
    return _page(200, f"Task {key}", body)


def index(teams: Sequence[str], keys: Sequence[str], worker: str) -> Reply:
    """Show what there is to do."""
    first = keys[0] if keys else ""
    items = "".join(
        f'<li><a href="/_gt_secure/portal/tasks/{quote(team)}?key={quote(first)}">{html.escape(team)}</a></li>'
        for team in teams
    )
    return _page(
        200, "Worker portal", f"<h1>Worker portal</h1><p>You are at {html.escape(worker)}.</p><ul>{items}</ul>"
    )


def refused(status: int, message: str, source: Source) -> Reply:
    """Say that there is nothing to see."""
    body = f"<h1>{html.escape(message)}</h1><p>Seen from {html.escape(str(source))}.</p>"
    return _page(status, message, body)
