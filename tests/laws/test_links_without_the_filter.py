"""A finding about a template names each S3 link of a task that reaches the page unsigned, and is
silent for none else.

The sampler puts templates together from pieces of which it knows what they show, and draws the
lines of a manifest. A page of the sandbox, which shares only the filters of Ground Truth with the
finding, holds what the sampler expects.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import pytest

from gt_secure.account.state import TaskLines, TaskTemplate
from gt_secure.base import budget
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.findings import page_links
from gt_secure.findings.page_links import PageLinks, links_of
from gt_secure.sandbox.sagemaker import templates

ACCOUNT, AWS, BUCKET = "111122223333", "432418664414", "gt-images"
KEYS = ("scans/1.png", "scans/10.png", "x&y/1.png", "ü/1.png", "p(1)", "deep/er/3.pdf", "a b/4.png")
Line = dict[str, Any]


class Piece(NamedTuple):
    """A text of a template, and the links that it shows of a line; ``hidden``:
    in a form that is no link.
    """

    text: str
    links: Callable[[Line], list[str]] = lambda _: []
    hidden: bool = False


def own(line: Line) -> list[str]:
    return [line["source-ref"]]


def more(line: Line) -> list[str]:
    return list(line["more"])


def plain(line: Line) -> list[str]:
    return [f"s3://{line['bucket']}/{line['key']}"]


OBJ, GRANT = "task.input.taskObject", "grant_read_access"
HOSTS = ("https://{{ task.input.bucket }}.s3.us-east-1.amazonaws.com/{{ task.input.key }}",
         "https://s3.eu-west-1.amazonaws.com/{{ task.input.bucket }}/{{ task.input.key }}",
         "//{{ task.input.bucket }}.s3.amazonaws.com/{{ task.input.key }}?versionId=3",
         "http://{{ task.input.bucket }}.s3-website-us-east-1.amazonaws.com/{{ task.input.key }}",
         "https://{{ task.input.bucket }}.s3.dualstack.us-east-1.amazonaws.com/{{ task.input.key }}")  # fmt: skip
PIECES = (
    Piece(f'<img src="{{{{ {OBJ} | {GRANT} }}}}">'),
    Piece(f"<img src='{{{{{OBJ}|{GRANT}}}}}'>"),
    Piece(f"{{% for each in task.input.more %}}<img src='{{{{ each | {GRANT} }}}}'>{{% endfor %}}"),
    Piece(f"{{% assign url = {OBJ} | {GRANT} %}}<img src='{{{{ url }}}}'>"),
    Piece(f"{{% comment %}}{{{{ {OBJ} }}}}{{% endcomment %}}"),
    Piece(f"{{% if false %}}{{{{ {OBJ} }}}}{{% endif %}}"),
    Piece(f"<p>{{{{ {OBJ} | split: '/' | last }}}}</p>"),
    Piece("<p>{{ task.input.title }}</p>"),
    Piece("<crowd-x labels='{{ task.input.labels | to_json }}'></crowd-x>"),
    Piece('<script src="https://s3.amazonaws.com/crowd-assets/crowd.js"></script><a href="https://example.com/a">x</a>'),
    Piece(f"{{% comment %}}{{{{ {OBJ} | {GRANT} }}}}{{% endcomment %}}<img src='{{{{ {OBJ} }}}}'>", own),
    Piece(f"<img src='{{{{ {OBJ} | {GRANT} }}}}'><img src='{{{{ task.input.more[0] }}}}'>", lambda x: more(x)[:1]),
    Piece("{% for each in task.input.more %}<a href='{{ each }}'>{{ forloop.index }}</a>{% endfor %}", more),
    Piece(f"{{% if task.input.flag %}}{{{{ {OBJ} }}}}{{% else %}}{{{{ {OBJ} | {GRANT} }}}}{{% endif %}}",
          lambda x: own(x) if x["flag"] else []),
    Piece(f"{{% unless task.input.flag %}}{{{{ {OBJ} | skip_autoescape }}}} {{% endunless %}}",
          lambda x: [] if x["flag"] else own(x)),
    Piece(f"{{% case task.input.title %}}{{% when 'a' %}}<i>{{{{ {OBJ} | escape_once }}}}</i>{{% endcase %}}",
          lambda x: own(x) if x["title"] == "a" else []),
    Piece(f"{{% capture c %}}{{{{ {OBJ} }}}}{{% endcapture %}}<b>{{{{ c }}}}</b>", own),
    Piece(f"<a href='/go?to={{{{ {OBJ} | url_encode }}}}'>go</a>", own),
    Piece("<script>let all = {{ task.input.more | to_json | skip_autoescape }};</script>", more),
    Piece("<img src='{{ task.input.link }}'>", plain),
    *(Piece(f"<img src='{host}'>", plain) for host in HOSTS),
    Piece(f"<div style='background: url({HOSTS[0]})'></div>", plain),
    Piece(f"<p>{{{{ {OBJ} | base64_encode }}}}</p>", hidden=True),
    Piece("<p>{{ task.input.more | join: ',' | replace: ':', '' }}</p>", hidden=True),
    Piece("<p>{{ task.input.absent }}</p>", hidden=True),
)  # fmt: skip
CLEAN = tuple(each for each in PIECES if not each.hidden and each.links({"more": [], "flag": True, "title": "b",
              "source-ref": "x", "bucket": "x", "key": "x"}) == [] and each.links is Piece("").links)  # fmt: skip


SETTLED = {*PIECES[:3], PIECES[4], PIECES[9]}
"""Pieces that show nothing of a task, or what passed the filter, whatever the manifest has."""


def line_of(draw: random.Random) -> Line:
    first, *others = draw.sample(KEYS, 3)
    bucket, key = draw.choice((BUCKET, "scans-of-2026")), draw.choice(KEYS[:2])
    return {
        "source-ref": f"s3://{BUCKET}/{first}",
        "more": [f"s3://{BUCKET}/{each}" for each in others],
        "flag": draw.random() < 0.5,
        "title": draw.choice("ab"),
        "bucket": bucket,
        "key": key,
        "link": f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}?X-Amz-Signature=0",
        "labels": ["Nodule"],
    }


def page_of(text: str, line: Line) -> str | None:
    """Return the page of a line as the sandbox renders it."""
    page, _, errors = templates.fill(text, {**line, "taskObject": line["source-ref"]}, {})
    # to_json writes ASCII
    text = re.sub(r"\\u(....)", lambda found: chr(int(found[1], 16)), html.unescape(page))
    return None if errors else f"{text} {unquote_plus(text)}"


def check_template(seed: int, counts: Counter[str]) -> None:
    draw = random.Random(seed)
    pieces = [draw.choice(CLEAN if seed % 3 == 0 else PIECES) for _ in range(draw.randint(1, 4))]
    lines = [line_of(draw) for _ in range(draw.randint(1, 4))]
    whole, function = (
        draw.random() < 0.8,
        f"arn:aws:lambda:us-east-1:{AWS}:function:PRE-BoundingBox",
    )
    text = "\n".join(each.text for each in pieces)
    expected = {link for line in lines for piece in pieces for link in piece.links(line)}
    pages = [page_of(text, line) for line in lines]
    if None in pages:  # the field that is missing
        counts["cannot be rendered"] += 1
    elif "link" not in text:  # that of the input is https
        uris = [
            link
            for link in expected
            if link.startswith(f"s3://{BUCKET}") and "{{ task.input.key }}" not in text
        ]
        assert all(any(link in str(page) for page in pages) for link in uris), (seed, text)
    tasks = Part.of(TaskLines(tuple(lines), whole))
    template = TaskTemplate(
        "job", Part.of(text), "s3://t/t", tasks, "s3://t/m", function, frozenset({BUCKET})
    )
    answer = links_of(template, text, ACCOUNT)
    if None not in pages:
        assert {*answer.links} == expected, (seed, text, answer, expected)
    hidden = any(each.hidden for each in pieces)
    if answer.links:
        pass
    elif whole and not hidden:
        assert not answer.doubt, (seed, text, answer)
    elif hidden or not {*pieces} <= SETTLED:
        assert answer.doubt, (seed, text, answer)
    counts["found" if answer.links else "unknown" if answer.doubt else "clean"] += 1


def check_law(seeds: Iterable[int]) -> None:
    counts: Counter[str] = Counter()
    for seed in seeds:
        check_template(seed, counts)
    every = counts["found"] + counts["unknown"] + counts["clean"]
    assert counts["found"] >= every / 3, counts
    assert counts["clean"] >= every / 5, counts
    assert counts["unknown"] >= every / 20, counts
    print(counts)


def test_every_link_of_a_page_is_named() -> None:
    check_law(range(120))


def test_every_link_of_more_pages_is_named() -> None:
    check_law(range(200, 1000))


@pytest.mark.slow
def test_every_link_of_many_pages_is_named() -> None:
    check_law(range(1000, 9000))


def without_tasks(function: str, missing: NotRead | None = None) -> PageLinks:
    text = f"<img src='{{{{ {OBJ} }}}}'>"
    tasks: Part[TaskLines] = (
        Part.of(TaskLines((), whole=True)) if missing is None else Part.unread(missing)
    )
    return links_of(
        TaskTemplate("job", Part.of(text), "s3://t/t", tasks, "s3://t/m", function), text, ACCOUNT
    )


def test_what_cannot_be_rendered_is_unknown() -> None:
    own_function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:PRE-own"
    assert without_tasks(own_function).place == own_function
    assert "is not called" in without_tasks(own_function).doubt
    denied = NotRead("the manifest", "s3:GetObject", "denied", "no")
    assert without_tasks("", denied) == (
        (),
        "The input of its tasks is not known: s3:GetObject was denied.",
        "s3://t/m",
    )


def test_without_the_renderer_the_answer_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_links, "find_spec", {}.get)
    assert "pip install --only-binary :all: python-liquid" in without_tasks("").doubt


@pytest.mark.parametrize(
    "text", ["{% if %}", "{{ x", "{% other_tag %}", "{% include 'other' %}", "{{ 1 | grant_x }}"]
)
def test_templates_that_are_not_known_liquid(text: str) -> None:
    tasks = Part.of(TaskLines(({"source-ref": f"s3://{BUCKET}/a"},), whole=True))
    answer = links_of(
        TaskTemplate("job", Part.of(text), "s3://t/t", tasks, "s3://t/m"), text, ACCOUNT
    )
    assert (answer.links, bool(answer.doubt)) == ((), True)


def one_line(template: TaskTemplate, *rest: Any) -> PageLinks:
    text = rest[0]
    found = "grant_read_access" in text
    return PageLinks() if found else PageLinks(("s3://x/y",))


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the text is searched for the filter": lambda patch: patch.setitem(
        globals(), "links_of", one_line
    ),
    "the first line stands for the manifest": lambda patch: patch.setattr(
        page_links, "links_within", first_line_only(page_links.links_within)
    ),
    "other forms are not looked for": lambda patch: patch.setattr(
        page_links, "_with_other_buckets", lambda given, _: given
    ),
    "pages are not unescaped": lambda patch: patch.setattr(
        page_links, "_readings", lambda page: (page,)
    ),
    "links of https do not count": lambda patch: patch.setattr(
        page_links, "_S3_HOST", page_links.re.compile("none")
    ),
}


def first_line_only(links_within: Callable[..., PageLinks]) -> Callable[..., PageLinks]:
    return lambda text, buckets, tasks, *rest: links_within(text, buckets, tasks[:1], *rest)


def here(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in this process, where a fault can be put into it."""
    return json.loads(json.dumps(function(*arguments)))


@pytest.mark.parametrize("fault", MUTANTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "call", here)
    MUTANTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        check_law(range(120))
