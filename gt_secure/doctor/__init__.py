"""The doctor: the features that this role can use, the reasons for the others,
and the missing policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from ..aws.execution_role import ExecutionRole as ExecutionRole
    from .diagnosis import Diagnosis as Diagnosis, FeatureState as FeatureState, examine as examine
    from .environment import Fact as Fact
    from .features import FEATURES as FEATURES, Feature as Feature, Permission as Permission
    from .probing import PermissionAnswer as PermissionAnswer
    from .resources import (
        Scope as Scope,
        execution_role as execution_role,
        policy_for as policy_for,
        scope_of as scope_of,
    )


__all__, __getattr__, __dir__ = attach(__name__)
