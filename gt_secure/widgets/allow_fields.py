"""The text fields of the panel's Allow: one row for each, with its label, its reader,
and what it depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets

from ..aws.buckets import check_bucket, check_prefix
from ..engine.policies.age_limit import age_text, parse_age
from ..engine.policies.signer_limit import parse_signers
from ..restriction.applications import check_application


@dataclass(frozen=True)
class AllowField:
    """A text field, named as the trait of the editor and as the argument of the restriction."""

    name: str
    label: str
    hint: str
    """Placeholder of the empty field."""

    read: Callable[[str], str]
    """Return the value of a text that is not empty;
    raises :class:`~gt_secure.base.errors.InvalidInput`.
    """

    needs: tuple[str, ...] = ()
    """Traits without which the restriction gets no value."""

    empty: str | None = None
    """The restriction's value for an empty field."""

    kind: type[ipywidgets.Widget] = ipywidgets.Text

    wanted: Callable[[str], object] = str
    """Return the restriction's value for the text of the trait."""

    def value(self, editor: Any) -> object:
        """Return the restriction's value."""
        text = (
            getattr(editor, self.name)
            if all(getattr(editor, trait) for trait in self.needs)
            else ""
        )
        return self.wanted(text) if text else self.empty


FIELDS = (
    AllowField("bucket", "Bucket", "name of the bucket", check_bucket, kind=ipywidgets.Combobox),
    AllowField(
        "application",
        "Application",
        "any application",
        lambda text: check_application(text) or "",
        needs=("bucket",),
        kind=ipywidgets.Combobox,
    ),
    AllowField("prefix", "Key prefix", "the whole bucket", check_prefix, empty=""),
    AllowField(
        "age_limit",
        "Age limit",
        "no limit, or a number with m, h or d",
        lambda text: age_text(parse_age(text)),
        needs=("guard_lock", "bucket"),
    ),
    AllowField(
        "signers",
        "Signer limit",
        "no change; or ARNs of users and roles who may sign",
        lambda text: ", ".join(parse_signers(text)),
        needs=("bucket",),
    ),
)
"""The rows, in the order of the panel. A row needs a trait of its name in the editor."""
