"""Each fuzz target holds on its seeds and on some hundred changes of them; `make fuzz` goes on from there."""

from __future__ import annotations

import itertools
import random
import sys
import time
from typing import Any

import corpus
import inputtargets
import logtargets
import pytest
from inputtargets import TARGETS
from mutating import mutate
from target import SLOW_S, Target

from gt_secure import textfiles
from gt_secure.logs import packing, records
from gt_secure.presign.inspect import PresignedUrl

RUNS = {"lines": 6, "packing": 80, "records": 40, "checks": 150, "restriction": 150, "account": 150}
"""How many changed inputs of those targets that take longer; a line's is two hundred lines."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_nothing_is_found(target: Target) -> None:
    rng = random.Random(35)
    seeds = list(target.seeds())
    changed = [mutate(rng.choice(seeds), rng, target.words, seeds) for _ in range(RUNS.get(target.name, 300))]
    first = seeds if target.name != "lines" else seeds[::5]
    for data in [b"", b"\n", *first, *changed]:
        begun = time.process_time()
        try:
            target.run(data)
        except Exception as error:
            error.add_note(f"{target.name}: {data!r}")
            raise
        assert time.process_time() - begun < SLOW_S, data


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


@pytest.mark.parametrize(
    ("name", "place", "attribute", "fault"),
    [
        ("packing", packing.Packer, "_last_newline", lambda self, begin: begin - 1),
        ("lines", logtargets, "_forged", _forged),
        ("records", records, "_int", lambda value, kind="": value),
        ("policy", inputtargets, "find_guard", lambda text: None),
        ("account", sys.modules["gt_secure.policy.who"], "escape", lambda cell: f"<b>{cell}</b>"),
        ("ranges", inputtargets.network, "collapse", lambda networks: tuple(networks)[:1]),
        ("restriction", textfiles, "_refuse_twice", lambda keys, name: {}[name]),
        ("url", PresignedUrl, "__repr__", lambda self: inputtargets.URL),
        ("answer", sys.modules["gt_secure.presign.explain"], "escape", str),
        ("ndjson", sys.modules["gt_secure.policy.ndjson"], "evaluate", lambda request, policies: None),
    ],
)  # fmt: skip
def test_a_target_sees_a_fault(
    monkeypatch: pytest.MonkeyPatch, name: str, place: object, attribute: str, fault: object
) -> None:
    """A line that is lost or read wrong, text that becomes markup, a secret that is shown, an error that gets out."""
    monkeypatch.setattr(place, attribute, fault)
    assert _finds(name)
