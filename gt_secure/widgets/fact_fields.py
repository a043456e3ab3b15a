"""A field for each condition key that a plan does not know: its value makes the answer opened or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import ipywidgets

from .. import html as markup
from ..errors import refuse_url
from ..iam.condition_keys import is_multivalued, key_facts
from ..iam.facts import check_facts
from .base import Box, Html, field

_LONGEST = 300


class FactFields(Box):
    """One field for each unknown key, below the answers that depend on it.

    A key whose value was typed keeps its field, so that the value can be corrected or taken out.
    """

    shown_as = "facts"

    def __init__(self, changed: Callable[[], object], check: Callable[[Callable[[], object]], None]) -> None:
        self._changed = changed
        self._check = check
        self._values: dict[str, tuple[str, ...]] = {}
        self.inputs: dict[str, ipywidgets.Text] = {}
        super().__init__()
        self.add_class("gts-stack")

    @property
    def context(self) -> Mapping[str, Sequence[str]]:
        """The typed facts, for ``context=`` of a plan."""
        return dict(self._values)

    def show(self, unknown: Iterable[str]) -> None:
        """Show a field for each unknown key, and for each key that has a value."""
        keys = list(dict.fromkeys([*self._values, *unknown]))
        if keys == list(self.inputs):
            return
        for key in self.inputs.keys() - set(keys):
            self.inputs.pop(key).close()
        self.inputs = {key: self.inputs.get(key) or self._input(key) for key in keys}
        hint = markup.hint("Some answers are unknown. Type the values that you know; the change is planned again.")
        self.children = (Html(hint), *self.inputs.values()) if keys else ()

    def _input(self, key: str) -> ipywidgets.Text:
        several = is_multivalued(key.lower())
        made = field(
            ipywidgets.Text,
            key[:_LONGEST],
            placeholder="values, separated by commas" if several else _example(key),
            continuous_update=False,
        )
        made.observe(lambda change: self._check(lambda: self._set(key, change["new"], made)), "value")
        return made

    def _set(self, key: str, text: str, shown: ipywidgets.Text) -> None:
        """Keep the value of a key; raises :class:`InvalidInput` for one that the key cannot have."""
        try:
            refuse_url(text, "facts", f"a value of {key}")
        except Exception:
            shown.value = ""  # a presigned URL never stays in the state of a widget
            raise
        parts = text.split(",") if is_multivalued(key.lower()) else [text]
        values = [part.strip() for part in parts if part.strip()]
        before = self._values.pop(key, ())
        if values:
            [(name, checked)] = check_facts({key: values}).items()
            self._values[name] = checked
        if self._values.get(key, ()) != before:
            self._changed()


def _example(key: str) -> str:
    facts = key_facts(key.lower(), key)
    if facts.values:
        return " or ".join(facts.values)
    return "o-abc123" if facts.like == "o-?*" else "111122223333" if facts.like == "?" * 12 else "value"
