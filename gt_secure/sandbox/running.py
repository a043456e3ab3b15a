"""A sandbox that runs: where it is, and how clients call it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import client_environment
from .settings import REGION, Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is ready: where it is and how to call it."""

    endpoint_url: str
    public: tuple[str, int]
    endpoint: tuple[str, int]
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    container_url: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that make any AWS client use the sandbox, and nothing else of this environment."""
        own = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self.files,
        }
        return client_environment.overruled(own, os.environ)


def host_of(settings: Settings) -> str:
    """Return the address to listen on."""
    return "127.0.0.1" if settings.host == "localhost" else settings.host


def url_of(host: str, port: int) -> str:
    """Return the URL of a listener."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
