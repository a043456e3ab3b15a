"""Let this process stand at the address of ``$FROM``: each of its connections is bound to it,
whatever opens it.
"""

import os
import socket

_create = socket.socket.connect


def _connect(self: socket.socket, address: object) -> None:
    if self.family == socket.AF_INET and os.environ.get("FROM"):
        self.bind((os.environ["FROM"], 0))
    _create(self, address)


socket.socket.connect = _connect
