"""The variables that make any AWS client use a sandbox, and nothing of the person's own configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .settings import REGION, Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_OVERRULE = {
    "AWS_PROFILE": "default",
    "AWS_DEFAULT_PROFILE": "default",
    "AWS_SESSION_TOKEN": "",
    "AWS_SECURITY_TOKEN": "",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    "AWS_USE_FIPS_ENDPOINT": "false",
    "AWS_USE_DUALSTACK_ENDPOINT": "false",
}
_PER_SERVICE = "AWS_ENDPOINT_URL_"


def prepare(folder: Path, access_key: str, secret_key: str, region: str) -> dict[str, str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("journal", "cache"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    _write(folder / "config", f"[default]\nregion = {region}\n")
    keys = f"aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n"
    _write(folder / "credentials", f"[default]\n{keys}")
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "GT_SECURE_JOURNAL": str(folder / "journal"),
        "GT_SECURE_CACHE": str(folder / "cache"),
    }


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def overruled(sandbox: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    more = {name: value for name, value in _OVERRULE.items() if environment.get(name)}
    endpoint = sandbox["AWS_ENDPOINT_URL"]
    more |= {name: endpoint for name in environment if name.startswith(_PER_SERVICE)}
    given = f"{environment.get('NO_PROXY', '')},{environment.get('no_proxy', '')}".split(",")
    direct = ",".join(dict.fromkeys([*_LOOPBACK, *(name.strip() for name in given if name.strip())]))
    return {**sandbox, **more, "NO_PROXY": direct, "no_proxy": direct}


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
        own = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **self.files,
        }
        return overruled(own, os.environ)


def host_of(settings: Settings) -> str:
    return "127.0.0.1" if settings.host == "localhost" else settings.host


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
