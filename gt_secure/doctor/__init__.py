"""The doctor: the features that this role can use, the reasons for the others, and the missing policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .diagnosis import Diagnosis, FeatureState, examine
    from .environment import Fact
    from .features import FEATURES, Feature, Permission
    from .probing import PermissionAnswer
    from .role import ExecutionRole, execution_role
    from .scope import Scope, policy_for, scope_of

__all__ = [
    "FEATURES",
    "Diagnosis",
    "ExecutionRole",
    "Fact",
    "Feature",
    "FeatureState",
    "Permission",
    "PermissionAnswer",
    "Scope",
    "examine",
    "execution_role",
    "policy_for",
    "scope_of",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "FEATURES": ".features",
        "Diagnosis": ".diagnosis",
        "ExecutionRole": ".role",
        "Fact": ".environment",
        "Feature": ".features",
        "FeatureState": ".diagnosis",
        "Permission": ".features",
        "PermissionAnswer": ".probing",
        "Scope": ".scope",
        "examine": ".diagnosis",
        "execution_role": ".role",
        "policy_for": ".scope",
        "scope_of": ".scope",
    },
)
