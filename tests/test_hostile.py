"""Text from outside is shown as text, everywhere: the places are listed here, and each is tried
with all of it.

Teams, labeling jobs, keys, user agents, referers, policies and whatever a person types can hold
HTML, scripts, mathtext, control and direction characters, formulas, and ten thousand characters. An
account of the sandbox holds them all, with a word in each by which it is found again: a place where
the word does not appear was not tried.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shlex
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
import urllib3

import gt_secure
from gt_secure import Restriction
from gt_secure.base.errors import GtSecureError
from gt_secure.changes.render.parts import folds
from gt_secure.check import Report, no_findings, no_leaked_urls
from gt_secure.cli.main import build_parser, main
from gt_secure.connection import Connection
from gt_secure.engine.access.part import Part
from gt_secure.logs import plots
from gt_secure.presign import probe_origin_for
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import AllowEditor, HitsStep, TeamPicker, panel, testing
from gt_secure.widgets.base import error_markup
from gt_secure.widgets.role_summary import role_markup
from support.box import until

WORD = "zq7"
NASTY = (
    "<script>alert(1)</script><img src=x"
    " onerror=alert(2)>\"'><b>$\\frac{1}{2}$\x1b[31m\x07\u202e\u2066=1+1"
)
LONG = "x" * 10_000
KEY = f"scans/{WORD}key{NASTY}.png"
AGENT = f"=cmd()|{WORD}agent<script>alert(1)</script><img src=x onerror=alert(2)>\\$x^2\\$"
TEAM = f"{WORD}team{NASTY}"
SID = f"{WORD}sid<img src=x onerror=alert(3)>$x^2$"
ALLOWED = {
    *(
        "a",
        "b",
        "bdi",
        "body",
        "br",
        "caption",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "head",
    ),
    *(
        "html",
        "i",
        "li",
        "main",
        "meta",
        "ol",
        "p",
        "pre",
        "small",
        "span",
        "strong",
        "style",
        "summary",
        "table",
    ),
    *("tbody", "td", "th", "thead", "title", "tr", "ul", "del", "ins", "section"),
}
SVG = {
    *(
        "svg",
        "g",
        "path",
        "defs",
        "use",
        "text",
        "tspan",
        "clippath",
        "rect",
        "circle",
        "style",
        "pattern",
        "title",
        "desc",
    ),
    *(
        "metadata",
        "rdf:rdf",
        "cc:work",
        "cc:agent",
        "dc:type",
        "dc:format",
        "dc:date",
        "dc:creator",
        "dc:title",
    ),
}


@dataclass(frozen=True)
class World:
    """An account with hostile names in it, and what was read from it."""

    sandbox: Sandbox
    gt: Connection
    hits: Any
    folder: Path


class HostileTeams(Connection):
    """A connection whose first team and its jobs have hostile names, whatever AWS would let in."""

    def workteams(self) -> Any:
        first, *rest = super().workteams()
        return [replace(first, name=TEAM, description=TEAM + LONG, members=(TEAM,)), *rest]

    def jobs(self, team: Any) -> Any:
        return [replace(job, name=TEAM) for job in super().jobs("radiology-team")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    with (
        Sandbox(log_delay_s=0.1, workforce_delay_s=0.1) as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {
            **sandbox.environment(),
            "GT_SECURE_JOURNAL": str(folder / "journal"),
        }.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        gt = gt_secure.connect()
        s3: Any = gt.aws.client("s3")
        deny = {
            "Sid": SID, "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::gt-images/*", "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.9/32"}},
        }  # fmt: skip
        s3.put_object(Bucket="gt-images", Key=KEY, Body=b"x")
        s3.put_bucket_policy(
            Bucket="gt-images", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        )
        _visit(gt, s3)
        hits = _read(gt)
        yield World(sandbox, gt, hits, folder)


def _visit(gt: Connection, s3: Any) -> None:
    """One URL, made by somebody else's code,
    is opened from two networks by a browser with a name of its own.
    """
    url = s3.generate_presigned_url(
        "get_object", {"Bucket": "gt-images", "Key": KEY}, ExpiresIn=600
    )
    for source in ("203.0.113.7", "198.51.100.9", "192.0.2.55"):
        place = probe_origin_for(gt.aws, source)
        parts = urllib.parse.urlsplit(url)
        with urllib3.HTTPConnectionPool(str(parts.hostname), parts.port) as pool:
            path = url.split("/", 3)[3]
            said = {
                "User-Agent": AGENT,
                "Referer": AGENT,
                "Host": urllib.parse.urlsplit(url).netloc,
            }
            pool.request("GET", f"/{path}", headers={**place.headers, **said})


def _read(gt: Connection) -> Any:
    until(lambda: len(gt.hits("gt-images").filter(presigned=True)) >= 3)
    return gt.hits("gt-images")


# the places


def html_of(widget: Any) -> str:
    """All that a widget and what is in it show: HTML as it is,
    other text escaped as the front end does.
    """
    shown = []
    for each in _inside(widget):
        if isinstance(each, ipywidgets.HTML) and not type(each).__name__.startswith("_"):
            shown.append(each.value)
        for name in ("description", "tooltip"):
            _only_text(str(getattr(each, name, "") or ""))
        options = getattr(each, "options", ())
        for option in options if isinstance(options, tuple) else ():
            text = option[0] if isinstance(option, tuple) else str(option)
            text = text.replace(" · \u200b", " · ")  # our own, where a narrow choice may break
            _only_text(text)
            shown.append(_escaped(text))
        if isinstance(each, ipywidgets.Button):
            shown.append(_escaped(each.description))
    return "\n".join(shown)


def _inside(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _inside(child)


def _escaped(text: str) -> str:
    import html

    return html.escape(text)


def _only_text(text: str) -> None:
    assert all(c.isprintable() for c in text if c not in "\u200d\u200c\ufe0f"), repr(text[:200])
    assert len(text) < 1000


def picker(world: World) -> str:
    with testing():
        made = TeamPicker(HostileTeams(world.gt.aws))
        made.select.value = made.teams[0].arn
        return html_of(made)


def the_panel(world: World) -> str:
    with testing():
        made = panel(HostileTeams(world.gt.aws), bucket="gt-images", addresses=["203.0.113.0/24"])
        made.test.key = KEY
        made.test.sign()
        made.test.probe()
        made.hits.plot_hits()
        return html_of(made)


def allow(world: World) -> str:
    made = AllowEditor(world.gt, bucket="gt-images", addresses=[f"{WORD}{NASTY}", f"{WORD}{LONG}"])
    made.bucket_input.value = f"{WORD}{NASTY}"
    made.endpoint_input.input.value = f"vpce-{WORD}{NASTY}"
    return html_of(made)


def hits_rows(world: World) -> str:
    with testing():
        step = HitsStep(world.gt, bucket="gt-images")
        step.plot_hits()
        step.plot.picked = next(
            i for i, each in enumerate(step.result.marks) if each.address == "198.51.100.9"
        )
        return html_of(step)


def an_error(world: World) -> str:
    error = GtSecureError(f"{WORD}{NASTY}{LONG}", next_step=TEAM, details={"key": KEY + LONG})
    return error_markup(error)


def role_line(world: World) -> str:
    from gt_secure.doctor import examine

    return role_markup(
        replace(examine(world.gt, bucket="gt-images"), caller=TEAM + LONG), denied=TEAM
    )


def plan(world: World) -> Any:
    wish = Restriction(
        "radiology-team", addresses=["203.0.113.0/24"], bucket="gt-images", prefix="scans/"
    )
    made = world.gt.plan(wish, logs=world.hits)
    jobs = tuple(replace(job, name=TEAM) for job in world.gt.jobs("radiology-team"))
    team = Part.of(replace(made.state.team.value, members=(TEAM,)))
    state = replace(made.state, jobs=Part.of(jobs), reviews=Part.of((TEAM,)), team=team)
    return replace(
        made,
        state=state,
        changes=tuple(replace(change, affects=(TEAM,)) for change in made.changes),
    )


def command(*words: str) -> Callable[[World], str]:
    def run(world: World) -> str:
        said = io.StringIO()
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            contextlib.suppress(SystemExit),
        ):
            main(list(words))
        return said.getvalue()

    return run


def report(world: World) -> Report:
    return Report(
        (no_leaked_urls.look(world.hits), no_findings.look(world.gt, bucket="gt-images")), TEAM
    )


def file(world: World, name: str, write: Callable[[Path], object]) -> str:
    path = world.folder / name
    write(path)
    return path.read_text(encoding="utf-8")


OBJECT = f"s3://gt-images/{KEY}"
FROM = ("--from", "198.51.100.9")

HTML: dict[str, Callable[[World], str]] = {
    "panel: whole": the_panel,
    "panel: workteams": picker,
    "panel: allow": allow,
    "panel: rows of a source": hits_rows,
    "panel: an error": an_error,
    "panel: what the role can use": role_line,
    "panel: folds of a plan": lambda world: folds(plan(world)),
    "notebook: hits": lambda world: world.hits.count(["key", "user_agent"])._repr_html_(),
    "notebook: rows": lambda world: world.hits.rows()._repr_html_(),
    "notebook: who can open": lambda world: (
        world.gt.who_can_open("gt-images", KEY).at("198.51.100.9")._repr_html_()
    ),
    "notebook: a probe explained": lambda world: _explained(world).to_html(),
    "notebook: checks": lambda world: report(world)._repr_html_(),
    "export: plan": lambda world: plan(world).to_html(),
    "export: plan as a page": lambda world: plan(world).to_html(standalone=True),
}
TERMINAL: dict[str, Callable[[World], str]] = {
    "command: hits": command("hits", "--bucket", "gt-images", "--by", "key,user_agent"),
    "command: leaks": command("leaks", "--bucket", "gt-images"),
    "command: leaks as a table": command("leaks", "--bucket", "gt-images", "--format", "table"),
    "command: hits as JSON": command(
        "hits", "--bucket", "gt-images", "--by", "key,user_agent", "--json"
    ),
    "command: leaks as JSON": command("leaks", "--bucket", "gt-images", "--json"),
    "command: probe as JSON": command("probe", OBJECT, "--json"),
    "command: sign as JSON": command("sign", OBJECT, "--json"),
    "command: sign": command("sign", OBJECT),
    "command: an error as JSON": command("teams", f"{WORD}{NASTY}\x9b\x7f", "--json"),
    "command: a wrong option": command("plan", f"--{WORD}{NASTY}\x9b\x7f"),
    "command: a wrong command": command(f"{WORD}{NASTY}\x9b\x7f"),
    "command: who": command("who", OBJECT, *FROM),
    "command: probe": command("probe", OBJECT.replace(".png", ".gone")),
    "command: a wrong word": command("plan", "--allow", f"{WORD}{NASTY}", "s3://gt-images"),
    "command: an unknown team": command("teams", f"{WORD}{NASTY}"),
    "notebook: leaks": lambda world: "\n".join(leak.sentence for leak in world.hits.leaks()),
    "notebook: plan": lambda world: plan(world).to_text(full=True),
}
LINES = {
    "teams": (),
    "plan": ("s3://gt-images", "--allow", "203.0.113.0/24"),
    "apply": ("s3://gt-images", "--allow", "203.0.113.0/24"),
    "undo": (),
    "export": (f"s3://gt-images/{WORD}{NASTY}",),
    "revoke": ("s3://gt-images", "--before", f"{WORD}{NASTY}"),
    "sign": (OBJECT,),
    "probe": (OBJECT,),
    "inspect": (),
    "who": (OBJECT, *FROM),
    "prove": ("s3://gt-images", "--allow", "203.0.113.0/24"),
    "verdict": (),
    "findings": ("s3://gt-images",),
    "doctor": ("s3://gt-images",),
    "hits": ("--bucket", "gt-images", "--by", "key,user_agent"),
    "plot": ("--bucket", f"{WORD}{NASTY}", "-o", "plot.svg"),
    "leaks": ("--bucket", "gt-images"),
    "check": ("no-findings", f"s3://{WORD}{NASTY}"),
    "report": ("--buckets", "gt-images"),
    "history": ("list", f"s3://{WORD}{NASTY}"),
}
"""Words for each command, which meet what the account holds, or are hostile themselves."""
OWN = {
    "demo": "reads its own sandbox alone",
    "tutorials": "copies our notebooks",
    "sandbox": "starts a sandbox of its own",
}
"""Commands that read no account."""
SHOW = {
    *("export", "revoke", "sign", "inspect", "verdict", "hits", "leaks", "plot", "check"),
    *("who", "history"),
}
"""Commands of which each output has the hostile text."""
INPUT = {
    "inspect": "https://gt-images.s3.us-east-1.amazonaws.com/scans/"
    + urllib.parse.quote(f"{WORD}key{NASTY}.png")
    + "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20261120%2Fus-east-1%2Fs3"
    "%2Faws4_request&X-Amz-Date=20261120T090000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=" + "0" * 64,
    "verdict": json.dumps({"id": f"{WORD}{NASTY}"}),
}
"""The text that a command reads from standard input."""


def parsers() -> dict[str, Any]:
    """Return the parser of each command."""
    return next(
        each.choices for each in build_parser()._actions if each.dest == "command" or each.choices
    )  # type: ignore[return-value]


def formats() -> Iterator[tuple[str, ...]]:
    """Yield a command line for each format of each command, from the parsers."""
    for name, words in LINES.items():
        options = {flag: each for each in parsers()[name]._actions for flag in each.option_strings}
        yield name, *words
        if "--json" in options:
            yield name, *words, "--json"
        if "--format" in options:
            for form in sorted(set(options["--format"].choices) - {"parquet"}):
                yield name, *words, "--format", form


REPORTS: dict[str, Callable[[World], str]] = {
    "report: CSV": lambda world: file(world, "hits.csv", world.hits.to_csv),
    "report: JSON": lambda world: file(world, "hits.json", world.hits.to_json),
    "report: SARIF": lambda world: json.dumps(report(world).to_sarif()),
    "report: JUnit": lambda world: report(world).to_junit(),
    "report: checks as JSON": lambda world: json.dumps(report(world).to_dict()),
}


def _explained(world: World) -> Any:
    url = world.gt.sign("gt-images", KEY)
    return world.gt.explain(world.gt.probe(url, "198.51.100.9"), url=url)


# what holds in each of them


class Reader(HTMLParser):
    """Tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def read(shown: str) -> Reader:
    reader = Reader()
    reader.feed(shown)
    reader.close()
    return reader


def no_control(text: str) -> None:
    odd = {c for c in text if not c.isprintable() and c not in "\n\r\t\u200d\u200c\ufe0f"}
    assert not odd, f"control or direction characters come through: {sorted(map(ord, odd))}"


@pytest.mark.parametrize("place", HTML)
def test_no_tag_and_no_attribute_of_theirs_in(place: str, world: World) -> None:
    shown = HTML[place](world)
    found = read(shown)
    assert WORD in found.text, "the hostile text was shown here"
    assert found.tags <= ALLOWED | SVG, sorted(found.tags - ALLOWED - SVG)
    assert not {
        name
        for name in found.attributes
        if name.startswith("on") or name in ("src", "href", "srcset")
    }
    no_control(found.text)
    assert "x" * 2_100 not in found.text, "what is too long is cut"


@pytest.mark.parametrize("place", TERMINAL)
def test_it_cannot_drive_the_terminal(place: str, world: World) -> None:
    said = TERMINAL[place](world)
    assert (f"{WORD}sid" if place == "command: who" else WORD) in said, said[-600:]
    assert "Traceback" not in said
    no_control(said)


class Sink(io.TextIOWrapper):
    """A pipe, or a terminal: styles of our own go there."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), "utf-8", newline="", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def text(self) -> str:
        held = self.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
        return _STYLE.sub("", held) if self._is_terminal else held


_STYLE = re.compile(r"\x1b\[(?:0|1|2|31|32|33)m")
SINKS = ("tty", "pipe", "file")


def written(line: tuple[str, ...], sink: str, world: World) -> str:
    """Return what a command writes to a terminal, to a pipe or to a file."""
    out = Sink(is_terminal=sink == "tty")
    path = world.folder / "written.json"
    path.unlink(missing_ok=True)
    more = ["-o", str(path)] if sink == "file" else []
    given = INPUT.get(line[0], "").encode()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        contextlib.suppress(SystemExit),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        main([*line, *more])
    held = path.read_bytes().decode("utf-8") if path.exists() else ""
    return out.text() + held


def takes_a_file(name: str) -> bool:
    return any("-o" in option.option_strings for option in parsers()[name]._actions)


PLACES = [
    (line, sink)
    for line in formats()
    for sink in SINKS
    if sink != "file" or "-o" not in line
    if sink != "file" or takes_a_file(line[0])
]
"""Each command with formats, each of its formats, and where it writes."""


@pytest.mark.parametrize(
    ("line", "sink"),
    [
        pytest.param(
            line,
            sink,
            id=f"{number} {line[0]} {sink}",
            marks=[] if sink == "pipe" and line[0] in ("hits", "who") else [pytest.mark.check],
        )
        for number, (line, sink) in enumerate(PLACES)
    ],
)
def test_no_format_can_drive_what_reads_it(
    line: tuple[str, ...], sink: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = written(line, sink, world)
    shown = WORD in said or "--json cannot be combined with --output" in said
    assert shown or line[0] not in SHOW, said[-600:]
    assert "Traceback" not in said
    no_control(said)
    check_inert(said, is_csv=line[-1] == "csv")


def test_every_command_is_tried() -> None:
    assert LINES.keys() | OWN.keys() == parsers().keys()


def check_inert(said: str, *, is_csv: bool) -> None:
    """Nothing in it is a formula, a command of a workflow, or a link of a terminal."""
    assert not re.search(r"^\s*::", said, re.MULTILINE)
    assert "]8;;" not in said
    # On a terminal, what is under way stands before the rows where a machine is slow.
    for row in csv.reader(io.StringIO(said.replace("\r", "\n"))) if is_csv else ():
        assert not [cell for cell in row if re.match(r"[=+@\t\r]|-(?!$|\d)", cell)], row


@pytest.mark.parametrize("place", REPORTS)
def test_reports_are_well_formed_and_start_no_formula(place: str, world: World) -> None:
    said = REPORTS[place](world)
    assert WORD in said
    if place.endswith("CSV"):
        check_inert(said, is_csv=True)
        no_control(said)
    elif place.endswith("JUnit"):
        ET.fromstring(said)
    else:
        for line in (
            said.splitlines() if place == "report: JSON" and not said.startswith("[") else [said]
        ):
            json.loads(line)


def test_the_shell_script_keeps_it_in_quotes(world: World) -> None:
    made = plan(world)
    script = made.to_cli()
    no_control(script)
    for line in script.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            shlex.split(line)


def test_plots_take_any_text_for_words(world: World) -> None:
    rows = world.hits.filter(presigned=True)
    for draw in (plots.hits_by_ip, plots.hits_by_network, plots.over_time):
        svg = plots.svg(draw(rows))
        assert read(svg).tags <= SVG
        no_control(plots.alt_text(draw(rows)))
