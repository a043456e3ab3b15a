"""Pages of a listing that ends: a service that returns pages again, or without end,
is an error and never a count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .errors import Unreachable
from .text import Json

MOST_PAGES = 10_000
"""The most pages of a listing of an account."""
MOST_OF_DATA = 10_000_000
"""The most pages of objects of a bucket, or of rows of a query."""
_TOKENS = (
    "NextToken",
    "nextToken",
    "NextContinuationToken",
    "NextMarker",
    "Marker",
    "ContinuationToken",
)


def ending(
    pages: Iterable[Json], most: int | None = None, names: Sequence[str] = _TOKENS
) -> Iterator[Json]:
    """Yield the pages of a listing.

    Parameters
    ----------
    pages : iterable of dict
        Answers of a service, each with the token of the next one.
    most : int, optional
        The most pages (default: ``MOST_PAGES``).
    names : sequence of str, optional
        Members that may hold the token.

    Raises
    ------
    Unreachable
        If a token occurs twice, or if there are more pages.
    """
    tokens: set[str] = set()
    for number, page in enumerate(pages, 1):
        token = next((str(page[name]) for name in names if page.get(name)), "")
        if token in tokens or number > (MOST_PAGES if most is None else most):
            raise endless()
        tokens |= {token} if token else set()
        yield page


def followed(
    ask: Callable[..., Json],
    wanted: Json,
    token: str,
    name: str = "",
    most: int | None = None,
    first: Json | None = None,
) -> Iterator[Json]:
    """Yield the pages of an operation without a paginator: each names the next with a token, which
    is asked for.

    ``first`` is the first page, if somebody has asked for it already.
    """

    def every() -> Iterator[Json]:
        asked, known = wanted, first
        while True:
            page, known = known or ask(**asked), None
            yield page
            if not page.get(token):
                return
            asked = {**asked, name or token: page[token]}

    return ending(every(), most, (token,))  # S3 repeats the token of the request, too


def endless() -> Unreachable:
    """Return the error for a listing without its end."""
    return Unreachable(
        "The listing is not whole: a page came twice, too many came, or the last one is missing.",
        next_step="Try again. If it stays so, check the endpoint and any proxy between.",
    )
