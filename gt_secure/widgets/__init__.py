"""The panel and its five steps, as widgets. Views only: every call goes through a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .allow_editor import AllowEditor as AllowEditor
    from .background import testing as testing
    from .hits_step import HitsStep as HitsStep
    from .panel import Panel as Panel, panel as panel
    from .review_step import ReviewStep as ReviewStep
    from .team_picker import TeamPicker as TeamPicker
    from .url_step import TestUrlStep as TestUrlStep


__all__, __getattr__, __dir__ = attach(__name__)
