"""The panel in a tab of JupyterLab: the extension runs :func:`show_tab` in a kernel that only the
tab uses.

A kernel has one such panel. After the page is reloaded the extension asks again, and the same panel
is shown with what was entered in it. The state of the three locks goes to the status bar through a
comm.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.text import Json
from .base import Link
from .panel import Panel
from .thread_safe import LOCK

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

LOCKS_COMM = "gt_secure.locks"


@dataclass
class _Shown:
    """The panel of this kernel, and where the state of its locks goes."""

    panel: Panel | None = None
    comm: BaseComm | None = None

    def send(self, locks: Json) -> None:
        if self.comm is not None:
            self.comm.send(locks)


_shown = _Shown()


def show_tab(
    *, profile: str = "", region: str = "", team: str = "", bucket: str = "", entries: str = ""
) -> None:
    """Show the panel of this kernel: the one that it has,
    or a new one with these values or former entries.
    """
    from comm import create_comm
    from IPython.display import display

    panel = _shown.panel
    if panel is None or panel.comm is None:  # none yet, or closed with all widgets
        link = Link(profile=profile or None, region=region or None)
        former = json.loads(entries or "{}")
        team, bucket = former.pop("team", team), former.pop("bucket", bucket)
        panel = _shown.panel = Panel(link, team=team or None, bucket=bucket or None)
        for name, value in former.items():
            setattr(panel.allow, name, value)
        panel.observe(lambda change: _shown.send(change["new"]), "locks")
    with LOCK:  # no change of the locks may come between
        if _shown.comm is not None:
            _shown.comm.close()
        _shown.comm = create_comm(target_name=LOCKS_COMM, data=panel.locks)
    display(panel)  # type: ignore[no-untyped-call]
