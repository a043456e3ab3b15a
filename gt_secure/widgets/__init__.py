"""The panel and its five steps, as widgets. Views only: every call goes through a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .allow_editor import AllowEditor
    from .background import testing
    from .hits_step import HitsStep
    from .panel import Panel, panel
    from .review_step import ReviewStep
    from .sweep_view import SweepView
    from .team_picker import TeamPicker
    from .test_url_step import TestUrlStep

__all__ = [
    "AllowEditor",
    "HitsStep",
    "Panel",
    "ReviewStep",
    "SweepView",
    "TeamPicker",
    "TestUrlStep",
    "panel",
    "testing",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AllowEditor": ".allow_editor",
        "HitsStep": ".hits_step",
        "Panel": ".panel",
        "ReviewStep": ".review_step",
        "SweepView": ".sweep_view",
        "TeamPicker": ".team_picker",
        "TestUrlStep": ".test_url_step",
        "panel": ".panel",
        "testing": ".background",
    },
)
