"""Packages that make gt_secure faster or more convenient, and that it works without.

An installation brings them along. They are missing after ``pip install --no-deps``, and where a
platform has no wheel.
"""

from __future__ import annotations

from collections.abc import Iterable

OPTIONAL = {
    "isal": "unpacking access logs faster",
    "obstore": "fetching access logs faster",
    "anywidget": "the copy button, the probe from your browser, and screen readers",
    "argcomplete": "completion in shells",
    "python-liquid": "rendering task templates, to find links without grant_read_access",
}
"""The purpose of each package."""


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def missing(names: Iterable[str] = OPTIONAL) -> list[str]:
    """Return those packages that are not installed."""
    return [name for name in names if version(name) is None]


def install_command(*names: str) -> str:
    """Return the command that installs packages, and never compiles one."""
    return f"pip install --only-binary :all: {' '.join(names)}"
