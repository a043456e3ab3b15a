"""Results that name the members of their document, from which their data are made."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from .text import Json, Texts, members, printable


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

    def __repr__(self) -> str:
        """Return its text on one line: of a dataclass, where that makes no repr."""
        return f"<{type(self).__name__}: {printable(' '.join(str(self).split()))}>"

    def to_dict(self) -> Json:
        """Return the document as JSON-able data."""
        this: Any = self
        return members(this, *(self.document or (each.name for each in fields(this) if each.repr)))
