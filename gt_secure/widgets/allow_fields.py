"""The text fields of the panel's Allow: one row for each, with its label, its reader, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets

from ..aws.buckets import check_bucket, check_prefix
from ..engine.policies.age_limit import age_text, parse_age
from ..engine.policies.signer_limit import parse_signers


@dataclass(frozen=True)
class AllowField:
    """A text field, named as the trait of the editor and as the argument of the restriction."""

    name: str
    label: str
    hint: str
    """Placeholder of the empty field."""

    read: Callable[[str], str]
    """Return the value of a text that is not empty; raises :class:`~gt_secure.base.errors.InvalidInput`."""

    needs: tuple[str, ...] = ()
    """Traits without which the restriction gets no value."""

    empty: str | None = None
    """The restriction's value for an empty field."""

    in_more: bool = True
    """Whether it is among *More options*, which open where such a field has a value."""

    kind: type[ipywidgets.Widget] = ipywidgets.Text

    def value(self, editor: Any) -> str | None:
        """Return the restriction's value."""
        usable = all(getattr(editor, trait) for trait in self.needs)
        return (getattr(editor, self.name) if usable else "") or self.empty


FIELDS = (
    AllowField("bucket", "Bucket", "gt-images", check_bucket, in_more=False, kind=ipywidgets.Combobox),
    AllowField("prefix", "Key prefix", "the whole bucket", check_prefix, empty=""),
    AllowField(
        "age_limit",
        "Age limit",
        "none, or URLs up to 15m, 12h, 2d old",
        lambda text: age_text(parse_age(text)),
        needs=("guard_lock", "bucket"),
    ),
    AllowField(
        "signers",
        "Signer limit",
        "no change, or who may sign: arn:aws:iam::…:role/…",
        lambda text: ", ".join(parse_signers(text)),
        needs=("bucket",),
    ),
)
"""The rows, in the order of the panel. A row needs a trait of its name in the editor."""
