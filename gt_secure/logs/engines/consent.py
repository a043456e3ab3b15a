"""Consent before a question costs money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ...errors import InvalidInput, LogError


class _Estimated(Protocol):
    @property
    def sentence(self) -> str:
        """The question that a person confirms."""


E = TypeVar("E", bound=_Estimated)


def ask(
    estimate: E, confirm: Callable[[E], bool] | None, *, yes: bool, what: str, settings: str, details: dict[str, Any]
) -> None:
    """Return if the person agrees to the cost.

    Parameters
    ----------
    estimate : Estimate or ProcessingEstimate
    confirm : callable, optional
        Gets the estimate, returns whether to run.
    yes : bool
        Whether to run without asking.
    what, settings : str
        What would run (``query``, ``job``), and the class of its settings.
    details : dict
        The estimate as data, for the error.

    Raises
    ------
    InvalidInput
        If nobody can be asked.
    LogError
        If the answer is no.
    """
    if yes:
        return
    if confirm is None:
        raise InvalidInput(
            f"{estimate.sentence} The {what} was not confirmed.",
            next_step=f"Pass yes=True, as in {settings}(yes=True), or {settings}(confirm=...).",
            field="yes",
            details=details,
        )
    if not confirm(estimate):
        raise LogError("Nothing was run: the question was answered with no.")
