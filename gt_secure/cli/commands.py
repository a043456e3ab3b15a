"""The list of commands: name, group, module and the function that each one calls. Importing it loads no command."""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Command(NamedTuple):
    """One command: name, group and help text, the module that adds its options, the library function behind it
    (``Connection.NAME``, or a dotted name below ``gt_secure``), and other spellings, such as its name in Python.
    ``writes``: an interrupt unwinds the command, so that it rolls back, or ends what it started.
    """

    name: str
    group: str
    module: str
    help: str
    calls: str
    aliases: tuple[str, ...] = ()
    writes: bool = False


RESTRICT, TEST, WATCH, LOCAL = "Restrict", "Test and explain", "Watch", "Local (no AWS account)"
GROUPS = (RESTRICT, TEST, WATCH, LOCAL)

COMMANDS: tuple[Command, ...] = (
    Command("teams", RESTRICT, "teams", "list workteams and their locks", "Connection.workteams", ("workteams",)),
    Command("plan", RESTRICT, "changes", "show what a restriction would change", "Connection.plan"),
    Command(
        "apply",
        RESTRICT,
        "changes",
        "apply a restriction: plan, ask, change, read back",
        "Connection.apply",
        writes=True,
    ),
    Command(
        "revoke",
        RESTRICT,
        "revoke",
        "stop a leaked URL, or URLs of older credentials",
        "Connection.revoke",
        writes=True,
    ),
    Command(
        "undo", RESTRICT, "changes", "undo a change, keeping later edits by others", "Connection.undo", writes=True
    ),
    Command("export", RESTRICT, "changes", "write the current locks as a restriction file", "Connection.export"),
    Command("url", TEST, "url", "mint a presigned test URL", "Connection.test_url", ("test-url",), writes=True),
    Command("probe", TEST, "url", "fetch a test URL and explain the answer", "Connection.probe", writes=True),
    Command(
        "explain",
        TEST,
        "exposure",
        "show who can open an object, and which lock decides",
        "Connection.exposure",
        ("exposure",),
    ),
    Command("prove", TEST, "exposure", "prove that a restriction holds, or show a hole", "Connection.prove"),
    Command("findings", TEST, "findings", "list what defeats or weakens a restriction", "Connection.findings"),
    Command("doctor", TEST, "doctor", "show what this role can do, and the missing permissions", "doctor.examine"),
    Command("hits", WATCH, "hits", "count requests in access logs", "logs.count_hits"),
    Command("leaks", WATCH, "leaks", "find presigned URLs used from several networks", "logs.read_hits"),
    Command("plot", WATCH, "plot", "draw requests as SVG or PNG", "plots.draw"),
    Command("check", WATCH, "check", "assert that a restriction is in place and holds", "check.run_specs"),
    Command("audit", WATCH, "audit", "report the state of the region", "Connection.audit"),
    Command("history", WATCH, "history", "list, show or verify changes of the locks", "Connection.history"),
    Command("sweep", WATCH, "sweep", "report many accounts and regions", "sweep"),
    Command("demo", LOCAL, "demo", "run the main job on a local AWS, in JupyterLab", "demo", writes=True),
    Command("tutorials", LOCAL, "tutorials", "copy the tutorial notebooks into a folder", "tutorials", writes=True),
    Command(
        "sandbox", LOCAL, "sandbox", "run AWS on this machine, for demos and tests", "sandbox.Sandbox", writes=True
    ),
    Command("inspect", LOCAL, "url", "describe a presigned URL without its secrets", "presign.inspect"),
    Command("verdict", LOCAL, "verdict", "decide IAM requests from standard input (NDJSON)", "iam.batch.run"),
)


def find_command(word: str) -> Command | None:
    return next((item for item in COMMANDS if word == item.name or word in item.aliases), None)


def similar_commands(word: str) -> list[str]:
    names = [name for item in COMMANDS for name in (item.name, *item.aliases)]
    return difflib.get_close_matches(word, names, 1, 0.6)
