"""The secret check where no person is asked: scheduled runs, headless runs, and a Jupyter server of many people."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import json
import logging
import signal
from typing import Any

from ..base.errors import GtSecureError
from ..base.text import some
from ..findings.accepted import AcceptedLike, read_accepted
from ..secrets import SavedSecret, find_secrets, mask_secrets, secrets_of_text
from .notebooks import is_accepted, require_run

_log = logging.getLogger("gt_secure")


class SecretCheck:
    """Mask the secrets of a notebook before it is saved, or refuse to save it.

    It finds what :func:`no_secret_saved` finds, and logs what was where; never the secret. Nobody watches, so the
    sources of cells are never changed: a notebook with a secret in a source is refused.

    Parameters
    ----------
    strict : bool
        Refuse to save a notebook with a secret anywhere. By default the secrets of outputs, metadata and widget state
        are replaced with ``***``.
    accepted : path or iterable, optional
        Accepted secrets, which stay: as for :func:`no_secret_saved`.

    Examples
    --------
    In ``jupyter_server_config.py``, for every save through the server:

    >>> c.FileContentsManager.pre_save_hook = SecretCheck().before_save  # doctest: +SKIP

    With nbclient:

    >>> NotebookClient(book, on_notebook_complete=SecretCheck().after_run).execute()  # doctest: +SKIP

    With papermill: ``papermill in.ipynb out.ipynb --engine gt_secure``.
    """

    def __init__(self, *, strict: bool = False, accepted: AcceptedLike | None = None) -> None:
        self.strict = strict
        self._accepted = read_accepted(accepted)

    def check(self, book: dict[str, Any], name: str) -> list[SavedSecret]:
        """Mask the secrets of a notebook of format 4 in place and return them, or refuse it by its name.

        Raises
        ------
        GtSecureError
            If there is a secret in the source of a cell; with ``strict``, if there is one anywhere.
        """
        found = self._wanted(find_secrets(book))
        masked = mask_secrets(book, sources=False, keep=self._keeps) if found and not self.strict else []
        self._refuse(
            self._wanted(find_secrets(book)) if masked else found, f"{name} is not saved", "The first cell is 0."
        )
        if masked:
            _log.warning("%s is saved without secrets. Masked: %s.", name, _named(masked))
        return masked

    def _keeps(self, secret: SavedSecret) -> bool:
        return is_accepted(secret, self._accepted)

    def _wanted(self, found: list[SavedSecret]) -> list[SavedSecret]:
        return [each for each in found if not self._keeps(each)]

    def _refuse(self, found: list[SavedSecret], said: str, hint: str = "") -> None:
        if found:
            said = f"{said}: it holds {_named(found)}. {hint}".strip()
            raise GtSecureError(said, next_step="Remove that from the notebook, and save again.")

    def before_save(self, model: dict[str, Any], path: str = "", **_: Any) -> None:
        """Check what a Jupyter server is about to save: a ``pre_save_hook``.

        Notebooks are checked, also those that an editor or jupytext saves as text.

        Raises
        ------
        tornado.web.HTTPError
            If :meth:`check` refuses the notebook. JupyterLab shows its message.
        """
        content = model.get("content")
        is_text = model.get("type") == "file" and isinstance(content, str) and path.lower().endswith(".ipynb")
        book = _parsed(content) if is_text else content if model.get("type") == "notebook" else None
        try:
            searched = not isinstance(book, dict) if is_text else "jupytext" in str(content)[:4000]  # its metadata
            if isinstance(content, str) and searched:
                secrets = secrets_of_text(content, path.rpartition("/")[2] or "the text")
                self._refuse(self._wanted(secrets), f"{path or 'The text'} is not saved")
            if not isinstance(book, dict):
                return
            if self.check(book, path or "The notebook") and is_text:
                model["content"] = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
        except GtSecureError as error:
            from tornado.web import HTTPError

            raise HTTPError(403, str(error).replace("%", "%%"), reason=str(error)[:200]) from error

    def after_run(self, notebook: dict[str, Any], **_: Any) -> None:
        """Check a notebook that nbclient has run: its ``on_notebook_complete``. Every promised check must have passed.

        Raises
        ------
        GtSecureError
            If :meth:`check` refuses the notebook; its outputs are masked all the same.
        CheckFailed
            If a check that the notebook promises did not run, or did not pass.
        """
        try:
            self.check(notebook, "The notebook")
            require_run(notebook, "The notebook")
        except BaseException:
            _finish_nbclient()
            raise


def _finish_nbclient() -> None:
    """Undo what nbclient undoes only after its hook has returned: its signal handlers and its cleanup at exit.

    Without this, a process that catches the refusal would ignore Ctrl-C and SIGTERM from then on.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != "nbclient.client":
        frame = frame.f_back
    if frame is None:  # the caller is not nbclient, so the handlers of this loop are not nbclient's
        return
    client: Any = frame.f_locals.get("self")
    with contextlib.suppress(AttributeError):  # another nbclient than the one that was read
        atexit.unregister(client._cleanup_kernel)
    with contextlib.suppress(RuntimeError):  # Windows has no such handlers, and no other thread has them
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


def _named(found: list[SavedSecret]) -> str:
    return some(list(dict.fromkeys(map(str, found))))


def _parsed(text: Any) -> Any:
    """Return the notebook in a text; None if it is not JSON yet."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
