"""The doctor: what one reading shows of the features that this role can use,
and the policy for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from ..aws.execution_role import ExecutionRole as ExecutionRole
    from .diagnosis import (
        Diagnosis as Diagnosis,
        FeatureState as FeatureState,
        PermissionAnswer as PermissionAnswer,
        examine as examine,
    )
    from .environment import Fact as Fact
    from .features import FEATURES as FEATURES, Feature as Feature, Permission as Permission
    from .resources import (
        Scope as Scope,
        execution_role as execution_role,
        policy_for as policy_for,
    )


__all__, __getattr__, __dir__ = attach(__name__)
