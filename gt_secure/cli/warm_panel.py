"""Start the kernel of the demo's panel before the page is opened, so that the panel can be used sooner."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request

log = logging.getLogger("gt_secure")

_IMPORTS = (
    "import gt_secure.widgets.lab_tab, gt_secure.connection\ngt_secure.connection.connect().aws.client('sagemaker')"
)
_SESSION = {"path": "gt-secure-demo", "name": "Ground Truth access", "type": "gt_secure", "kernel": {"name": "python3"}}
_TIMEOUT_S = 30


def start_kernel(address: str, token: str) -> threading.Event:
    """Start the kernel in the background; JupyterLab's extension uses a panel session that no page is connected to."""
    settled = threading.Event()
    threading.Thread(target=_try, args=(address, token, settled), name="gt-secure-warm", daemon=True).start()
    return settled


def _try(address: str, token: str, settled: threading.Event) -> None:
    try:
        _start(address, token)
    except Exception as error:  # the page starts a kernel itself
        log.debug("gt_secure: the panel's kernel was not started ahead: %s", type(error).__name__)
    finally:
        settled.set()


def _start(address: str, token: str) -> None:
    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.connect import find_connection_file

    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}api/sessions", json.dumps(_SESSION).encode(), headers)  # noqa: S310 - http on loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback
    with opener.open(request, timeout=_TIMEOUT_S) as reply:
        kernel = str(json.load(reply)["kernel"]["id"])
    client = BlockingKernelClient(connection_file=find_connection_file(kernel))
    client.load_connection_file()
    client.start_channels(stdin=False, hb=False)
    try:
        client.wait_for_ready(timeout=_TIMEOUT_S)
        client.execute(_IMPORTS, silent=True, store_history=False, reply=True, timeout=_TIMEOUT_S)
    finally:
        client.stop_channels()
