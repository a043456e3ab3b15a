"""The kind of a leak is of who opened the URL: no order of its uses changes the kind, and no user
agent makes a leak less.

The sampler draws the uses of URLs, and writes each URL three times: as drawn, with the times of its
uses shuffled, and with other user agents. It knows the networks that opened each URL, and which
networks did more than a link preview does. It shares no code with the tool.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gt_secure.logs import leaks as module, read_hits
from gt_secure.logs.url_users import User, Users
from support import corpus

AGENTS = ("curl/8", "WhatsApp/2.23", "Slackbot 1.0", "curl slackbot", "Discordbot", "Mozilla/5.0")
PREVIEWS = {"WhatsApp/2.23": "whatsapp", "Slackbot 1.0": "slackbot", "curl slackbot": "slackbot",
            "Discordbot": "discordbot"}  # fmt: skip
URLS = 60
FLOOR = {"leak": 30, "refused": 15, "preview": 15, "": 10}
"""The least number of URLs of each kind that a seed must meet."""


@dataclass(frozen=True)
class Use:
    network: int
    at: int
    refused: bool
    agent: str


def drawn(draw: random.Random) -> list[Use]:
    """Uses of one URL: in some of them a network does no more than a preview."""
    networks = draw.randint(1, draw.choice([2, 2, 3, 6]))
    few, claim = draw.random() < 0.5, draw.random()
    often_refused = draw.choice([0.0, 0.4, 0.9])
    uses = []
    for network in range(networks):
        agent = draw.choice(AGENTS[1:] if draw.random() < claim else AGENTS[:1])
        for _ in range(1 if few else draw.randint(1, 6)):
            own = agent if draw.random() < 0.9 else "curl/8"
            uses.append(Use(network, draw.randint(0, 900), draw.random() < often_refused, own))
    return uses


def shuffled(uses: list[Use], draw: random.Random) -> list[Use]:
    times = [use.at for use in uses]
    draw.shuffle(times)
    return [replace(use, at=at) for use, at in zip(uses, times, strict=True)]


def kinds(folder: Path, urls: list[list[Use]]) -> list[str]:
    """The kind of each URL, by the tool."""
    lines = []
    for number, uses in enumerate(urls):
        date = f"T{8 + number // 3600:02}{number // 60 % 60:02}{number % 60:02}Z"
        uri = corpus.PRESIGNED["request_uri"].replace("T091400Z", date)
        for use in uses:
            record = {**corpus.BASE, **corpus.PRESIGNED, "request_uri": uri}
            record |= {"remote_ip": f"203.0.{use.network}.7", "user_agent": use.agent}
            record |= {"time": corpus.BASE["time"] + timedelta(seconds=use.at)}
            record |= {"http_status": 403} if use.refused else {}
            lines.append(corpus.write(record))
    (folder / "log").write_text("\n".join(lines), encoding="utf-8")
    with read_hits(folder / "log") as hits:
        found = {leak.signed_at: leak.kind for leak in hits.leaks()}
    start = corpus.BASE["time"].replace(hour=8, minute=0, second=0)
    return [found.get(start + timedelta(seconds=number), "") for number in range(len(urls))]


def busy(uses: list[Use]) -> set[int]:
    """Networks that opened a URL and did more than a preview, whatever they say of themselves."""
    opened = {use.network for use in uses if not use.refused}
    requests = Counter(use.network for use in uses)
    agents = {use.network: {each.agent for each in uses if each.network == use.network}
              for use in uses}  # fmt: skip
    words = Counter(PREVIEWS.get(min(own)) for own in agents.values() if len(own) == 1)
    return {
        network
        for network in opened
        if requests[network] > 3
        or len(agents[network]) > 1
        or any(
            use.agent not in PREVIEWS or words[PREVIEWS[use.agent]] > 2
            for use in uses
            if use.network == network
        )
    }


def judge(folder: Path, seed: int) -> Counter[str]:
    draw = random.Random(seed)
    urls = [drawn(draw) for _ in range(URLS)]
    others = [[replace(use, agent=draw.choice(AGENTS)) for use in uses] for uses in urls]
    plain = [[replace(use, agent="curl/8") for use in uses] for uses in urls]
    found = kinds(folder, [*urls, *(shuffled(uses, draw) for uses in urls), *others, *plain])
    told, later, renamed, bare = (found[at : at + URLS] for at in range(0, 4 * URLS, URLS))
    assert told == later  # no order changes a kind
    for uses, kind in [*zip(urls, told, strict=True), *zip(others, renamed, strict=True)]:
        assert kind == "leak" or len(busy(uses)) < 2, uses  # no word of a client lowers it
    for uses, kind in zip(urls, bare, strict=True):
        opened = {use.network for use in uses if not use.refused}
        tried = {use.network for use in uses}
        assert kind == ("leak" if len(opened) > 1 else "refused" if len(tried) > 1 else ""), uses
    return Counter([*told, *renamed, *bare])


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 40))])  # fmt: skip
def test_the_kind_is_of_who_opened(tmp_path: Path, seed: int) -> None:
    met = judge(tmp_path, seed)
    assert all(met[kind] >= floor for kind, floor in FLOOR.items()), met


# Faults that this law is for, put back.


def by_the_first(users: Users) -> str:
    """The first user is taken for the owner."""
    others = [user for user in users[1:] if user.network != users[0].network]
    people = [user for user in others if not user.prefetcher]
    if not people:
        return "preview" if others else ""
    return "refused" if all(user.held for user in people) else "leak"


def by_the_word(users: Users) -> Users:
    """Whoever says that it is a link preview is one."""

    def marked(user: User) -> User:
        return replace(user, prefetcher=bool(user.claim))

    return tuple(map(marked, users))


@pytest.mark.parametrize(("name", "fault"), [("kind_of", by_the_first), ("with_previews", by_the_word)])  # fmt: skip
def test_a_fault_put_back_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fault: object
) -> None:
    monkeypatch.setattr(module, name, fault)
    with pytest.raises(AssertionError):
        judge(tmp_path, 0)
