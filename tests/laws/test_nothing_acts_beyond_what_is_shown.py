"""Nothing acts beyond what is shown: whichever control of whichever surface is used, what is outside
the bucket and team that it shows or names stays as it is.

A journal is full of changes of other people: of other buckets and teams, of several at once, and of
the portal, finished or interrupted. The account is as they left it, so that an undo of any of them
would write. Every button of the panel is pressed in a drawn order, without the ticks and with them.
Each command line that writes runs without ``--yes`` and with it, the same lines run as magics, and
the tools for agents and the methods of Python are called. Each call that writes is watched where
boto3 sends it, which no part of the product sees.
"""

from __future__ import annotations

import datetime as dt
import io
import random
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import botocore.client
import ipywidgets
import pytest

import gt_secure_agents as agent_tools
from gt_secure import Connection, Restriction
from gt_secure.base.errors import GtSecureError
from gt_secure.changes.change import Change
from gt_secure.changes.targets import BucketGuard, Target, TeamUrlLock, WorkforcePortal
from gt_secure.changes.transaction import begin_lines
from gt_secure.cli import changes as changes_command, revoke as revoke_command
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.logs.leaks import Leak, User
from gt_secure.magics import run_line
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import Panel, ReviewStep, review_step, testing
from support.agent_calls import CALLS
from support.guards import merge_guard
from support.rig import Rig

undoing = import_module("gt_secure.changes.undo")
Thing: TypeAlias = tuple[str, str]
"""Kind and name of what is written."""
SEED, BOB = 20261201, "arn:aws:iam::111122223333:user/bob"
THEIRS, OURS = ["203.0.113.0/24"], ["198.51.100.0/24"]
TEAMS, BUCKETS, FORCE = (
    ("open-team", "radiology-team", "vpc-team"),
    ("gt-images", "ml-artifacts"),
    "private-workforce",
)
GUARDED = {
    name: merge_guard(None, build_guard(name, prefix="", networks=THEIRS)) for name in BUCKETS
}
WRITES = {
    "PutBucketPolicy": ("bucket", "Bucket"),
    "DeleteBucketPolicy": ("bucket", "Bucket"),
    "UpdateWorkteam": ("team", "WorkteamName"),
    "UpdateWorkforce": ("portal", "WorkforceName"),
}
READS = ("Get", "List", "Describe", "Head", "Lookup", "Assume", "Simulate", "Render", "Search")
IMAGES, ARTIFACTS = map(BucketGuard, BUCKETS)
OPEN, RADIOLOGY, VPC = map(TeamUrlLock, TEAMS)
PORTAL = WorkforcePortal(FORCE)
OUTSIDE: tuple[tuple[Target[Any], ...], ...] = (
    (ARTIFACTS,),
    (RADIOLOGY,),
    (VPC,),
    (ARTIFACTS, RADIOLOGY),
    (ARTIFACTS, IMAGES),
    (IMAGES, RADIOLOGY),
    (ARTIFACTS, OPEN),
    (VPC, PORTAL),
)
"""Changes that touch what no panel of the scopes below shows, whatever else they touch."""
INSIDE: tuple[tuple[Target[Any], ...], ...] = ((IMAGES,), (OPEN,), (IMAGES, OPEN))
SCOPES = {
    "team and bucket": Restriction("open-team", bucket="gt-images", addresses=OURS),
    "bucket": Restriction(bucket="gt-images", addresses=OURS),
    "team": Restriction("open-team", url_lock=True),
}
WISH = "s3://gt-images --team open-team --allow 198.51.100.0/24"
ASKS = (
    "url-lock-one-path",
    "loses-access:open-team",
    "loses-access:radiology-team",
    "guard-drops",
    "refuses-team",
)
CONFIRM = " ".join(f"--confirm {each}" for each in ASKS)
BOTH = {("bucket", "gt-images"), ("team", "open-team")}
LINES: dict[str, set[Thing]] = {
    "undo": set(),
    "undo --yes": set(),
    "undo --json": set(),
    "undo last --yes": set(),
    "undo '' --yes": set(),
    "apply --resume": set(),
    "apply --resume --yes": set(),
    "apply --resume= --yes": set(),
    "apply --resume last --yes": set(),
    "undo OTHER": set(),
    "apply --resume OTHER": set(),
    f"apply {WISH}": set(),
    f"apply {WISH} --yes": set(),
    f"plan {WISH}": set(),
    "revoke s3://gt-images --before 1h": set(),
    f"apply {WISH} --yes {CONFIRM}": BOTH,
    "revoke s3://gt-images --before 1h --yes": {("bucket", "gt-images")},
}
"""What each line names, and may therefore write; OTHER is the id of a change of somebody else."""


class Scene:
    """An account with a journal of others, and every call that writes."""

    _left: ClassVar[set[Target[Any]] | None] = None
    """What has the values of others, as long as nothing was written since."""

    def __init__(self, rig: Rig) -> None:
        self.gt, self.s3, self.sagemaker = rig.gt, rig.client("s3"), rig.client("sagemaker")

    def look(self) -> dict[Thing, str]:
        """Read everything that a change could write."""
        seen: dict[Thing, str] = {}
        for name in BUCKETS:
            with suppress(self.s3.exceptions.ClientError):
                seen["bucket", name] = self.s3.get_bucket_policy(Bucket=name)["Policy"]
        for team in self.sagemaker.list_workteams()["Workteams"]:
            lock = str(team.get("WorkerAccessConfiguration"))
            seen["team", team["WorkteamName"]] = lock
        [force] = self.sagemaker.list_workforces()["Workforces"]
        seen["portal", FORCE] = str(force.get("SourceIpConfig"))
        return seen

    def draw(self, seed: int) -> dict[str, tuple[Target[Any], ...]]:
        """Fill the journal with changes of others, and set the account as they left it."""
        for file in self.gt.journal.path.glob("*.jsonl"):
            file.unlink()
        dice = random.Random(SEED + seed)
        drawn = [dice.choice(OUTSIDE) for _ in range(4)]
        drawn += [dice.choice(INSIDE)] if dice.random() < 0.6 else []
        dice.shuffle(drawn)
        last = [dice.choice(OUTSIDE)]  # the last change of the journal is never of what is shown
        other, made = replace(self.gt), dict[str, tuple[Target[Any], ...]]()
        for targets in drawn + last:
            steps = [_change(each) for each in targets]
            first = begin_lines("apply", other.aws, other.aws.account_id, BOB, steps)
            writer = other.journal.begin(first)
            if targets is not last[0] or dice.random() < 0.7:
                writer.write("end", outcome="applied")
            made[writer.id] = targets
        self._set({each for targets in made.values() for each in targets})
        return made

    def _set(self, wanted: set[Target[Any]]) -> None:
        if self._left == wanted:
            return
        Scene._left = wanted
        for target in {IMAGES, ARTIFACTS, OPEN, RADIOLOGY, VPC, PORTAL}:
            change = _change(target)
            now = target.read(self.gt.aws).value
            then = change.after if target in wanted else change.before
            if not target.same(now, then):
                target.write(self.gt.aws, then)
        while self.sagemaker.list_workforces()["Workforces"][0]["Status"] == "Updating":
            pass

    @contextmanager
    def watched(self) -> Iterator[list[Thing]]:
        """Note every call that writes."""
        written, call = list[Thing](), botocore.client.BaseClient._make_api_call

        def noting(client: Any, name: str, given: dict[str, Any]) -> Any:
            if not name.startswith(READS):
                kind, key = WRITES.get(name, (name, "Bucket"))
                written.append((kind, str(given.get(key))))
            return call(client, name, given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", noting)
            yield written
        if written:
            Scene._left = None


def _change(target: Target[Any]) -> Change[Any]:
    before, after = {
        "bucket-guard": (None, GUARDED.get(target.name)),
        "url-lock": (UrlLock(False, False), UrlLock(True, False)),
        "portal-lock": ((), tuple(THEIRS)),
    }[target.kind]
    return Change(target, before, after, target.words(before), target.words(after))


def things(wish: Restriction) -> set[Thing]:
    """Return what a panel with this restriction shows; the portal lock is behind a tick."""
    named = {("bucket", wish.bucket), ("team", wish.team)}
    return {(kind, name) for kind, name in named if name is not None}


def judge(
    scene: Scene, what: str, allowed: set[Thing], act: Callable[[], object], counts: Counter[str]
) -> list[str]:
    """Let something act, and return what it wrote outside of what is allowed."""
    before = scene.look()
    with scene.watched() as written:
        act()
    after = scene.look()
    moved = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    counts["written"] += bool(written)
    counts["nothing written"] += not written
    return [f"{what} writes {name}" for name in sorted(({*written} | moved) - allowed)]


# the panel


def buttons(root: ipywidgets.Widget) -> Iterator[ipywidgets.Button]:
    """Yield the buttons that a person sees."""
    if "gts-hidden" in getattr(root, "_dom_classes", ()):
        return
    if isinstance(root, ipywidgets.Button):
        yield root
    for child in getattr(root, "children", ()):
        yield from buttons(child)


def tick(root: ipywidgets.Widget) -> None:
    """Tick every box, and type the name of a bucket where it is asked for."""
    if isinstance(root, ipywidgets.Checkbox):
        root.value = True
    name = re.fullmatch(r"Type (\S+) to remove its protection", getattr(root, "description", ""))
    if name is not None:
        root.value = name[1]
    for child in getattr(root, "children", ()):
        tick(child)


def press(
    scene: Scene, shown: ipywidgets.Widget, review: ReviewStep, seed: int, *, ticks: bool
) -> list[str]:
    """Press everything in a drawn order; an undo writes nothing at its first press,
    and says what it brings back.
    """
    dice, wrong = random.Random(seed), list[str]()
    order = [review.undo_button, review.apply_button]
    if shown is not review:
        order += [*order, *buttons(shown)]
        dice.shuffle(order)
    for button in order:
        if ticks:
            tick(shown)
        if button.disabled or button not in list(buttons(shown)):
            continue
        label = button.description
        with scene.watched() as written, suppress(GtSecureError):
            button.click()
        if button is review.undo_button:
            named = (
                "gt-images",
                "open-team",
                "radiology",
                "portal",
                "this change",
                "this protection",
                "last change",
            )
            wrong += [f"{label} writes {written} at the first press"] if written else []
            wrong += [] if any(each in label for each in named) else [f"{label} names nothing"]
    return wrong


def by_panel(
    scene: Scene,
    seed: int,
    scope: str,
    counts: Counter[str],
    *,
    whole: bool = True,
    ticks: bool = True,
) -> list[str]:
    """Press the buttons of a panel, or those of its step that writes."""
    wish, wrong = SCOPES[scope], list[str]()
    scene.draw(seed)
    allowed = things(wish) | ({("portal", FORCE)} if ticks and wish.team else set())
    with testing():
        panel = _panel(scene.gt, wish) if whole else None
        review = ReviewStep(scene.gt, restriction=wish) if panel is None else panel.review
        counts["undo is offered"] += not review.undo_button.disabled

        def act() -> None:
            wrong.extend(press(scene, panel or review, review, seed, ticks=ticks))

        what = f"{seed}, the panel of {scope}, {'ticked' if ticks else 'not ticked'},"
        wrong += judge(scene, what, allowed, act, counts)
        ipywidgets.Widget.close_all()
    return wrong


def _panel(gt: Connection, wish: Restriction) -> Panel:
    made = Panel(gt, team=wish.team, bucket=wish.bucket, addresses=OURS if wish.bucket else ())
    made.hits.wait_s = 0  # no request is delivered here
    return made


# the command line, magics, agents, Python


def _ran(run: Callable[[str], object], line: str) -> None:
    """Run a line without a terminal: nobody answers a question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("y\n" * 9))
        with suppress(GtSecureError):
            run(line)


def by_lines(scene: Scene, seed: int, lines: Sequence[str], counts: Counter[str]) -> list[str]:
    wrong = []
    for line in lines:
        for how, run in (("gt-secure", lambda each: main(shlex.split(each))), ("%", run_line)):
            made = scene.draw(seed)
            words = line.replace("OTHER", list(made)[-1])
            act = lambda run=run, words=words: _ran(run, words)  # noqa: E731
            wrong += judge(scene, f"{seed}, {how} {words}", LINES[line], act, counts)
    return wrong


def by_python(scene: Scene, seed: int, counts: Counter[str]) -> list[str]:
    """Call what undoes, resumes or plans without naming a change, and with what names none."""
    scene.draw(seed)

    def act() -> None:
        nothing: tuple[Any, ...] = ((), ("",), (None,), (0,), (False,), ([],), (" ",), ("last",))
        for given in nothing:
            for name in ("undo", "resume", "plan_undo"):
                with suppress(GtSecureError):
                    getattr(scene.gt, name)(*given)

    return judge(scene, f"{seed}, Python", set(), act, counts)


def by_agents(scene: Scene, seed: int, counts: Counter[str]) -> list[str]:
    scene.draw(seed)
    act = lambda: [getattr(agent_tools, name)(**given) for name, given in CALLS.items()]  # noqa: E731
    return judge(scene, f"{seed}, agents", set(), act, counts)


@pytest.fixture(scope="module")
def rig(sandbox: Sandbox) -> Rig:
    return Rig(sandbox)


@pytest.fixture
def scene(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.chdir(tmp_path)
    made = Scene(rig)
    # a new connection for each run, as a process has, with the clients of the first
    for command in (changes_command, revoke_command):
        monkeypatch.setattr(command, "connection", lambda *_, **__: replace(made.gt))
    monkeypatch.setattr(agent_tools, "_connection", lambda _: replace(made.gt))
    return made


# a leak names its bucket itself


def by_leak(scene: Scene, seed: int, counts: Counter[str]) -> list[str]:
    """Hand a panel a leak of another bucket, as a log of many buckets has it, and agree to all."""
    wrong = list[str]()
    for scope, wish in SCOPES.items():
        scene.draw(seed)
        with testing():
            panel = _panel(scene.gt, wish)

            def act(panel: Panel = panel) -> None:
                for name in BUCKETS:
                    with suppress(GtSecureError):
                        assert panel.hits.on_revoke is not None
                        panel.hits.on_revoke(_leak(name), None)  # type: ignore[arg-type]
                        tick(panel)
                        counts[f"a leak of {name} is shown"] += 1
                        if not panel.review.apply_button.disabled:
                            panel.review.apply_button.click()

            allowed = things(wish) | {("portal", FORCE)}
            wrong += judge(scene, f"{seed}, a leak in the panel of {scope}", allowed, act, counts)
            ipywidgets.Widget.close_all()
    return wrong


def _leak(bucket: str) -> Leak:
    signed = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(minutes=5)
    users = tuple(User(each, None, each, "", signed, 1) for each in ("203.0.113.7", "198.51.100.9"))
    role = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/s"
    return Leak("0" * 64, "scans/1.png", signed, 3600, "leak", users, bucket=bucket, signer=role)


FEW = ("undo --yes",)
OFFERED = 5
"""A seed whose journal has a change of what is shown, and none that is interrupted."""


def test_what_names_no_change_writes_nothing(scene: Scene) -> None:
    counts: Counter[str] = Counter()
    assert by_lines(scene, 0, FEW, counts) + by_python(scene, 0, counts) == []
    assert counts["nothing written"] == 2 * len(FEW) + 1


def test_the_step_that_writes_stays_with_what_it_shows(scene: Scene) -> None:
    counts: Counter[str] = Counter()
    assert by_panel(scene, OFFERED, "bucket", counts, whole=False) == []
    assert (counts["undo is offered"], counts["written"]) == (1, 1)


def _undo_of_the_last(self: ReviewStep) -> None:
    self.run("Undoing…", lambda: self.link.get().undo(list(self.link.get().journal)[-1].id), print)


def _any(aws: Any, *, journal: Any, shown: Any = None) -> Any:
    del shown
    return undoing.undoable(aws, journal=journal)


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "the panel undoes the journal's last change at one press": (
        ReviewStep,
        "undo",
        _undo_of_the_last,
    ),
    "the panel offers the changes of all buckets and teams": (review_step, "undoable", _any),
    "--yes without an id takes the journal's last change": (
        undoing,
        "_own",
        lambda found, *_: found[-1].id,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(scene: Scene, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    if fault.startswith("the panel"):
        assert by_panel(scene, OFFERED, "bucket", Counter(), whole=False)
    else:
        assert by_lines(scene, OFFERED, ["undo --yes"], Counter())


# the larger part


@pytest.mark.parametrize("scope", SCOPES)
def test_every_button_of_the_panel(scene: Scene, scope: str) -> None:
    counts: Counter[str] = Counter()
    wrong = [
        each
        for ticks in (False, True)
        for seed in (5, 7)
        for each in by_panel(scene, seed, scope, counts, ticks=ticks, whole=seed == 5)
    ]
    assert wrong == []
    print(dict(counts))
    assert min(counts["written"], counts["undo is offered"]) >= 1


def test_every_line_magic_tool_and_call(scene: Scene) -> None:
    counts: Counter[str] = Counter()
    wrong = by_lines(scene, OFFERED, tuple(LINES), counts) + by_agents(scene, 20, counts)
    assert wrong + by_lines(scene, 20, tuple(LINES)[:11], counts) == []
    print(dict(counts))
    assert counts["written"] >= 4
    assert counts["nothing written"] >= 40


def test_a_leak_of_another_bucket_is_not_stopped_here(scene: Scene) -> None:
    counts: Counter[str] = Counter()
    assert by_leak(scene, OFFERED, counts) == []
    assert counts["written"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES)
def test_of_forty_journals(scene: Scene, scope: str) -> None:
    counts: Counter[str] = Counter()
    for seed in range(100, 140):
        wrong = by_panel(scene, seed, scope, counts, ticks=bool(seed % 2))
        assert wrong + by_lines(scene, seed, FEW, counts) + by_python(scene, seed, counts) == []
    print(dict(counts))
    assert counts["written"] >= 10
    assert counts["undo is offered"] >= 10
