"""Whatever is edited in the policy lab, no pane shows the answer of another text; only what is
shown can be pasted.

The page and its script are the real ones. In place of Python in the page, a server asks the same
module, late or never, so that answers arrive in every order. Each look at the page is compared with
the engine.
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import random
import shutil
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from support.chromium import AXE
from support.lab_page import LAB, MISTAKES, asked

from .conftest import START_S

FIELDS = ("policy", "object", "account", "source", "allow", "request")
READS = {
    "proof": ("policy", "object", "account", "allow"),
    "answers": ("policy", "object", "account", "source"),
    "picture": ("policy", "object", "account"),
    "guard": ("policy", "object", "account", "allow"),
}
"""The fields that each pane is about."""
WORKER = """
onmessage = async ({ data: { id, question } }) => {
  const answer = await fetch('/ask', { method: 'POST', body: JSON.stringify(question) });
  postMessage(answer.ok ? { id, answer: await answer.json() } : { id, failed: 'no memory' });
};
"""
START = """
window.later = window.setTimeout;
window.setTimeout = (call, ms, ...rest) => window.later(call, ms / 20, ...rest);
window.copied = null;
Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } } });
"""
LOOK = """() => {
  const root = document.getElementById('lab');
  const at = (name) => root.querySelector(`[data-lab="${name}"]`);
  const boxes = (name) => [...root.querySelectorAll(`[data-pane="${name}"]`)];
  const fields = Object.fromEntries(FIELDS.map((name) => [name, root.querySelector(`[name="${name}"]`).value]));
  const stateOf = (name) => [...new Set(boxes(name).map((box) => box.dataset.state))];
  const states = Object.fromEntries(PANES.map((name) => [name, stateOf(name)]));
  const shown = (name) => (at(name).hidden ? '' : at(name).textContent);
  const answered = (name) => (at('answer').hidden ? '' : at(name).textContent);
  const guard = at('guarded').hidden ? '' : at('guard').textContent;
  return { fields, states, guard, words: shown('words'), tone: at('verdict').dataset.tone, proof: shown('proof'),
    picture: shown('picture'), table: shown('table'), word: answered('word'), why: answered('why'),
    put: !at('put').disabled, copy: !at('copy').disabled, current: root.hasAttribute('data-current') };
}""".replace("FIELDS", json.dumps(FIELDS)).replace("PANES", json.dumps(list(READS)))
EDIT = """async ([steps, look]) => {
  const seen = [], watch = eval(look);
  const root = document.getElementById('lab');
  const wait = (ms) => new Promise((done) => window.later(done, ms));
  for (const [kind, name, value] of steps) {
    const field = name && root.querySelector(`[name="${name}"], [data-lab="${name}"]`);
    const before = watch();
    window.copied = null;
    if (kind === 'write') {
      field.value = value;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (kind === 'paste') {
      field.focus();
      field.select();
      document.execCommand('insertText', false, value);
    } else if (kind === 'undo' || kind === 'redo') {
      field.focus();
      document.execCommand(kind);
    } else if (kind === 'choose') {
      field.value = value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    } else if (kind === 'press') {
      field.click();
      await wait(8);
    } else {
      await wait(value);
    }
    seen.push({ kind, name, before, after: watch(), copied: window.copied });
  }
  return seen;
}"""


@functools.lru_cache(maxsize=20_000)
def answer_of(pane: str, values: tuple[str, ...]) -> dict[str, Any]:
    question = dict(zip(READS[pane], values, strict=True))
    return asked({**dict.fromkeys(FIELDS, ""), **question}, pane)[0]


def engine(pane: str, fields: dict[str, str]) -> dict[str, Any]:
    return answer_of(pane, tuple(fields[name] for name in READS[pane]))


class Text(HTMLParser):
    """The text of a page, as a browser's textContent has it."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


@functools.lru_cache(maxsize=20_000)
def text_of(html: str) -> str:
    parser = Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)


PAGE = """<!doctype html><html lang="en"><head><title>Lab</title>
<style>html {{ --pst-color-background: Canvas; --pst-color-surface: Canvas; background: Canvas; color: CanvasText;
  --pst-color-text-muted: light-dark(#48566b, #9ca4af); }}</style></head>
<body><main><h1>Lab</h1>{}</main></body></html>"""


class Late(http.server.SimpleHTTPRequestHandler):
    """The files of the page; answers come late, and some never."""

    dice = random.Random(7)
    failing = 0.0

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.dice.choice((0, 0, 0.002, 0.01)))
        if self.dice.random() < self.failing:
            self.send_error(500)
            return
        data = json.dumps(engine(question["ask"], question)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def page_of(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """Serve the page, with a change of its script if there is one, and open it."""
    servers = []
    context = chromium.new_context()
    context.set_default_timeout(START_S * 1000)
    context.add_init_script(START)

    def serve(*changes: tuple[str, str]) -> Any:
        folder = tmp_path / str(len(servers))
        shutil.copytree(LAB, folder / "_static" / "lab")
        script = folder / "_static" / "lab" / "lab.js"
        text = script.read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        script.write_text(text, encoding="utf-8")
        (folder / "_static" / "lab" / "worker.js").write_text(WORKER, encoding="utf-8")
        fragment = (LAB / "page.html").read_text(encoding="utf-8")
        (folder / "lab.html").write_text(PAGE.format(fragment), encoding="utf-8")
        handler = functools.partial(Late, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/lab.html")
        page.wait_for_selector("#lab[data-current]")
        return page

    yield serve
    context.close()
    for server in servers:
        server.shutdown()


POLICIES = [json.dumps(each["policy"]) for each in MISTAKES]
VALUES = {
    "policy": [
        *POLICIES,
        '{"Version":"2012-10-17","Statement":[]}',
        "{",
        "",
        "\ufeff" + POLICIES[0],
        POLICIES[1] + " ",
    ],
    "object": [
        "s3://gt-images/scans/",
        "s3://gt-images/scans/0001.png",
        "gt-images",
        "s3://",
        "s3://other-bucket/x",
    ],
    "account": ["111122223333", "111122223333", "444455556666", "12"],
    "source": ["198.51.100.9", "203.0.113.7", "vpce-0a1b2c3d", "", "10.0.0.0/33", "anywhere"],
    "allow": [
        "203.0.113.0/24",
        "203.0.113.0/24, vpce-0a1b2c3d",
        "",
        "203.0.113.0/24, 10.0.0.0/33",
        "0.0.0.0/0",
    ],
    "request": ["presigned", "post-form", "header", "anonymous", "other-account"],
}
TEXTS = ("policy", "object", "account", "source", "allow")


def steps(dice: random.Random) -> list[tuple[str, str, Any]]:
    """Return what somebody does: eight edits, presses and pauses."""
    found: list[tuple[str, str, Any]] = []
    for _ in range(8):
        kind = dice.choices(
            ("write", "paste", "undo", "redo", "choose", "press", "wait"), (5, 3, 3, 1, 2, 4, 6)
        )[0]
        name = dice.choice(FIELDS if kind == "write" else TEXTS)
        if kind in ("write", "paste"):
            found.append((kind, name, dice.choice(VALUES[name])))
        elif kind == "choose":
            found.append((kind, "mistake", str(dice.randrange(len(MISTAKES)))))
        elif kind == "press":
            found.append((kind, dice.choice(("put", "put", "copy", "copy", "link")), ""))
        else:
            found.append((kind, "" if kind == "wait" else name, dice.choice((0, 10, 60, 120))))
    return [*found, ("wait", "", dice.choice((0, 150)))]


def faults_of(look: dict[str, Any], counts: Counter[str]) -> Iterator[str]:
    """Name what a look at the page shows that the engine does not say of the fields."""
    fields = look["fields"]
    answers = {pane: engine(pane, fields) for pane in READS}
    shown = {pane: look["states"][pane] == ["current"] for pane in READS}
    for pane in READS:
        counts[f"{pane} {' '.join(look['states'][pane])}"] += 1
        if shown[pane] and "error" in answers[pane]:
            yield f"{pane} has an answer, and the engine has none"
            shown[pane] = False
        if look["states"][pane] == ["error"]:
            counts[f"{pane} says why"] += 1
            if look[{"answers": "word"}.get(pane, pane)] and (
                pane != "picture" or "Who can open" in look[pane]
            ):
                yield f"{pane} keeps an answer beside its error"
    proof, table, guard = answers["proof"], answers["answers"], answers["guard"]
    if look["tone"] in ("ok", "no", "warn") and (look["words"], look["tone"]) != (
        proof.get("verdict"),
        proof.get("tone"),
    ):
        yield f"the verdict is {look['words']}"
    counts[f"verdict {look['tone']}"] += 1
    if shown["proof"] and look["proof"] != text_of(proof["html"]):
        yield "another proof"
    if shown["picture"] and look["picture"] != text_of(answers["picture"]["html"]):
        yield "another picture"
    if shown["answers"]:
        found = next(
            (each for each in table["answers"] if each["request"] == fields["request"]), None
        )
        wanted = (found["answer"], found["why"]) if found else ("", "")
        if (look["word"], look["why"]) != wanted or (
            table["html"] and look["table"] != text_of(table["html"])
        ):
            yield "another answer"
    if shown["guard"] and look["guard"] != guard["guard"]:
        yield "another guard"
    if (look["put"] or look["copy"]) and not (shown["guard"] and guard["guard"]):
        yield "a button without its guard"
    if look["current"] and any(
        look["states"][pane] not in (["current"], ["error"]) for pane in READS
    ):
        yield "all is current, and a pane is not"


def pressed(step: dict[str, Any]) -> Iterator[str]:
    """Name what a button did that the page did not show before."""
    before, after = step["before"], step["after"]
    guard = engine("guard", before["fields"])
    if (
        step["name"] == "put"
        and after["fields"]["policy"] != before["fields"]["policy"]
        and (
            not before["put"]
            or before["guard"] != guard.get("guard")
            or after["fields"]["policy"] != guard.get("merged")
        )
    ):
        yield "it put what was not shown"
    if step["copied"] is None:
        return
    # of this press, or of the one before, which took its time
    if step["copied"].startswith("http"):
        if of_link(step["copied"]) not in (before["fields"], after["fields"]):
            yield "the link has other fields"
    elif step["copied"] != before["guard"]:
        yield "it copied what was not shown"


def of_link(link: str) -> dict[str, str]:
    """Return the fields that a link holds."""
    data = base64.urlsafe_b64decode(link.partition("#1.")[2] + "===")
    return dict(zip(FIELDS, json.loads(zlib.decompress(data, -15)), strict=True))


def play(
    page: Any, sequences: int, seed: int, counts: Counter[str], failing: float = 0.0
) -> list[str]:
    """Play sequences of edits, and return what was wrong with the page after each."""
    dice, wrong = random.Random(seed), []
    for number in range(sequences):
        Late.failing = failing if dice.random() < 0.3 else 0.0
        if dice.random() < 0.1:
            page.reload()
            page.wait_for_selector("#lab[data-current]")
            counts["reload"] += 1
            wrong += [
                f"{number}: reload: {each}" for each in faults_of(page.evaluate(LOOK), counts)
            ]
        for step in page.evaluate(EDIT, [steps(dice), f"({LOOK})"]):
            counts["step"] += 1
            if step["kind"] == "press":
                changed = (
                    step["before"]["fields"] != step["after"]["fields"]
                    or step["copied"] is not None
                )
                counts[f"{step['name']} {'did' if changed else 'did nothing'}"] += 1
                wrong += [f"{number}: {each}" for each in pressed(step)]
            wrong += [
                f"{number}: {step['kind']} {step['name']}: {each}"
                for each in faults_of(step["after"], counts)
            ]
        Late.failing = 0.0
    page.wait_for_selector("#lab[data-current]")
    return wrong


MET = (
    *("put did", "put did nothing", "copy did", "link did", "reload"),
    *("proof stale", "proof error", "proof current", "guard stale", "guard error", "answers error"),
    *("verdict ok", "verdict no", "verdict stale", "verdict error"),
)


@pytest.mark.browser
@pytest.mark.parametrize("sequences", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_pane_shows_the_answer_of_another_text(page_of: Any, sequences: int) -> None:
    counts: Counter[str] = Counter()
    page, rare, seed = page_of(), [*MET], 11
    while rare and seed < 16:  # what a page shows, and when, also hangs on the machine
        assert play(page, sequences, seed, counts, failing=0.3) == []
        rare, seed = [name for name in MET if counts[name] < max(1, sequences / 60)], seed + 1
    print(dict(counts))
    assert rare == []


FAULTS = {
    "a late answer counts": [
        ("if (question === questionOf(pane)) settle(pane, question, answer)", "settle(pane, questionOf(pane), answer)"),
    ],
    "an edit marks nothing": [('      mark();\n      if (name === "request")', '      if (name === "request")')],
    "a button keeps its guard": [
        ("!isCurrent(PANES.guard) || !PANES.guard.answer.guard;", "!PANES.guard.answer?.guard;"),
        ("if (!isCurrent(PANES.guard)) return;", ""),
    ],
    "an error leaves the proof": [
        ("innerHTML = answer.error ? \"\" : answer.html;\n  if (!P", "innerHTML = answer.html ?? 'Proved';\n  if (!P"),
    ],
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_put_back_is_noticed(page_of: Any, fault: str) -> None:
    assert play(page_of(*FAULTS[fault]), 60, 11, Counter())


GUARD = {"Effect": "Deny", "Principal": "*", "Action": "s3:*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}  # fmt: skip


def of_bucket(*resources: Any) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**GUARD, "Resource": each} for each in resources]}
    )


ACME = ["arn:aws:s3:::acme-prod-scans", "arn:aws:s3:::acme-prod-scans/*"]
PASTED = {
    "a guard of one bucket": (of_bucket(ACME), "s3://acme-prod-scans/", "ok"),
    "a mark at the beginning": ("\ufeff" + of_bucket(ACME), "s3://acme-prod-scans/", "ok"),
    "everything beside it": (of_bucket("*", ACME), "s3://acme-prod-scans/", "ok"),
    "another partition": (
        of_bucket(["arn:aws-cn:s3:::acme-cn/*", "arn:aws-cn:s3:::acme-cn"]),
        "s3://acme-cn/",
        "ok",
    ),
    "two buckets": (
        of_bucket(ACME, "arn:aws:s3:::other-bucket/*"),
        "s3://gt-images/scans/",
        "error",
    ),
    "names of buckets": (of_bucket("arn:aws:s3:::gt-*"), "s3://gt-images/scans/", "ok"),
    "names of other buckets": (of_bucket("arn:aws:s3:::acme-*"), "s3://gt-images/scans/", "error"),
    "everything": (of_bucket("*"), "s3://gt-images/scans/", "ok"),
    "the example's bucket": (
        of_bucket("arn:aws:s3:::gt-images/scans/*"),
        "s3://gt-images/scans/",
        "ok",
    ),
    "no policy": ("[]", "s3://gt-images/scans/", "error"),
}


@pytest.mark.browser
def test_the_object_follows_the_only_bucket_of_a_pasted_policy(page_of: Any) -> None:
    page = page_of()
    for name, (policy, place, tone) in PASTED.items():
        page.select_option("#lab-mistake", label=MISTAKES[0]["title"])
        page.evaluate(EDIT, [[["paste", "policy", policy]], f"({LOOK})"])
        page.wait_for_selector("#lab[data-current]")
        seen = page.evaluate(LOOK)
        lesson = page.text_content("[data-lab=lesson]")
        assert (seen["fields"]["object"], seen["tone"]) == (place, tone), name
        assert lesson == (moved(place) if "acme" in place else ""), name
        assert seen["fields"]["account"] == "111122223333"
        assert ("This policy names" in seen["words"]) == (
            tone == "error" and name != "no policy"
        ), name
        assert ("No Resource of the bucket policy names gt-images in full." in seen["words"]) == (
            name in ("names of buckets", "everything")
        ), name
    page.fill("#lab-policy", PASTED["a guard of one bucket"][0])
    page.fill("#lab-object", "s3://gt-images/scans/")
    page.wait_for_selector("[data-lab=verdict][data-tone=error]")
    assert "This policy names acme-prod-scans, not gt-images." in page.text_content(
        "[data-lab=words]"
    )


def moved(place: str, account: str = "", of: str = "this bucket") -> str:
    """Return what the page says when fields have followed the policy."""
    words = f"The object is now {place}, because the policy names only {of}. The account of the bucket is"
    because = "because the policy names only this account."
    return (
        f"{words} now {account}, {because}"
        if account
        else f"{words} still 111122223333: write yours."
    )


def by(principal: Any, *resources: str, **more: Any) -> str:
    return json.dumps(
        {"Statement": [{**GUARD, "Principal": principal, "Resource": resources, **more}]}
    )


OTHER = "999988887777"
THERE = "arn:aws:s3:::acme/scans/*"
NAMED = {
    "a prefix": (by("*", THERE), moved("s3://acme/scans/", of="these keys")),
    "a prefix and the bucket": (
        by("*", "arn:aws:s3:::acme", THERE),
        moved("s3://acme/scans/", of="these keys"),
    ),
    "a part of a name": (
        by("*", "arn:aws:s3:::acme/scans/a-*"),
        moved("s3://acme/scans/", of="these keys"),
    ),
    "one object": (
        by("*", "arn:aws:s3:::acme/scans/a.png"),
        moved("s3://acme/scans/a.png", of="these keys"),
    ),
    "two prefixes": (by("*", THERE, "arn:aws:s3:::acme/masks/*"), moved("s3://acme/")),
    "a prefix and all keys": (by("*", THERE, "arn:aws:s3:::acme/*"), moved("s3://acme/")),
    "an account": (
        by({"AWS": f"arn:aws:iam::{OTHER}:role/x"}, "arn:aws:s3:::acme/*"),
        moved("s3://acme/", OTHER),
    ),
    "an account alone": (by({"AWS": OTHER}, "arn:aws:s3:::acme/*"), moved("s3://acme/", OTHER)),
    "an account in a condition": (
        by(
            "*",
            "arn:aws:s3:::acme/*",
            Condition={"StringNotEquals": {"aws:PrincipalAccount": [OTHER]}},
        ),
        moved("s3://acme/", OTHER),
    ),
    "two accounts": (
        by({"AWS": [OTHER, "arn:aws:iam::444455556666:root"]}, "arn:aws:s3:::acme/*"),
        moved("s3://acme/"),
    ),
    "the bucket of AWS's examples": (
        by("*", "arn:aws:s3:::DOC-EXAMPLE-BUCKET/*"),
        moved("s3://DOC-EXAMPLE-BUCKET/"),
    ),
}


@pytest.mark.browser
def test_keys_and_account_follow_the_policy_and_undo_brings_them_back(page_of: Any) -> None:
    page = page_of()
    for name, (policy, words) in NAMED.items():
        page.select_option("#lab-mistake", label=MISTAKES[0]["title"])
        page.evaluate(EDIT, [[["paste", "policy", policy]], f"({LOOK})"])
        page.wait_for_selector("#lab[data-current]")
        assert page.text_content("[data-lab=lesson]") == words, name
        fields = page.evaluate(LOOK)["fields"]
        assert f" {fields['object']}," in words, name
        assert fields["account"] in words, name


@pytest.mark.browser
@pytest.mark.parametrize("key", ["", "Enter", "Space"])
def test_what_a_button_puts_into_the_policy_is_undone_by_the_browser(
    page_of: Any, key: str
) -> None:
    page = page_of()
    page.fill("#lab-policy", by("*", THERE, Effect="Allow"))
    page.wait_for_selector("#lab[data-current]")
    before = page.input_value("#lab-policy")
    fields = page.evaluate(LOOK)["fields"]
    if key:
        page.focus("[data-lab=put]")
        page.keyboard.press(key)
    else:
        page.click("[data-lab=put]")
    page.wait_for_selector("#lab[data-current]")
    merged = page.input_value("#lab-policy")
    assert merged == engine("guard", fields)["merged"]
    assert page.text_content("[data-lab=lesson]") == "The guard is in the policy now."
    assert page.evaluate("document.activeElement.name") == "policy"
    page.keyboard.press("Control+z")
    page.wait_for_selector("#lab[data-current]")
    assert page.input_value("#lab-policy") == before
    page.keyboard.press("Control+Shift+z")
    page.wait_for_selector("#lab[data-current]")
    assert page.input_value("#lab-policy") == merged


DAMAGED = (
    "This link is damaged, so the policy is empty. Open the whole link, paste a policy, or choose a"
    " mistake."
)


@pytest.mark.browser
def test_a_damaged_link_says_so_and_what_follows_a_link_changes_nothing(page_of: Any) -> None:
    page = page_of()
    page.fill("#lab-policy", PASTED["a guard of one bucket"][0])
    page.wait_for_function("() => location.hash.startsWith('#1.')")
    page.wait_for_timeout(200)
    start, _, link = page.evaluate("location.href").partition("#")
    policy = page.input_value("#lab-policy")

    def opened(fragment: str) -> tuple[str, str]:
        page.goto("about:blank")
        page.goto(f"{start}#{fragment}")
        page.wait_for_selector("#lab[data-current]")
        return page.text_content("[data-lab=damaged]"), page.input_value("#lab-policy")

    example = json.dumps(MISTAKES[0]["policy"], indent=2)
    for cut in (1, 2, 3, 5, 8, 20, 60, len(link) - 2, len(link) - 1):
        assert opened(link[:-cut]) == (DAMAGED, ""), cut
        assert page.get_attribute("[data-lab=verdict]", "data-tone") == "error"
        assert page.text_content("[data-lab=words]").startswith("No answer: There is no policy.")
    assert opened(f"{link[:40]}!{link[41:]}") == (DAMAGED, "")
    page.fill("#lab-source", "192.0.2.1")
    assert page.text_content("[data-lab=damaged]") == ""
    for more in ("", ".", ")", ").", " ", "%20", "%29", ">", ", see there"):
        assert opened(link + more) == ("", policy), more
    for place in ("", "lab-proof"):
        assert opened(place) == ("", example)
    page.evaluate("(link) => { location.hash = link; }", link[:-9])
    page.wait_for_function("() => document.querySelector('[data-lab=damaged]').textContent !== ''")
    assert page.text_content("[data-lab=damaged]") == DAMAGED
    assert page.input_value("#lab-policy") == ""
    page.wait_for_selector("[data-lab=verdict][data-tone=error]")
    page.evaluate("(link) => { location.hash = link; }", link)
    page.wait_for_function("() => document.querySelector('[data-lab=damaged]').textContent === ''")
    assert page.input_value("#lab-policy") == policy


@pytest.mark.browser
def test_four_megabytes_are_refused_at_once(page_of: Any) -> None:
    page = page_of()
    page.evaluate("""() => { const field = document.querySelector('[name=policy]');
      field.value = '{"Version": "2012-10-17", "Statement": [], "x": "' + 'a'.repeat(4 * 2 ** 20) + '"}';
      field.dispatchEvent(new Event('input', { bubbles: true })); }""")
    page.wait_for_selector("#lab[data-current]")
    assert page.get_attribute("[data-lab=verdict]", "data-tone") == "error"
    assert page.evaluate("location.hash") == ""
    assert page.evaluate("document.querySelector('[data-lab=light]').textContent") == ""


@pytest.mark.browser
def test_axe_finds_nothing_at_any_width(page_of: Any, axe: str) -> None:
    page = page_of()
    page.evaluate(axe)
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("light", "dark"):
            page.evaluate(
                "(theme) => { document.documentElement.style.colorScheme = theme; }", theme
            )
            assert page.evaluate(AXE) == [], (width, theme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
