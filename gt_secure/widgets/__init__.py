"""The panel and its five steps, as widgets. Views only: every call goes through a connection."""

from __future__ import annotations

from .alloweditor import AllowEditor
from .hitsstep import HitsStep
from .panelwidget import Panel, panel
from .reviewstep import ReviewStep
from .teampicker import TeamPicker
from .teststep import TestUrlStep
from .work import testing

__all__ = ["AllowEditor", "HitsStep", "Panel", "ReviewStep", "TeamPicker", "TestUrlStep", "panel", "testing"]
