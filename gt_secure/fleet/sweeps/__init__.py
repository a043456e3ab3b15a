"""A sweep: the locks, exposure and findings of every private team in many accounts and regions.
It changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.lazy import attach

if TYPE_CHECKING:
    from .accounts import (
        DEFAULT_REGIONS as DEFAULT_REGIONS,
        Account as Account,
        SweepSpec as SweepSpec,
        load_sweep as load_sweep,
        parse_regions as parse_regions,
        read_accounts as read_accounts,
    )
    from .role import role_stackset as role_stackset, role_terraform as role_terraform
    from .runner import sweep as sweep
    from .sweep_rows import Sweep as Sweep, SweepRow as SweepRow


__all__, __getattr__, __dir__ = attach(__name__)
