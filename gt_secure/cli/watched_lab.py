"""JupyterLab that ends with the program that started it, even a killed one; its standard input is a pipe.

The pipe ends when the other process ends. JupyterLab then stops as on SIGTERM, with its kernels and terminals.
Kernels that it can no longer stop detect that their parent has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_GRACE_S = 10.0


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


def main() -> None:
    """Run JupyterLab with the arguments of the command line."""
    from jupyterlab.labapp import main as lab

    threading.Thread(target=_watch, name="gt-secure-demo-parent", daemon=True).start()
    lab()


if __name__ == "__main__":
    main()
