"""Each fuzz target holds on its seeds and on some hundred changes of them;
`tools/fuzz.sh` goes on from there.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from typing import Any

import pytest

from gt_secure.base import files as textfiles
from gt_secure.base.html import Markup
from gt_secure.logs.ingest import batching as packing, json_records as records
from gt_secure.presign.inspect import PresignedUrl
from support import corpus
from support.fuzzing import input_targets, log_targets
from support.fuzzing.input_targets import TARGETS
from support.fuzzing.mutation import mutate
from support.fuzzing.target import Target, is_slow
from support.sample import sample

RUNS = {
    "lines": 3,
    "spelling": 8,
    "packing": 30,
    "records": 15,
    "checks": 60,
    "restriction": 60,
    "account": 60,
}
"""How many changed inputs of those targets that take longer; a line's is two hundred lines."""


@pytest.mark.parametrize("target", sample(TARGETS, 4), ids=lambda one: one.name)
def test_nothing_is_found(target: Target) -> None:
    rng = random.Random(35)
    seeds = list(target.seeds())
    changed = [
        mutate(rng.choice(seeds), rng, target.words, seeds)
        for _ in range(RUNS.get(target.name, 150))
    ]
    first = seeds if target.name != "lines" else seeds[::5]
    for data in [b"", b"\n", *first, *changed]:
        begun = time.process_time()
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"{target.name}: {data!r}")
            raise
        assert not is_slow(time.process_time() - begun), data


_STATEMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "%s"},
    }
)
LARGE = {
    "deep lists": "[" * 190_000,
    "deep objects": '{"a":' * 38_000,
    "names twice": "{" + ", ".join(f'"a{i}": 1, "a{i}": 1' for i in range(8000)) + "}",
    "stars": _STATEMENT % ("arn:aws:s3:::gt-data/" + "*a" * 20_000),
    "variables": _STATEMENT % ("arn:aws:s3:::gt-data/" + "${aws:username}" * 8000),
    "open string": '"' + "\\" * 190_000,
    "blanks": "1" + " " * 190_000 + "x",
    "quotes": "a" + '"' * 190_000 + "b",
    "lines": "a: 1\n" * 10_000,
    "dashes": "- " * 5000,
    "digits": "9" * 190_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE.keys())
def test_the_largest_inputs_take_no_longer(text: str) -> None:
    """What grows with the square of the input shows only here: a fuzzer's inputs are small."""
    form = b"j" if text[0] in "[{" else b"y"
    starts = {
        "restriction": form,
        "checks": form,
        "answer": b"\0\0\n\n<Code>",
        "url": b"https://x/?X-Amz-Signature=",
    }
    for target in TARGETS:
        if target.name not in {one.name for one in log_targets.TARGETS}:
            begun = time.process_time()
            target.run(starts.get(target.name, b"") + text.encode())
            assert not is_slow(time.process_time() - begun), target.name


def _finds(name: str) -> bool:
    rng = random.Random(1)
    target = next(one for one in TARGETS if one.name == name)
    seeds = list(target.seeds())
    changed = (mutate(rng.choice(seeds), rng, target.words, seeds) for _ in range(400))
    for data in itertools.chain(seeds, changed):
        try:
            target.run(data)
        except Exception:
            return True
    return False


def _forged(_texts: list[bytes], _rng: random.Random) -> tuple[list[dict[str, Any]], list[bytes]]:
    return [{**corpus.BASE, "remote_ip": "192.0.2.1"}], [corpus.write(corpus.BASE).encode()]


def _as_markup(text: object) -> Markup:
    return Markup(f"<i>{text}</i>")


@pytest.mark.parametrize(
    ("name", "place", "attribute", "fault"),
    [
        ("packing", packing.Packer, "_last_newline", lambda self, begin: begin - 1),
        ("lines", log_targets, "_forged", _forged),
        ("records", records, "_time", lambda value: "2026-13-45 00:00:00"),
        ("policy", input_targets, "find_guard", lambda text: None),
        ("account", sys.modules["gt_secure.engine.access.exposure_text"], "code", _as_markup),
        ("ranges", input_targets.network, "collapse", lambda networks: tuple(networks)[:1]),
        ("restriction", textfiles, "_refuse_twice", lambda keys, name: {}[name]),
        ("url", PresignedUrl, "__repr__", lambda self: input_targets.URL),
        ("answer", sys.modules["gt_secure.explain.explanation"], "html_text", _as_markup),
        ("ndjson", sys.modules["gt_secure.engine.iam.batch"], "evaluate", lambda request, policies: None),
    ],
)  # fmt: skip
def test_a_target_sees_a_fault(
    monkeypatch: pytest.MonkeyPatch, name: str, place: object, attribute: str, fault: object
) -> None:
    """A line that is lost or read wrong, text that becomes markup, a secret that is shown,
    an error that gets out.
    """
    monkeypatch.setattr(place, attribute, fault)
    assert _finds(name)
