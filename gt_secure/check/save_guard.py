"""The save guard where no person is asked: scheduled runs, headless runs, and a Jupyter server of many people."""

from __future__ import annotations

import logging
from typing import Any

from ..errors import GtSecureError
from ..secrets import SavedSecret, find_secrets, mask_secrets
from .result import some

_log = logging.getLogger("gt_secure")


class SaveGuard:
    """Mask the secrets of a notebook before it is saved, or refuse to save it.

    It finds what :func:`no_secret_saved` finds, and logs what was where; never the secret.

    Parameters
    ----------
    strict : bool
        Refuse to save a notebook with a secret. By default its secrets are replaced with ``***``.

    Examples
    --------
    In ``jupyter_server_config.py``, for every save through the server:

    >>> c.FileContentsManager.pre_save_hook = SaveGuard().before_save  # doctest: +SKIP

    With nbclient:

    >>> NotebookClient(book, on_notebook_complete=SaveGuard().after_run).execute()  # doctest: +SKIP

    With papermill: ``papermill in.ipynb out.ipynb --engine gt_secure``.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict

    def check(self, book: dict[str, Any], name: str) -> list[SavedSecret]:
        """Mask the secrets of a notebook in place, or refuse it.

        Parameters
        ----------
        book : dict
            A notebook of format 4, also as nbformat's ``NotebookNode``.
        name : str
            The name of the notebook, for messages.

        Returns
        -------
        list of SavedSecret
            What was masked.

        Raises
        ------
        GtSecureError
            With ``strict``, if there is a secret.
        """
        found = find_secrets(book) if self.strict else mask_secrets(book)
        if not found:
            return []
        named = some([f"{each.what} (in {each.place})" for each in found])
        if self.strict:
            raise GtSecureError(
                f"{name} is not saved: it holds {named}.", next_step="Remove that from the notebook, and save again."
            )
        _log.warning("%s is saved without secrets. Masked: %s.", name, named)
        return found

    def before_save(self, model: dict[str, Any], path: str = "", **_: Any) -> None:
        """Check what a Jupyter server is about to save: a ``pre_save_hook``.

        Parameters
        ----------
        model : dict
            The model of the contents API. Only notebooks are checked.
        path : str
            Where it is saved.

        Raises
        ------
        tornado.web.HTTPError
            With ``strict``, if there is a secret. JupyterLab shows its message.
        """
        book = model.get("content")
        if model.get("type") != "notebook" or not isinstance(book, dict):
            return
        try:
            self.check(book, path or "The notebook")
        except GtSecureError as error:
            from tornado.web import HTTPError

            raise HTTPError(403, str(error).replace("%", "%%"), reason=str(error)[:200]) from error

    def after_run(self, notebook: dict[str, Any], **_: Any) -> None:
        """Check a notebook that nbclient has run: its ``on_notebook_complete``.

        Parameters
        ----------
        notebook : NotebookNode
            The notebook with its outputs and widget state.

        Raises
        ------
        GtSecureError
            With ``strict``, if there is a secret.
        """
        self.check(notebook, "The notebook")
