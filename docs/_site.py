"""Sphinx extension of this site: pictures for the dark theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes


def setup(app: Any) -> dict[str, bool]:
    """Register the handler."""
    app.connect("doctree-read", add_dark_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_dark_pictures(app: Any, tree: nodes.document) -> None:
    """Show ``name-dark`` instead of ``name`` or ``name-light`` in the dark theme,
    where both exist.
    """
    for image in list(tree.findall(nodes.image)):
        light = Path(app.srcdir) / image["uri"]
        dark = light.with_name(f"{light.stem.removesuffix('-light')}-dark{light.suffix}")
        if dark == light or not dark.is_file():
            continue
        twin = image.deepcopy()
        twin["uri"] = str(Path(image["uri"]).with_name(dark.name))
        twin["candidates"] = {"*": twin["uri"]}
        image["classes"].append("only-light")
        twin["classes"].append("only-dark")
        app.env.images.add_file(app.env.docname, twin["uri"])
        image.parent.insert(image.parent.index(image) + 1, twin)
