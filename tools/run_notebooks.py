"""Run the tutorial notebooks on fresh sandboxes, and hold them to what they show.

Without options, each notebook must pass nbval (no cell fails; cells tagged nbval-check-output show
the committed text) and must have no code cell that was never run (nbval lets those pass in
silence). What it shows must have the words of what is saved: numbers, times, ids and layout may
differ. Its kernel must send no secret: what is shown and saved, with the state of widgets, comes
from its messages. With --write, the notebooks are executed and their outputs are saved in place.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import html
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gt_secure.cli.output import only_sandbox
from gt_secure.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PANEL = ROOT / "docs" / "images" / "panel-light.png"
SANITIZE = ROOT / "gt_secure" / "check" / "nbval-sanitize.cfg"
START_S = 280
"""A busy machine starts a kernel slowly; one that has died is noticed before."""
SECRET = re.compile(
    r"X-Amz-Signature=(?!X{8})|X-Amz-Security-Token=|X-Amz-Credential=|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|aws_secret|"
    r"AWSAccessKeyId=|SecretAccessKey|SessionToken",
    re.IGNORECASE,
)


def environment(sandbox: Sandbox, journal: str) -> dict[str, str]:
    """The environment of a kernel that sees the sandbox and nothing of the person's own account."""
    return {
        **only_sandbox(sandbox.environment()),
        "GT_SECURE_JOURNAL": journal,
        "PYTHONWARNINGS": "ignore",
    }


class _Recorder(NotebookClient):
    """Executes a notebook and keeps every message of its kernel, as JSON, one per line."""

    def __init__(self, path: Path) -> None:
        place = {"metadata": {"path": str(path.parent)}}
        book = nbformat.read(path, as_version=4)
        limits = {"timeout": 180, "iopub_timeout": 180, "startup_timeout": START_S}
        super().__init__(book, kernel_name="python3", resources=place, **limits)
        self.sent: list[str] = []

    def process_message(
        self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int
    ) -> Any:
        """Keep a message before nbclient makes an output of it."""
        self.sent.append(json.dumps(msg, default=str, ensure_ascii=False))
        return super().process_message(msg, cell, cell_index)


def execute(path: Path, env: Mapping[str, str]) -> tuple[nbformat.NotebookNode, str]:
    """Execute a notebook from its own folder; return it, and what its kernel sent."""
    client = _Recorder(path)
    # The kernel's own chatter (transport warnings) is of no use here; errors of cells come as
    # messages.
    client.execute(env=dict(env), stderr=subprocess.DEVNULL)
    return client.nb, "\n".join(client.sent)


def write(path: Path) -> None:
    """Execute and save, without the widget state (it would hold nothing
    useful without a kernel).
    """
    with Sandbox(log_delay_s=0.5) as sandbox, tempfile.TemporaryDirectory() as journal:
        book, _ = execute(path, environment(sandbox, journal))
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    keep_one_picture(book)
    picture_the_panel(book)
    book.metadata["language_info"] = {"name": "python"}
    nbformat.write(book, path)
    print(f"wrote {path.relative_to(ROOT)}")


def keep_one_picture(book: nbformat.NotebookNode) -> None:
    """Remove each PNG beside its SVG, which every front end prefers, and which packs to a fifth."""
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            if "image/svg+xml" in output.get("data", {}):
                output["data"].pop("image/png", None)


def picture_the_panel(book: nbformat.NotebookNode) -> None:
    """Add the picture of the docs beside each panel: a page without a kernel, as on GitHub,
    shows no widget.
    """
    from PIL import Image

    small = io.BytesIO()
    with Image.open(PANEL) as image:
        image.convert("RGB").reduce(2).quantize(64).save(small, "PNG", optimize=True)
    for data in (
        output.get("data", {}) for cell in book.cells for output in cell.get("outputs", ())
    ):
        if "gt_secure panel" in data.get("text/plain", ""):
            data["image/png"] = base64.b64encode(small.getvalue()).decode()


def problems_of(path: Path) -> list[str]:
    """What is wrong with the committed file itself."""
    book = nbformat.read(path, as_version=4)
    never = [
        i
        for i, cell in enumerate(book.cells)
        if cell.cell_type == "code" and cell.execution_count is None
    ]
    found = [f"code cell {i} was never run: nbval would pass it in silence" for i in never]
    found += [
        f"the committed file holds “{match}”"
        for match in secrets_in(path.read_text(encoding="utf-8"))
    ]
    return found


def secrets_in(text: str) -> list[str]:
    """Names of the secrets in a saved notebook, not the secrets."""
    # Of an access key id the first four letters are its kind, and the rest is the id.
    kinds = (
        match.group(0) if match.group(0).endswith("=") else match.group(0)[:4]
        for match in SECRET.finditer(text)
    )
    return sorted(set(kinds))


NOISE = 3
"""Words of a cell that may differ: what a log has delivered by then is not the same each time."""


def drift(path: Path, sent: str) -> list[str]:
    """Name the cells that show other words today than the committed file does."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    shown: list[set[str]] = []
    running: dict[str, set[str]] = {}
    for line in sent.splitlines():
        message = json.loads(line)
        asked, content = (
            (message.get("parent_header") or {}).get("msg_id"),
            message.get("content") or {},
        )
        at = len(shown)
        if (
            message.get("msg_type") == "execute_input"
            and at < len(cells)
            and content["code"] == cells[at].source
        ):
            running[asked] = set()
            shown.append(running[asked])
        elif asked in running:
            running[asked].update(words_of(content))
    found = []
    for i, (cell, now) in enumerate(zip(cells, shown, strict=False)):
        saved = {word for output in cell.outputs for word in words_of(output)}
        if len(saved ^ now) > NOISE:
            both = f"only saved: {sorted(saved - now)[:8]}, only shown: {sorted(now - saved)[:8]}"
            found.append(
                f"code cell {i} has changed, run tools/run_notebooks.py --write {path.name}. {both}"
            )
    return found


def words_of(output: Mapping[str, Any]) -> set[str]:
    """Return the words of an output, without numbers, times, ids and what depends on them."""
    data = output.get("data") or {}
    text = data.get("text/html") or data.get("text/plain") or output.get("text") or ""
    if output.get("name") == "stderr" or "image/svg+xml" in data:
        return set()
    text = html.unescape(
        re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]+>", " ", text, flags=re.DOTALL)
    )
    text = re.sub(r"\d+ [A-Z][a-z]{2}\b|\b\w*\d[\w.:/+-]*", " ", text)
    return {word.removesuffix("s") for word in re.findall(r"[a-z]{3,}", text.lower())}


def by_nbval(
    path: Path, env: Mapping[str, str], scratch: Path, pytest: Sequence[str]
) -> tuple[int, str, list[str]]:
    """Run a notebook as its readers' tests do; return the number of cells,
    what the kernel sent, and problems.
    """
    messages = scratch / "messages.ndjson"
    command = [
        *pytest, "-q", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=180",
        f"--nbval-kernel-startup-timeout={START_S}", f"--nbval-sanitize-with={SANITIZE}",
        "-p", "no:cacheprovider", "-o", "addopts=",
        "-p", "nbval_messages", f"--kernel-messages={messages}", str(path),
    ]  # fmt: skip
    found = os.pathsep.join([str(ROOT / "tools"), *filter(None, [env.get("PYTHONPATH")])])
    done = subprocess.run(
        command, env={**env, "PYTHONPATH": found}, cwd=ROOT, capture_output=True, text=True
    )
    sent = messages.read_text(encoding="utf-8") if messages.exists() else ""
    cells = int(match[1]) if (match := re.search(r"(\d+) passed", done.stdout)) else 0
    return cells, sent, ["nbval: " + (done.stdout + done.stderr)[-4000:]] if done.returncode else []


def by_nbclient(path: Path, env: Mapping[str, str]) -> tuple[int, str, list[str]]:
    """Run a notebook in half of that time; nothing compares the outputs that are tagged for it."""
    try:
        book, sent = execute(path, env)
    except (CellExecutionError, DeadKernelError) as error:
        return 0, "", [f"nbclient: {error}"]
    return sum(cell.cell_type == "code" for cell in book.cells), sent, []


def check(
    path: Path,
    sandbox: Sandbox | None = None,
    pytest: Sequence[str] | None = (sys.executable, "-m", "pytest"),
) -> tuple[int, float, list[str]]:
    """Run one notebook, and search everything that its kernel sent, because outputs are saved from
    it.

    Parameters
    ----------
    sandbox : Sandbox, optional
        One that is as it was seeded; without it a new one is started.
    pytest : sequence of str, optional
        The command for nbval; None runs the notebook by nbclient.
    """
    problems = problems_of(path)
    started = time.perf_counter()
    started_here = Sandbox(log_delay_s=0.5) if sandbox is None else contextlib.nullcontext(sandbox)
    with started_here as running, tempfile.TemporaryDirectory() as scratch:
        env = environment(running, scratch)
        run = (
            by_nbclient(path, env) if pytest is None else by_nbval(path, env, Path(scratch), pytest)
        )
    cells, sent, failed = run
    problems += failed
    if '"execute_input"' not in sent:
        problems.append("no message from the kernel was recorded")
    if not failed:
        problems += drift(path, sent)
    problems += [f"when executed, it shows or keeps “{name}”" for name in secrets_in(sent)]
    return cells, time.perf_counter() - started, problems


def main() -> int:
    """Run all notebooks, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="execute and save in place")
    parser.add_argument("notebooks", nargs="*", type=Path)
    args = parser.parse_args()
    paths = [path.resolve() for path in args.notebooks] or sorted(NOTEBOOKS.rglob("*.ipynb"))
    if args.write:
        for path in paths:
            write(path)
        return 0
    failed = 0
    print(f"{'notebook':44} {'cells':>5} {'seconds':>8}")
    for path in paths:
        cells, seconds, problems = check(path)
        print(f"{path.name:44} {cells:5} {seconds:8.1f}{'' if not problems else '  FAILED'}")
        for problem in problems:
            print(f"    {problem}")
        failed += bool(problems)
    print(f"{len(paths) - failed} passed, {failed} failed")
    return int(bool(failed) or not paths)


if __name__ == "__main__":
    sys.exit(main())
