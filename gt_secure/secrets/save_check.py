"""The secret check of saves: secrets of outputs are masked,
and a notebook with a secret in a source is refused.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from .notebooks import Notebook, SavedSecret, find_secrets, mask_secrets, secrets_of_text

_log = logging.getLogger("gt_secure")
_NEXT = "Remove that from the notebook, and save again."


class SecretInNotebook(ValueError):
    """A notebook is not saved, because it holds a secret; the message names the place,
    never the secret.
    """


class SaveCheck:
    """Mask the secrets of a notebook before a Jupyter server saves it, or refuse to save it.

    The sources of cells are never changed: a notebook with a secret in a source is refused. It logs
    where a secret was.

    Parameters
    ----------
    strict : bool
        Refuse to save a notebook with a secret anywhere. By default the secrets of outputs,
        metadata and widget state are replaced with ``***``.
    accepted : iterable of str
        Ids of secrets that may stay (:attr:`SavedSecret.id`).

    Examples
    --------
    In ``jupyter_server_config.py``, for every save through the server:

    >>> c.FileContentsManager.pre_save_hook = SaveCheck().before_save  # doctest: +SKIP
    """

    refusals: tuple[type[Exception], ...] = (SecretInNotebook,)
    """Errors that :meth:`check` raises."""

    def __init__(self, *, strict: bool = False, accepted: Iterable[str] = ()) -> None:
        self.strict = strict
        self._ids = frozenset(accepted)
        self._told: set[str] = set()

    def keeps(self, secret: SavedSecret) -> bool:
        """Return whether a secret may stay."""
        return secret.id in self._ids

    def refusal(self, text: str, next_step: str) -> Exception:
        """Return the error of a notebook that is refused."""
        return SecretInNotebook(f"{text} {next_step}")

    def check(self, book: Notebook, name: str) -> list[SavedSecret]:
        """Mask the secrets of a notebook of format 4 in place and return them, or refuse it by its
        name.

        Raises
        ------
        SecretInNotebook
            If there is a secret in the source of a cell; with ``strict``, if there is one anywhere.
        """
        found = self._wanted(find_secrets(book))
        masked = (
            mask_secrets(book, sources=False, keep=self.keeps) if found and not self.strict else []
        )
        self._refuse(
            self._wanted(find_secrets(book)) if masked else found,
            f"{name} is not saved",
            "The first cell is 0.",
        )
        if masked:
            _log.warning("%s is saved without secrets. Masked: %s.", name, named(masked))
        return masked

    def _wanted(self, found: list[SavedSecret]) -> list[SavedSecret]:
        return [each for each in found if not self.keeps(each)]

    def _refuse(self, found: list[SavedSecret], text: str, hint: str = "") -> None:
        if found:
            raise self.refusal(f"{text}: it holds {named(found)}. {hint}".strip(), _NEXT)

    def _tell_unsearched(self, path: str) -> None:
        """Log once for each ending that files with it are not searched."""
        ending = PurePath(path).suffix.lower()
        if ending not in self._told:
            self._told.add(ending)
            files = f"Files that end in {ending}" if ending else "Files without an ending"
            _log.warning("%s are saved, and not searched for secrets.", files)

    def before_save(self, model: dict[str, Any], path: str = "", **_: Any) -> None:
        """Check what a Jupyter server is about to save: a ``pre_save_hook``.

        Notebooks are checked, also those that an editor or jupytext saves as text. The log names
        each kind of other file once, because no secret was looked for in it.

        Raises
        ------
        tornado.web.HTTPError
            If :meth:`check` refuses the notebook. JupyterLab shows its message.
        """
        content = model.get("content")
        is_text = (
            model.get("type") == "file"
            and isinstance(content, str)
            and path.lower().endswith(".ipynb")
        )
        book = parsed(content) if is_text else content if model.get("type") == "notebook" else None
        try:
            # its metadata
            searched = not isinstance(book, dict) if is_text else "jupytext" in str(content)[:4000]
            if isinstance(content, str) and searched:
                secrets = secrets_of_text(content, path.rpartition("/")[2] or "the text")
                self._refuse(self._wanted(secrets), f"{path or 'The text'} is not saved")
            elif book is None and model.get("type") == "file":
                self._tell_unsearched(path)
            if not isinstance(book, dict):
                return
            if self.check(book, path or "The notebook") and is_text:
                model["content"] = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
        except self.refusals as error:
            from tornado.web import HTTPError

            raise HTTPError(403, str(error).replace("%", "%%"), reason=str(error)[:200]) from error


def named(found: Iterable[SavedSecret], most: int = 5) -> str:
    """Return the kinds and places of secrets in words: the first of them,
    and how many more there are.
    """
    words = list(dict.fromkeys(map(str, found)))
    return ", ".join(words[:most]) + (
        f" and {len(words) - most:,} more" if len(words) > most else ""
    )


def parsed(text: Any) -> Any:
    """Return the notebook in a text; None if it is not JSON yet."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
