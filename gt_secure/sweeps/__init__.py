"""A sweep: the locks, exposure and findings of every private team in many accounts and regions. It changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .accounts import Account, read_accounts
    from .regions import DEFAULT_REGIONS, parse_regions
    from .result import Sweep
    from .role import role_stackset, role_terraform
    from .row import SweepRow
    from .runner import sweep
    from .spec import SweepSpec, load_sweep

__all__ = [
    "DEFAULT_REGIONS",
    "Account",
    "Sweep",
    "SweepRow",
    "SweepSpec",
    "load_sweep",
    "parse_regions",
    "read_accounts",
    "role_stackset",
    "role_terraform",
    "sweep",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "DEFAULT_REGIONS": ".regions",
        "Account": ".accounts",
        "Sweep": ".result",
        "SweepRow": ".row",
        "SweepSpec": ".spec",
        "load_sweep": ".spec",
        "parse_regions": ".regions",
        "read_accounts": ".accounts",
        "role_stackset": ".role",
        "role_terraform": ".role",
        "sweep": ".runner",
    },
)
