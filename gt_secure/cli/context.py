"""``--context KEY=VALUE``: facts that the command line supplies."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..errors import InvalidInput


def add_context(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the option."""
    parser.add_argument(
        "--context", action="append", default=[], metavar="KEY=VALUE", help="known condition key (repeatable)"
    )


def context_of(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the facts of ``KEY=VALUE`` texts; a key that is repeated has several values, ``KEY=`` is absent."""
    context: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or ":" not in key:
            raise InvalidInput(
                f'"{text[:80]}" is not a condition key with a value.',
                next_step="Write --context aws:PrincipalOrgID=o-abc123.",
                field="context",
            )
        context.setdefault(key.strip(), []).extend([value] if value else [])
    return context
