"""Sandbox configuration, validated before start-up."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass

from ..base.errors import InvalidInput

REGION = "us-east-1"
ACCOUNT = "111122223333"
"""Account id unless the settings name another one."""
ADMIN_USER = "sandbox-admin"
VPC_ID = "vpc-0a1b2c3d"
S3_ENDPOINT_ID = "vpce-0a1b2c3d4e5f60718"
OTHER_S3_ENDPOINT_ID = "vpce-0fedcba9876543210"
"""The S3 endpoint of a second VPC, which has the same private addresses as the first."""
TRAIL_OF = "gt-images"
"""The bucket whose data events CloudTrail records."""

MAX_DELAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Configuration of one sandbox; :class:`Sandbox` describes the members."""

    host: str = "127.0.0.1"
    port: int = 0
    log_delay_s: float = 2.0
    workforce_delay_s: float = 1.0
    seed: str | None = "demo"
    account: str = ACCOUNT
    container_host: str | None = None

    def checked(self) -> Settings:
        """Return self, or raise :class:`InvalidInput` for a value that cannot be used."""
        check_loopback(self.host)
        if self.container_host is not None:
            _check_private(self.container_host)
        _check_range("port", self.port, 0, 65535)
        for name in ("log_delay_s", "workforce_delay_s"):
            _check_range(name, getattr(self, name), 0, MAX_DELAY_S)
        if self.seed not in ("demo", None):
            raise InvalidInput(
                f"'{self.seed}' is not a seed.", next_step="Use 'demo' or None.", field="seed"
            )
        if not (self.account.isascii() and self.account.isdigit() and len(self.account) == 12):
            raise InvalidInput(
                f"{self.account!r} is not an account id.",
                next_step="Give twelve digits, for example 111122223333.",
                field="account",
                value=self.account,
            )
        return self

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read settings from :meth:`to_json`."""
        return cls(**json.loads(text))


_account = ACCOUNT


def use_account(account: str) -> None:
    """Set the account that the sandbox is."""
    global _account
    _account = account


def account_id() -> str:
    """Return the account that the sandbox is."""
    return _account


def check_loopback(host: str) -> None:
    """Refuse any host that other machines could reach:
    the sandbox trusts whoever calls about where they come from.
    """
    if host == "localhost":
        return
    address = _address(host)
    if address is None or not address.is_loopback:
        raise InvalidInput(
            f"'{host}' is not a loopback address; the sandbox serves this machine only.",
            next_step=(
                "Use 127.0.0.1, ::1 or localhost, or leave the host out. For containers, add"
                " --container-host."
            ),
            field="host",
            value=host,
        )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_private(host: str) -> None:
    """Refuse an address for containers that the internet could reach,
    and the one that means every address.
    """
    address = _address(host)
    if address is None or not address.is_private or address.is_loopback or address.is_unspecified:
        raise InvalidInput(
            f"'{host}' is not a private address of this machine.",
            next_step=(
                "Give the address of the bridge that your containers are on, for example"
                " 172.17.0.1."
            ),
            field="container_host",
            value=host,
        )


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidInput(
            f"{name} must be from {low:g} to {high:g}, not {value}.",
            next_step="Choose another number.",
            field=name,
            value=value,
        )
