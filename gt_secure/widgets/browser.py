"""Actions of the person's own browser: copy the URL, and fetch it from their network. Needs anywidget.

The URL travels by custom message, on demand: it is in no trait. The browser keeps neither the URL nor the object: the
URL asks S3 for ``no-store``, the object is loaded past the cache, and the page's list of loaded resources is cleared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

from .. import html as markup
from ..optional import install_command
from .thread_safe import Html, ThreadSafe


def browser_part(reveal: Callable[[], str], answered: Callable[[dict[str, Any]], None]) -> Any:
    """The browser part, or the sentence that says what is missing; it ignores what the browser part is told."""
    try:
        kind = _kind()
    except ImportError:
        missing = f'Copy and "Probe from this browser" need anywidget. Run "{install_command("anywidget")}", then '
        return Html(markup.hint(f"{missing}reload this page."))
    return kind(reveal, answered)


@cache
def _kind() -> type:
    import anywidget
    import traitlets

    class BrowserPart(ThreadSafe, anywidget.AnyWidget):
        """Buttons that act in the browser; they ask the kernel for the URL when pressed."""

        _esm = (resources.files(__package__) / "browser.js").read_text(encoding="utf-8")

        ready = traitlets.Bool(False).tag(sync=True)
        """Return whether there is a URL to act on."""

        def __init__(self, reveal: Callable[[], str], answered: Callable[[dict[str, Any]], None]) -> None:
            self._reveal, self._answered = reveal, answered
            super().__init__()
            self.on_msg(self._on_message)

        def __repr__(self) -> str:
            return "<gt_secure browser part>"

        def _on_message(self, _: Any, content: Any, __: Any) -> None:
            if not isinstance(content, dict):
                return
            kind = content.get("kind")
            if kind in ("copy", "probe"):
                try:
                    self.send({"kind": "url", "id": content.get("id"), "url": self._reveal()})
                except ValueError as error:
                    self.send({"kind": "error", "id": content.get("id"), "text": str(error)})
            elif kind == "seen":
                self._answered({key: content.get(key) for key in ("image", "status", "code", "ms")})

    return BrowserPart
