"""The panel and its five steps, as widgets. Views only: every call goes through a connection."""

from __future__ import annotations

from .allow_editor import AllowEditor
from .background import testing
from .hits_step import HitsStep
from .panel import Panel, panel
from .review_step import ReviewStep
from .team_picker import TeamPicker
from .test_url_step import TestUrlStep

__all__ = ["AllowEditor", "HitsStep", "Panel", "ReviewStep", "TeamPicker", "TestUrlStep", "panel", "testing"]
