"""The panel on a sandbox, from one notebook cell:
for an environment that must not get the sandbox's packages.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import sandbox, widgets
from ..connection import Connection, connect
from ..explain.expectation_log import Scenes
from ..restriction.model import Restriction

if TYPE_CHECKING:
    from ..sandbox import Sandbox
    from ..widgets import Panel

TEAM, BUCKET, PREFIX = "open-team", "gt-images", "scans/"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
APPLICATION_BUCKET, _MODEL = (
    "ml-artifacts",
    "mlflow/1/0af31b2c4d5e4f708192a3b4c5d6e7f8/artifacts/model.pkl",
)
_OPENED = (("0001", OFFICE, ELSEWHERE), ("0002", OFFICE, None), ("0003", "203.0.113.21", None))
"""Objects, the workers who open their tasks, and who uses their URL from another address."""

_current: Demo | None = None


class Demo:
    """A running sandbox, a connection to it, and the panel.

    In a notebook it shows itself as the panel. It ends with the kernel.

    Attributes
    ----------
    sandbox : Sandbox
        The running sandbox.
    connection : Connection
        A connection to it. Your own AWS configuration is not used.
    panel : Panel
        The panel on that connection.
    """

    def __init__(self, sandbox: Sandbox, connection: Connection, panel: Panel) -> None:
        self.sandbox = sandbox
        self.connection = connection
        self.panel = panel

    def stop(self) -> None:
        """Stop the sandbox, with everything in it."""
        global _current
        self.sandbox.stop()
        if _current is self:
            _current = None

    def __repr__(self) -> str:
        return f"<Demo of gt_secure: {self.sandbox!r}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.panel._repr_mimebundle_(**options)


def demo(
    *, python: str | Path | None = None, progress: Callable[[str], None] | None = None
) -> Demo:
    """Show the panel on a sandbox, without an AWS account, in this notebook.

    The sandbox runs in a separate environment, which the first call makes
    (:func:`gt_secure.sandbox.install`): no package of this one changes. It has workteams, images,
    the bucket of an application (``ml-artifacts``), and requests in the access logs. A second call
    returns the same demo.

    Parameters
    ----------
    python : str or Path, optional
        Interpreter of an environment that has the sandbox's packages, where none can be made here.
    progress : callable, optional
        Receives lines of text; printed by default.

    Returns
    -------
    Demo
        Shows itself as the panel; ``demo.connection`` is for calls from other cells.

    Raises
    ------
    GtSecureError
        If the environment cannot be made, or the sandbox does not start.

    Examples
    --------
    >>> demo = gt_secure.demo()  # doctest: +SKIP
    >>> demo  # doctest: +SKIP
    """
    global _current
    if _current is not None and _current.sandbox.is_running:
        return _current
    running = sandbox.shared_sandbox(progress, python=python)
    try:
        connection = connect(sandbox=running)
        # Let workers do a small labeling job, and let one URL be forwarded: the access log gets
        # its first requests.
        tasks = [{"source-ref": f"s3://{BUCKET}/{PREFIX}{name}.png"} for name, _, _ in _OPENED]
        sandbox.create_job(connection.aws, TEAM, tasks=tasks)
        for name, worker, forwarded_to in _OPENED:
            url = sandbox.open_task(connection.aws, TEAM, f"{PREFIX}{name}.png", worker)
            sandbox.submit_task(connection.aws, TEAM, f"{PREFIX}{name}.png", worker)
            for source in (worker, forwarded_to):
                if source is not None:
                    connection.probe(url, source)
        shown = widgets.panel(
            connection,
            team=TEAM,
            bucket=BUCKET,
            prefix=PREFIX,
            addresses=["203.0.113.0/24"],
        )
    except BaseException:
        running.stop()
        raise
    _current = Demo(running, connection, shown)
    return _current


def application_scenes(connection: Connection) -> Scenes:
    """Guard the bucket of an application, and use a URL that is signed as MLflow does,
    before and after.
    """
    scenes = Scenes()
    s3 = connection.aws.client("s3")
    named = {
        "Bucket": APPLICATION_BUCKET,
        "Key": _MODEL,
        "ResponseContentDisposition": "attachment",
    }
    for guarded, moment in enumerate(("before", "guarded")):
        if guarded:
            wish = Restriction(
                bucket=APPLICATION_BUCKET, addresses=["203.0.113.0/24"], application="mlflow"
            )
            connection.apply(connection.plan(wish, logs=False))
        url = s3.generate_presigned_url("get_object", Params=named, ExpiresIn=300)
        inside, outside = connection.probe(url, OFFICE), connection.probe(url, ELSEWHERE)
        scenes.add(f"MLflow, {moment}: a download in the office", inside, "opened")
        scenes.add(
            f"MLflow, {moment}: the same URL outside", outside, "refused" if guarded else "opened"
        )
    shared = connection.sign(APPLICATION_BUCKET, _MODEL, viewer="anna")
    scenes.add(
        "anna's URL, used from another network", connection.probe(shared, ELSEWHERE), "refused"
    )
    return scenes
