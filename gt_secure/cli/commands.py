"""The list of commands: name, group, module and help. Importing it loads no command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Command(NamedTuple):
    """One command: name, group, the module that adds its options, and help text.

    ``writes``: an interrupt unwinds the command, so that it rolls back, or ends what it started.
    ``verdict``: True if its exit code is a verdict, or the word that makes it one. A verdict fails
    a notebook, and counts as a check in it.
    """

    name: str
    group: str
    module: str
    help: str
    writes: bool = False
    verdict: bool | str = False

    def is_verdict(self, words: Iterable[str]) -> bool:
        """Return whether the exit code of a command line is a verdict."""
        if isinstance(self.verdict, bool):
            return self.verdict
        return any(word.partition("=")[0] == self.verdict for word in words)


RESTRICT, TEST, WATCH, LOCAL = "Restrict", "Test and explain", "Watch", "Local (no AWS account)"
GROUPS = (RESTRICT, TEST, WATCH, LOCAL)

COMMANDS: tuple[Command, ...] = (
    Command("teams", RESTRICT, "teams", "list workteams and their locks"),
    Command("plan", RESTRICT, "changes", "show what a restriction would change"),
    Command(
        "apply",
        RESTRICT,
        "changes",
        "apply a restriction: plan, ask, change, read back",
        writes=True,
    ),
    Command(
        "revoke", RESTRICT, "revoke", "stop a leaked URL, or URLs of older credentials", writes=True
    ),
    Command(
        "undo", RESTRICT, "changes", "undo a change, keeping later edits by others", writes=True
    ),
    Command("export", RESTRICT, "changes", "write the current locks as a restriction file"),
    Command("sign", TEST, "sign", "sign a presigned test URL", writes=True),
    Command("probe", TEST, "sign", "fetch a test URL and explain the answer", writes=True),
    Command("who", TEST, "exposure", "show who can open an object, and which lock decides"),
    Command(
        "prove", TEST, "exposure", "prove that a restriction holds, or show a hole", verdict=True
    ),
    Command(
        "findings",
        TEST,
        "findings",
        "list what defeats or weakens a restriction",
        verdict="--fail-on",
    ),
    Command("doctor", TEST, "doctor", "show what AWS answers this role, and what it denies"),
    Command("hits", WATCH, "hits", "count requests in access logs"),
    Command("leaks", WATCH, "leaks", "find presigned URLs used from several networks"),
    Command("plot", WATCH, "hits", "draw requests as SVG or PNG"),
    Command(
        "check", WATCH, "check", "assert that a restriction is in place and holds", verdict=True
    ),
    Command("report", WATCH, "report", "report a region, or many accounts", verdict="--fail-on"),
    Command(
        "history", WATCH, "history", "list, show or verify changes of the locks", verdict="verify"
    ),
    Command("demo", LOCAL, "demo", "run the main job on a local AWS, in JupyterLab", writes=True),
    Command(
        "tutorials", LOCAL, "tutorials", "copy the tutorial notebooks into a folder", writes=True
    ),
    Command(
        "sandbox", LOCAL, "sandbox", "run AWS on this machine, for demos and tests", writes=True
    ),
    Command("inspect", LOCAL, "sign", "describe a presigned URL without its secrets"),
    Command("verdict", LOCAL, "exposure", "decide IAM requests from standard input (NDJSON)"),
)


def find_command(word: str) -> Command | None:
    """Return the command of this name; None without one."""
    return next((item for item in COMMANDS if word == item.name), None)


def similar_commands(word: str) -> list[str]:
    """Return the command with the most similar name, if one is near."""
    return difflib.get_close_matches(word, [item.name for item in COMMANDS], 1, 0.6)
