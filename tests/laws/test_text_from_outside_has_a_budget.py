"""An evaluation of text from outside ends within a budget of time and memory; beyond it the answer
is unknown.

Templates are written by anybody who can start a labeling job. Each kind below asks for time or
memory without bound in another way; the sampler nests and joins what they are made of. Whatever a
template asks for, the process of the person answers, with an answer or with the reason why there is
none.
"""

from __future__ import annotations

import json
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from gt_secure.account.state import TaskLines, TaskTemplate
from gt_secure.base import budget
from gt_secure.engine.access.part import Part
from gt_secure.findings.page_links import links_of
from gt_secure.sandbox.sagemaker import templates

TASK = {"source-ref": "s3://gt-images/a.png", "taskObject": "s3://gt-images/a.png", "labels": ["x"]}
TEXT = "{% assign x = 'ab' %}{% for i in (1..60) %}{% assign x = x | "
LIST = "{% assign x = '" + "a," * 2000 + "' | split: ',' %}"
FOR = "{% for i in (1..9999) %}"
HOSTILE = {
    "times": "{% assign x = 3 %}{% for i in (1..40) %}{% assign x = x | times: x %}{% endfor %}",
    "times, shown": "{% assign x = 3 %}{% for i in (1..40) %}{% assign x = x | times: x %}{{ x }}{% endfor %}",
    "plus": "{% assign x = 3 %}{% for i in (1..9999) %}{% assign x = x | plus: x | plus: x | plus: x %}{% endfor %}",
    "append": TEXT + "append: x %}{% endfor %}",
    "prepend": TEXT + "prepend: x %}{% endfor %}",
    "replace": TEXT + "replace: 'a', x %}{% endfor %}",
    "replace nothing": TEXT + "replace: '', x %}{% endfor %}",
    "join": "{% assign x = (1..99999999999) | join: 'x' %}",
    "sort": "{% assign x = (1..99999999999) | sort %}",
    "a range that is shown": "{% assign r = (1..99999999) %}{{ r | reverse | join }}",
    "uniq": "{% assign x = (1..99999999) | reverse | uniq %}",
    "map": "{% assign x = (1..99999999) | map: 'a' %}",
    "sum": "{% assign x = (1..9999999999) | sum %}",
    "where": "{% assign x = (1..9999999999) | where: 'a' %}",
    "concat": LIST + "{% for i in (1..60) %}{% assign x = x | concat: x %}{% endfor %}",
    "uniq of a list": LIST.replace("a,", "a,b,") + FOR + "{% assign y = x | uniq %}{% endfor %}",
    "split": TEXT + "append: x | split: '' | join: 'abcdefgh' %}{% endfor %}",
    "escape": TEXT.replace("ab", "&") + "escape | append: x %}{% endfor %}",
    "url_encode": TEXT.replace("ab", "%") + "url_encode | append: x | url_encode %}{% endfor %}",
    "base64": FOR + "{% assign x = x | default: 'ab' | base64_encode %}{% endfor %}",
    "capture": "{% for i in (1..60) %}{% capture x %}{{ x | default: 'ab' }}{{ x | default: 'ab' }}{% endcapture %}"
    "{% endfor %}",
    "to_json": TEXT + "to_json | append: x | to_json %}{% endfor %}",
    "nested loops": FOR * 4 + "{% endfor %}" * 4,
    "loops one after another": (FOR + "{% if true %}{% endif %}" * 20 + "{% endfor %}") * 400,
    "tablerow": "{% tablerow i in (1..99999999) %}x{% endtablerow %}",
    "filters": "{{ 1 " + "| plus: 1 " * 50_000 + "}}",
    "filters of a loop": FOR + "{% assign y = 'a b' " + "| upcase | downcase " * 200 + "%}{% endfor %}",
    "digits": "{{ " + "9" * 5_000 + " | times: 2 }}",
    "more digits": "{% for i in (1.." + "9" * 4_000 + ") %}x{% endfor %}",
    "digits of a text": "{% assign x = '" + "9" * 4_200 + "' | times: 9 %}{{ x }}{{ x | times: x }}",
    "an endless number": "{{ 9e999 | ceil }}{{ '9e999' | ceil }}",
    "rounded far": "{{ 1.5 | round: 99999999999 }}",
    "a date": "{{ 'now' | date: '" + "%9999999d" * 20_000 + "' }}",
    "a long date": "{{ '" + "9" * 300_000 + "' | date: '%Y' }}",
    "deep": "{% if true %}" * 3_000 + "{% endif %}" * 3_000,
    "deep paths": "{{ " + "task[" * 20_000 + "1" + "]" * 20_000 + " }}",
    "parentheses": "{{ " + "(" * 90_000 + " }}",
    "quotes": "{{ " + "['" * 90_000 + " }}",
    "open tags": "{% " * 100_000,
    "open raw": "{% raw %}" * 30_000,
    "pages of hosts": "{% capture x %}{% for i in (1..3000) %}.s3-s3.s3{% endfor %}{% endcapture %}//{{ x }}/{{ x }}"
    "{% if task.input.title %}{% endif %}",
    "strip_html": "{% assign x = '<' %}{% for i in (1..15) %}{% assign x = x | append: x %}{% endfor %}"
    "{{ x | strip_html }}",
    "truncate": TEXT + "append: x | truncate: 99999999999 %}{% endfor %}",
    "counters": FOR + "{% increment a %}{% cycle 1, 2 %}{% endfor %}",
    "includes itself": "{% include 'self' %}{% render 'self' %}",
    "a bare surrogate": "{{ '\ud800' }}",
}  # fmt: skip


FILTERS = (
    "append: x", "prepend: x", "times: x", "plus: x", "replace: 'a', x", "replace: '', x", "split: ''", "join: x",
    "sort", "concat: x", "uniq", "reverse", "map: 'a'", "upcase", "escape", "url_encode", "base64_encode", "to_json",
    "size", "strip_html", "truncate: 99999999", "slice: 0, 99999999", "date: x", "round: 99", "skip_autoescape",
    "default: x",
)  # fmt: skip
STARTS = (
    "'ab'",
    "3",
    "1.5",
    "(1..99999999)",
    "'" + "a," * 500 + "'",
    "task.input.labels",
    "x",
    "'%9999d&<'",
)
AROUND = (
    "{% for i in (1..9999) %}BODY{% endfor %}", "{% for i in (1..60) %}BODY{% endfor %}", "{% if x %}BODY{% endif %}",
    "{% capture x %}BODY{{ x }}{% endcapture %}", "{% tablerow i in x %}BODY{% endtablerow %}", "BODYBODY",
    "{% unless i == 7 %}BODY{% else %}{% break %}{% endunless %}",
)  # fmt: skip


def drawn(seed: int) -> str:
    """Return a template of nested loops whose values grow by filters."""
    draw = random.Random(seed)
    filters = " | ".join(draw.choices(FILTERS, k=draw.randint(1, 4)))
    body = f"{{% assign x = x | {filters} %}}" + draw.choice(("", "{{ x }}", "{{ x | size }}"))
    for _ in range(draw.randint(1, 4)):
        body = draw.choice(AROUND).replace("BODY", body)
    return f"{{% assign x = {draw.choice(STARTS)} %}}{body}"


def own_usage() -> tuple[float, int]:
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def template_of(text: str) -> TaskTemplate:
    tasks = Part.of(TaskLines((TASK,), whole=True))
    return TaskTemplate(
        "job", Part.of(text), "s3://t/t", tasks, "s3://t/m", "", frozenset({"gt-images"})
    )


def check_ends(text: str, *, finding: bool) -> str:
    """Evaluate a template as the finding or as the sandbox does; return how it ended."""
    before_s, before_kb = own_usage()
    if finding:
        found = links_of(template_of(text), text, "111122223333")
        ended = (
            "given up"
            if "not rendered" in found.doubt
            else "unknown"
            if found.doubt
            else "rendered"
        )
        assert not found.links
        assert ended != "rendered" or "{{ task" not in text
    else:
        try:
            page, _, errors = budget.call(templates.fill, text, TASK, {})
            ended = "unknown" if errors else "rendered"
            assert not (page and errors)
        except OSError:
            ended = "given up"
    spent_s, grown_kb = (
        after - before for after, before in zip(own_usage(), (before_s, before_kb), strict=True)
    )
    assert spent_s < 0.1, "this process evaluates nothing"
    assert grown_kb < 100_000
    return ended


def check_law(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, text in enumerate(texts):
        warm()
        counts[check_ends(text, finding=number % 2 == 0)] += 1
    assert counts["given up"] >= counts.total() / 20, counts
    assert counts["given up"] + counts["unknown"] >= counts.total() / 4, counts
    assert counts["rendered"], counts
    print(counts)
    return counts


def set_seconds(patch: pytest.MonkeyPatch, seconds: float) -> None:
    limit = budget.LIMITS["Liquid"]._replace(seconds=seconds)
    patch.setitem(budget.LIMITS, "Liquid", limit)  # type: ignore[arg-type]


def warm() -> None:
    """Let the process import what evaluates before the time of a case begins."""
    with pytest.MonkeyPatch.context() as patch:
        set_seconds(patch, 30)
        assert links_of(template_of(""), "", "") == ((), "", "")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of which a hundred cases cost little; the process knows it from each call."""
    set_seconds(monkeypatch, 0.1)
    warm()


COSTLY = (
    "times", "prepend", "sum", "split", "capture", "to_json", "loops one after another", "filters", "filters of a loop",
    "a date", "a long date", "deep", "deep paths", "parentheses", "quotes", "open raw", "pages of hosts", "counters",
)  # fmt: skip
"""Kinds that end the process, or nearly use up the budget:
together they cost more than all others.
"""


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind not in COSTLY])
def test_a_hostile_template_ends(kind: str) -> None:
    check_ends(HOSTILE[kind], finding=len(kind) % 2 == 0)


def test_each_costly_template_ends() -> None:
    for kind in COSTLY:
        warm()
        check_ends(HOSTILE[kind], finding=len(kind) % 2 == 0)


def test_templates_that_grow_end() -> None:
    """On a quick machine each of a dozen drawn templates may end: one more never does."""
    check_law((*map(drawn, range(20, 32)), HOSTILE["loops one after another"]))


@pytest.mark.slow
def test_many_templates_that_grow_end() -> None:
    check_law(map(drawn, range(1000, 2000)))


SHOWN = HOSTILE["loops one after another"] + "{{ task.input.labels }}"


def test_what_is_given_up_is_unknown_with_the_reason_and_the_next_is_rendered() -> None:
    reason = "Its template was not rendered: it is too costly (no result within 0.1 s and 100 MB)."
    assert links_of(template_of(SHOWN), SHOWN, "111122223333") == ((), reason, "s3://t/t")
    warm()


LONG = "{% for i in (1..500) %}{% assign y = (1..1000) | join %}{% endfor %}"


def here(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in this process: the fault for which the law was written."""
    return json.loads(json.dumps(function(*arguments)))


def loses_the_reason(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(function, *arguments)
    except OSError:
        return ((), "", "")


call = budget.call
MUTANTS = {"evaluated here": (here, LONG), "clean beyond it": (loses_the_reason, SHOWN)}


@pytest.mark.parametrize("fault", MUTANTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replacement, text = MUTANTS[fault]
    monkeypatch.setattr(budget, "call", replacement)
    with pytest.raises(AssertionError):
        check_ends(text, finding=fault == "clean beyond it")
