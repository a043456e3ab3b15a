"""The secret check where no person is asked: scheduled runs, headless runs,
and a Jupyter server of many people.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import signal
from typing import Any

from ..base.errors import GtSecureError
from ..base.text import Json
from ..findings.accepted import AcceptedLike, read_accepted
from ..secrets import SavedSecret
from ..secrets.save_check import SaveCheck
from .notebooks import is_accepted, require_run


class SecretCheck(SaveCheck):
    """Mask the secrets of a notebook before it is saved, or refuse to save it.

    It finds what :func:`no_secret_saved` finds, and logs what was where; never the secret. Nobody
    watches, so the sources of cells are never changed: a notebook with a secret in a source is
    refused.

    Parameters
    ----------
    strict : bool
        Refuse to save a notebook with a secret anywhere. By default the secrets of outputs,
        metadata and widget state are replaced with ``***``.
    accepted : path or iterable, optional
        Accepted secrets, which stay: as for :func:`no_secret_saved`.

    Examples
    --------
    In ``jupyter_server_config.py``, for every save through the server:

    >>> c.FileContentsManager.pre_save_hook = SecretCheck().before_save  # doctest: +SKIP

    With nbclient:

    >>> check = SecretCheck()
    >>> NotebookClient(book, on_notebook_complete=check.after_run).execute()  # doctest: +SKIP

    With papermill: ``papermill in.ipynb out.ipynb --engine gt_secure``.
    """

    refusals = (GtSecureError,)

    def __init__(self, *, strict: bool = False, accepted: AcceptedLike | None = None) -> None:
        super().__init__(strict=strict)
        self._accepted = read_accepted(accepted)

    def keeps(self, secret: SavedSecret) -> bool:
        """Return whether a secret may stay."""
        return is_accepted(secret, self._accepted)

    def refusal(self, text: str, next_step: str) -> Exception:
        """Return the error of a notebook that is refused."""
        return GtSecureError(text, next_step=next_step)

    def after_run(self, notebook: Json, **_: Any) -> None:
        """Check a notebook that nbclient has run: its ``on_notebook_complete``. Every promised
        check must have passed.

        Raises
        ------
        GtSecureError
            If :meth:`check` refuses the notebook; its outputs are masked even then.
        CheckFailed
            If a check that the notebook promises did not run, or did not pass.
        """
        try:
            self.check(notebook, "The notebook")
            require_run(notebook, notebook, "The notebook", of_checks=True)
        except BaseException:
            _finish_nbclient()
            raise


def _finish_nbclient() -> None:
    """Undo what nbclient undoes only after its hook has returned: its signal handlers and its
    cleanup at exit.

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
    # Windows has no such handlers, and no other thread has them
    with contextlib.suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
