"""A real kernel: notebooks, cells, presses of a button as a page sends them,
and interrupts after a while.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbclient
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from traitlets import Integer

START_S = 280
"""Less than a test may hang: a kernel that lives is waited for,
and one that has died is noticed before.
"""
NBVAL = ("--nbval-lax", "--nbval-current-env", f"--nbval-kernel-startup-timeout={START_S}")
"""Options with which tests run nbval."""
_DIED = "Kernel died before replying to kernel_info"
_STARTS = 3


def run_notebooks(
    command: Sequence[str | Path], **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program that starts kernels; up to twice more where a kernel died before its first
    cell.

    jupyter_client chooses free ports and lets them go. Until the kernel opens them, any other
    process may take one.
    """
    for _ in range(_STARTS):
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if _DIED not in done.stdout + done.stderr:
            break
    return done


class NotebookClient(nbclient.NotebookClient):
    """A client that waits for a kernel and for the outputs of a cell:
    after four seconds nbclient drops these.
    """

    startup_timeout = Integer(START_S).tag(config=True)
    iopub_timeout = Integer(START_S).tag(config=True)


class RunningKernel:
    """A kernel of this environment, ready for requests;
    the variables of this process are its own.
    """

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START_S)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


class Kernel(RunningKernel):
    """A kernel that runs cells one by one."""

    def __init__(self) -> None:
        super().__init__()
        # a warm one is no child of ours
        self.pid = int(self.run("import os; print(os.getpid())")[0])

    def interrupt(self) -> None:
        """Send the signal that *Interrupt* sends."""
        os.kill(self.pid, signal.SIGINT)

    def run(self, code: str, *, interrupt_after_s: float | None = None) -> tuple[str, str]:
        """Run a cell; return what it printed and showed as text,
        and the traceback as a person reads it.
        """
        return self._wait(self.client.execute(code), interrupt_after_s)

    def press(self, model: str, *, interrupt_after_s: float | None = None) -> None:
        """Press the button of a widget, and wait until its handler has returned."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": model, "data": data})
        self.client.shell_channel.send(message)
        self._wait(message["header"]["msg_id"], interrupt_after_s)

    def _wait(self, asked: str, interrupt_after_s: float | None) -> tuple[str, str]:
        shown, failed, timer = "", "", None
        while True:
            answer: dict[str, Any] = self.client.get_iopub_msg(timeout=START_S)
            kind, content = answer["header"]["msg_type"], answer["content"]
            if answer["parent_header"].get("msg_id") != asked:
                continue
            if (
                kind == "status"
                and content["execution_state"] == "busy"
                and interrupt_after_s is not None
            ):
                timer = threading.Timer(interrupt_after_s, self.interrupt)
                timer.start()
            if kind == "status" and content["execution_state"] == "idle":
                break
            shown += content.get("text", "") + content.get("data", {}).get("text/plain", "")
            failed = (
                re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content.get("traceback", ()))) or failed
            )
        if timer is not None:
            timer.join()
        return shown, failed
