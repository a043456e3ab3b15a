"""JupyterLab that ends with the program that started it, even a killed one; its standard input is a
pipe.

The pipe ends when the other process ends. JupyterLab then stops as on SIGTERM, with its kernels and
terminals. Kernels that it can no longer stop detect that their parent has ended.
"""

from __future__ import annotations

import os
import signal
import time

from gt_secure.sandbox import parent

_GRACE_S = 10.0


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


def main() -> None:
    """Run JupyterLab until it or its parent process ends."""
    from jupyterlab.labapp import main as lab

    parent.on_end(_stop, name="gt-secure-demo-parent")
    lab()


if __name__ == "__main__":
    main()
