"""Address of the demo's JupyterLab: on this machine, or through the proxy of another JupyterLab.

A Studio browser reaches no port of the Studio machine, but jupyter-server-proxy forwards
``BASE/proxy/absolute/PORT/`` with the path unchanged. So the demo's JupyterLab gets that path as its own base URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import InvalidInput, refuse_url

_PAGE = re.compile(r"/(?:lab|tree|notebooks|edit|proxy)(?:/.*)?$")


@dataclass(frozen=True, slots=True)
class Place:
    """Location of the demo's JupyterLab for a browser.

    Attributes
    ----------
    origin : str
        Scheme and host of the other JupyterLab; empty when only its path is known.
    base : str
        Base URL of the other JupyterLab, without a slash at the end; None for a JupyterLab on this machine.
    """

    origin: str
    base: str | None

    def path(self, port: int) -> str:
        """Return the base URL of the demo's JupyterLab."""
        return "/" if self.base is None else f"{self.base}/proxy/absolute/{port}/"

    def address(self, port: int) -> str:
        """Return the address for a browser, or the path where the host is not known."""
        return f"http://127.0.0.1:{port}/" if self.base is None else f"{self.origin}{self.path(port)}"

    def options(self, port: int) -> dict[str, object]:
        """Return JupyterLab's options for requests that the proxy passes on with its own host name."""
        if self.base is None:
            return {}
        allowed = {"ServerApp.allow_origin": self.origin} if self.origin else {}
        return {
            "ServerApp.base_url": self.path(port),
            "ServerApp.allow_remote_access": True,
            "IdentityProvider.cookie_name": f"gt-secure-demo-{port}",  # the same host sets a cookie of the usual name
            **allowed,
        }


LOCAL = Place("", None)


def proxied(url: str) -> Place:
    """Return the place behind another JupyterLab.

    Parameters
    ----------
    url : str
        Its address as the browser shows it, or its path, such as ``/jupyterlab/default``.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    refuse_url(url, "base_url", "an address of JupyterLab")
    parts = urlsplit(url.strip())
    is_address = parts.scheme in ("http", "https") and bool(parts.netloc)
    is_path = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    if not (is_address or is_path) or not re.fullmatch(r"[\w./~%@+-]*", parts.path) or parts.username:
        raise InvalidInput(
            "The base URL is not an address of JupyterLab, or it has a user name.",
            next_step="Give the address that the browser shows, or its path: --base-url /jupyterlab/default",
            field="base_url",
        )
    base = _PAGE.sub("", parts.path).rstrip("/")
    return Place(f"{parts.scheme}://{parts.netloc}" if is_address else "", base)
