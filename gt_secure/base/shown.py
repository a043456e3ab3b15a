"""Results that name the members of their document, from which their data are made."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from .text import Json, Texts, members


class Shown:
    """A result with a document for programs.

    Attributes
    ----------
    document : tuple of str
        The members in their order, each the name of an attribute, or a name with the path of its
        attribute: ``account: state.account_id``. By default all fields of a dataclass that its
        repr shows.
    """

    __slots__ = ()
    document: ClassVar[Texts] = ()

    def to_dict(self) -> Json:
        """Return the document as JSON-able data."""
        this: Any = self
        return members(this, *(self.document or (each.name for each in fields(this) if each.repr)))
