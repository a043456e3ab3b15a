"""A hook of mkdocs: puts the tutorial notebooks, with their saved outputs, and the decisions into the site.

Nothing is executed and nothing is fetched. The notebooks are tests of their own (tools/run_notebooks.py).
"""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def on_config(config: Any) -> Any:
    """List the decision records in the navigation, in the order of their numbers."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for entry in config.nav:
        if "Decisions" in entry:
            entry["Decisions"] = [f"decisions/{record.name}" for record in records]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add one page for each notebook, and its figures."""
    books = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *sorted((ROOT / "notebooks/templates").glob("*.ipynb"))]
    for book in books:
        pictures: dict[str, bytes] = {}
        text = page_of(book, pictures)
        files.append(File.generated(config, f"tutorials/{book.stem}.md", content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=data))
    return files


def page_of(path: Path, pictures: dict[str, bytes]) -> str:
    """Write a notebook as Markdown; its figures go into ``pictures``."""
    book = nbformat.read(path, as_version=4)
    parts: list[str] = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.md)", cell.source))
        elif cell.cell_type == "code":
            parts.append(f"```python\n{cell.source}\n```")
            shown = _outputs(cell.outputs, path.stem, pictures)
            if shown:
                parts.append(f'<div class="output">\n{shown}\n</div>')
    where = "notebooks/templates" if path.parent.name == "templates" else "notebooks"
    note = f"*This page is the notebook `{where}/{path.name}`. `gt-secure demo` opens it on the sandbox.*"
    first, _, rest = "\n\n".join(parts).partition("\n\n")
    return f"{first}\n\n{note}\n\n{rest}\n"


def _outputs(outputs: list[Any], stem: str, pictures: dict[str, bytes]) -> str:
    shown: list[str] = []
    stream = ""
    for output in outputs:
        if output.output_type == "stream":
            stream += output.text
            continue
        shown, stream = [*shown, *_pre(stream)], ""
        shown += _rich(output.get("data", {}), stem, pictures)
    return "\n".join([*shown, *_pre(stream)])


def _rich(data: Any, stem: str, pictures: dict[str, bytes]) -> list[str]:
    """The richest form that a web page shows; widgets need a kernel, and are left out."""
    if "application/vnd.jupyter.widget-view+json" in data:
        return []
    words = str(data.get("text/plain", ""))
    for mime, suffix in (("image/svg+xml", "svg"), ("image/png", "png")):
        if mime in data:
            name = f"{stem}_{len(pictures) + 1}.{suffix}"
            pictures[name] = data[mime].encode() if suffix == "svg" else base64.b64decode(data[mime])
            return [f'<img src="{name}" alt="{html.escape(words, quote=True)}">']
    if "text/html" in data:
        # A blank line would end the block of HTML, and what follows would be read as Markdown.
        return ["<div>" + re.sub(r"\n\s*\n", "\n", data["text/html"]) + "</div>"]
    return _pre(words)


def _pre(text: str) -> list[str]:
    plain = html.escape(_ANSI.sub("", text).rstrip(), quote=False)
    return [f"<pre><code>{plain}</code></pre>"] if plain else []


_ROLE = re.compile(r":(?:class|func|meth|attr|mod|data|exc):<code>~?(?:[\w.]+\.)?(\w+)</code>")


def on_page_content(content: str, **_: Any) -> str:
    """Show the roles of docstrings, as :class:`~a.b.C`, by their name alone."""
    return _ROLE.sub(r"<code>\1</code>", content)
