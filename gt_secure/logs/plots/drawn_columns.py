"""The stored columns of which each kind of figure is made; the others need not be read."""

from __future__ import annotations

from collections import defaultdict

from ..sql.derived_columns import ODD_URI, PLAIN_COLUMNS, SIGNED_COLUMNS

COLUMNS = defaultdict(lambda: PLAIN_COLUMNS, age=SIGNED_COLUMNS, viewer=(*SIGNED_COLUMNS, ODD_URI))
