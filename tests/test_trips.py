"""How much of the package a person has to read who follows a question from
its call to its answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import gt_secure
from gt_secure import Restriction
from gt_secure.sandbox import Sandbox
from support.consents import AGREED
from support.trips import PACKAGE, Trip, trip_of

PARTS = ("base", "secrets", "engine", "sandbox")
"""Parts that a change of the product reaches through their face; what they enter is counted,
and told apart.
"""
BUDGET = {
    "plan and apply": (92_800, 40_650),  # with what each other team of the bucket loses
    "exposure": (53_500, 16_900),
    "explain": (29_850, 13_800),
    "hits": (23_600, 21_700),
}
"""The most syntax nodes that the functions of a trip have,
and those of them that are outside of :data:`PARTS`.
"""

OFFICE = Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Sandbox, Path]]]:
    """Two sandboxes, each with a folder for its cache."""
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    with Sandbox(log_delay_s=0.2) as first, Sandbox(log_delay_s=0.2) as second:
        yield [(first, tmp_path / "first"), (second, tmp_path / "second")]


def _outside(trip: Trip) -> int:
    places = (
        (path, line)
        for path, line in trip.places
        if Path(path).relative_to(PACKAGE).parts[0] not in PARTS
    )
    return Trip(frozenset(places)).nodes


def _trips(sandbox: Sandbox, cache: Path) -> dict[str, Trip]:
    gt = gt_secure.connect(sandbox=sandbox)
    # the newest part of the log is read as on the trip of the hits
    trips = {
        "plan and apply": trip_of(lambda: gt.apply(gt.plan(OFFICE, logs=False), confirm=AGREED))
    }
    trips["exposure"] = trip_of(
        lambda: str(gt.who_can_open("gt-images", "scans/0001.png", team="open-team"))
    )
    url = gt.sign("gt-images", "scans/0001.png", bound_to="203.0.113.7")
    probe = gt.probe(url, "198.51.100.9")
    trips["explain"] = trip_of(lambda: str(gt.explain(probe, url=url)))
    gt.hits("gt-images", wait_for=1)
    anew = gt_secure.connect(sandbox=sandbox, cache=cache)
    trips["hits"] = trip_of(lambda: str(anew.hits("gt-images").count("remote_ip")))
    return trips


def test_a_trip_is_short_enough_to_read(places: list[tuple[Sandbox, Path]]) -> None:
    """Neither the size of the functions that a question enters, nor that outside of the parts,
    may grow.

    The second of two equal trips is measured: what the first one of a process enters depends on the
    tests before it.
    """
    _, trips = [_trips(sandbox, cache) for sandbox, cache in places]
    measured = {name: (trip.nodes, _outside(trip)) for name, trip in trips.items()}
    for name, trip in trips.items():
        print(
            f"{name}: {trip.nodes} nodes, {_outside(trip)} outside of parts; {len(trip.modules)}"
            " modules"
        )
    grown = [name for name, nodes in measured.items() if any(map(int.__gt__, nodes, BUDGET[name]))]
    assert not grown, (
        f"nodes that a trip enters, and those outside of the parts: {measured}; at most {BUDGET}"
    )
