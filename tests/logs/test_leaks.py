"""Which use of a URL by several sources is a leak."""

from __future__ import annotations

import datetime as dt
import random
from datetime import timedelta
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs import read_hits
from gt_secure.logs.leaks import Leak, LeakRules
from support import corpus
from support.sample import sample

URI = corpus.PRESIGNED["request_uri"]


def use(ip, seconds, refused=False, agent="Mozilla/5.0", uri=URI):
    changes = {"http_status": 403, "error_code": "AccessDenied"} if refused else {}
    record = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "remote_ip": ip,
        "user_agent": agent,
        "request_uri": uri,
        **changes,
    }
    record["time"] = corpus.BASE["time"] + timedelta(seconds=seconds)
    return corpus.write(record)


def leaks(tmp_path: Path, lines, **rules):
    (tmp_path / "log").write_text("\n".join(lines))
    with read_hits(tmp_path) as hits:
        return hits.leaks(LeakRules.make(**rules))


FIRST = use("203.0.113.7", 0)


@pytest.mark.parametrize(
    ("later", "rules", "kind"),
    sample(
        [
            ([use("198.51.100.9", 60)], {}, "leak"),
            ([use("198.51.100.9", 60, refused=True)], {}, "refused"),
            ([use("198.51.100.9", 60, refused=True), use("192.0.2.1", 70)], {}, "leak"),
            ([use("203.0.113.200", 60)], {}, None),
            ([use("203.0.113.200", 60)], {"v4_prefix": 32}, "leak"),
            ([use("203.0.113.7", 60)], {"v4_prefix": 32}, None),
            ([use("198.51.100.9", 60)], {"pools": "203.0.113.0/24, 198.51.100.0/24"}, None),
            ([use("198.51.100.9", 60)], {"pools": "203.0.113.0/24"}, "leak"),
            ([use("2001:db8::1", 5)], {}, None),
            ([use("2001:db8::1", 5)], {"pair_seconds": 0}, "leak"),
            ([use("2001:db8::1", 500)], {}, "leak"),
            ([use("2001:db8::1", 5, agent="curl/8")], {}, "leak"),
            ([use("198.51.100.9", 5, agent="Slackbot-LinkExpanding 1.0")], {}, "preview"),
            ([use("198.51.100.9", 5, uri=URI.replace("T091400Z", "T091401Z"))], {}, None),
            (
                [
                    use(
                        "198.51.100.9",
                        5,
                        uri=URI.replace("&X-Amz-Sig", "&x-gt-secure-test=1&X-Amz-Sig"),
                    )
                ],
                {},
                None,
            ),
            ([use("10.0.3.4", 60)], {}, "leak"),
            # An IPv4 address in its IPv6 form is the IPv4 address.
            ([use("::ffff:203.0.113.7", 60)], {}, None),
            ([use("::ffff:203.0.113.7", 60)], {"v4_prefix": 32}, None),
            ([use("::FFFF:203.0.113.200", 60)], {}, None),
            ([use("::ffff:198.51.100.9", 60)], {}, "leak"),
            ([use("::ffff:198.51.100.9", 5)], {}, "leak"),
            ([use("::ffff:198.51.100.9", 60)], {"pools": "203.0.113.0/24, 198.51.100.0/24"}, None),
        ],
        3,
    ),
)
def test_rules(tmp_path: Path, later, rules, kind) -> None:
    found = leaks(tmp_path, [*reversed(later), FIRST], **rules)
    assert [leak.kind for leak in found] == ([kind] if kind else [])
    assert found.checked >= 1
    assert found.summary


FORM = {"auth_type": "HtmlForm", "operation": "REST.POST.UPLOAD", "request_uri": "POST / HTTP/1.1"}


@pytest.mark.parametrize(
    ("changes", "leaked"),
    sample(
        [
            ({**FORM, "key": None}, False),
            ({**FORM, "key": None, "request_uri": "POST /?x=1 HTTP/1.1"}, False),
            ({**FORM, "key": "uploads/a.png"}, True),
            ({"request_uri": "GET /scans/0007.png HTTP/1.1"}, False),
            ({"request_uri": "GET /scans/0007.png? HTTP/1.1"}, False),
            ({"request_uri": None}, False),
            ({}, True),
        ],
        3,
    ),
)
def test_rows_without_anything_of_their_url_are_no_leak(
    tmp_path: Path, changes, leaked: bool
) -> None:
    base = {**corpus.BASE, **corpus.PRESIGNED, **changes}
    lines = [
        corpus.write({**base, "remote_ip": ip, "request_id": ip})
        for ip in ("203.0.113.7", "198.51.100.9")
    ]
    (tmp_path / "log").write_text("\n".join(lines))
    with read_hits(tmp_path) as hits:
        assert hits.count(["presigned"]).rows == [(True, 2)]
        assert all((value is None) != leaked for value in hits.rows().column("fingerprint"))
        assert len(hits.leaks()) == leaked


def test_two_addresses_in_their_ipv6_form_are_two_networks(tmp_path: Path) -> None:
    later = use("::ffff:198.51.100.9", 60)
    [leak] = leaks(tmp_path, [use("::ffff:203.0.113.7", 0), later])
    assert [user.network for user in leak.users] == ["203.0.113.0/24", "198.51.100.0/24"]
    assert not leaks(tmp_path, [use("::ffff:203.0.113.7", 0), use("2001:db8::1", 5)])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"v4_prefix": 33}, "v4_prefix"), ({"v4_prefix": -1}, "v4_prefix"), ({"v4_prefix": True}, "v4_prefix"),
        ({"v4_prefix": "24"}, "v4_prefix"), ({"v4_prefix": 24.0}, "v4_prefix"), ({"v6_prefix": 129}, "v6_prefix"),
        ({"v6_prefix": -1}, "v6_prefix"), ({"v6_prefix": None}, "v6_prefix"),
        ({"pair_seconds": -0.5}, "pair_seconds"), ({"pair_seconds": float("nan")}, "pair_seconds"),
        ({"pair_seconds": float("inf")}, "pair_seconds"), ({"pair_seconds": "60"}, "pair_seconds"),
    ],
)  # fmt: skip
def test_rules_that_no_address_or_time_can_have(values, field) -> None:
    for make in (LeakRules, LeakRules.make):
        with pytest.raises(InvalidInput) as error:
            make(**values)
        assert error.value.to_dict()["details"]["field"] == field
        assert error.value.next_step


@pytest.mark.parametrize("values", [{"v4_prefix": 0}, {"v4_prefix": 32}, {"v6_prefix": 0}, {"v6_prefix": 128},
                                    {"pair_seconds": 0}, {"pair_seconds": 1.5}])  # fmt: skip
def test_rules_at_their_ends(tmp_path: Path, values) -> None:
    assert (
        leaks(tmp_path, [FIRST, use("198.51.100.9", 60), use("2001:db8::1", 5)], **values).checked
        == 1
    )


def test_what_is_told(tmp_path: Path) -> None:
    found = leaks(
        tmp_path,
        [
            FIRST,
            use("198.51.100.9", 60, agent="curl/8"),
            use("198.51.100.9", 90, refused=True, agent="curl/8"),
            use("198.51.100.9", 95, agent="curl/8"),
        ],
    )
    [leak] = found
    assert leak.sentence == (
        "Signed 20 Nov 09:14 UTC for scans/0007.png, first used from 203.0.113.7, "
        "then from 198.51.100.9 (3 times, 1 refused)."
    )
    assert leak.expires_s == 600
    assert found.to_table().rows[0][3:8] == (
        "203.0.113.7",
        "198.51.100.9",
        leak.users[1].first,
        3,
        1,
    )
    assert "same second" in found.notes[0]
    assert "TOKEN" not in str(leak.to_dict())
    assert "ASIA" not in str(leak.to_dict())


def test_many_leaks_are_sorted_and_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_secure.logs.leaks as module

    monkeypatch.setattr(module, "_MOST", 3)
    lines = []
    for n in range(6):
        uri = URI.replace("T091400Z", f"T09140{n}Z")
        lines += [use("203.0.113.7", 0, uri=uri)] + [
            use(f"198.51.{i}.9", 5 + i, uri=uri) for i in range(n + 1)
        ]
    found = leaks(tmp_path, lines)
    assert [len(leak.others) for leak in found] == [6, 5, 4]
    assert found.notes[1].startswith("3 more URLs")


def test_the_first_use_of_a_source_and_the_numbers_of_all(tmp_path: Path) -> None:
    lines = [use("198.51.100.9", 60 + n // 2, refused=not n % 2) for n in reversed(range(6))]
    [leak] = leaks(tmp_path, [*lines, FIRST])
    first, other = leak.users
    assert [first.address, other.address] == ["203.0.113.7", "198.51.100.9"]
    assert other.first == (corpus.BASE["time"] + timedelta(seconds=60)).replace(tzinfo=None)
    assert (other.requests, other.refused) == (6, 3)
    assert (leak.signed_at, leak.expires_s) == (dt.datetime(2026, 11, 20, 9, 14), 600)


@pytest.mark.parametrize(
    ("operation", "more", "says"),
    [
        (
            "REST.GET.BUCKET",
            "list-type=2&",
            "for the list of objects of gt-images, first used from",
        ),
        (
            "REST.GET.BUCKETVERSIONS",
            "versions&",
            "for the list of objects of gt-images, first used from",
        ),
        ("REST.GET.ACL", "acl&", "for the bucket gt-images, first used from"),
        ("REST.HEAD.BUCKET", "", "for the bucket gt-images, first used from"),
    ],
)
def test_a_leaked_url_of_the_bucket_has_a_sentence(
    tmp_path: Path, operation: str, more: str, says: str
) -> None:
    uri = URI.replace("/scans/0007.png?", f"/?{more}")
    lines = []
    for address, seconds in (("203.0.113.7", 0), ("198.51.100.9", 60)):
        moment = corpus.BASE["time"] + timedelta(seconds=seconds)
        fields = {
            "remote_ip": address,
            "request_uri": uri,
            "operation": operation,
            "key": None,
            "time": moment,
        }
        lines.append(corpus.write({**corpus.BASE, **corpus.PRESIGNED, **fields}))
    [leak] = leaks(tmp_path, lines)
    assert says in leak.sentence
    assert "for ," not in leak.sentence


@pytest.mark.parametrize("number", [4, 5, 9])
def test_a_leak_says_how_many_places_it_leaves_out(tmp_path: Path, number: int) -> None:
    later = [use(f"198.51.{at}.9", 60 + at) for at in range(number)]
    same = [use(f"198.51.{at}.9", 0) for at in range(number)]
    [after], [together] = (
        leaks(tmp_path, [FIRST, *later]),
        leaks(tmp_path, [FIRST, *same[:1], *later[1:]]),
    )
    left = number - 4
    assert (f" and {left} more." in after.sentence) == (left > 0)
    assert (f" and {left - 1} more." in together.sentence) == (left > 1)


def test_a_url_that_very_many_open_at_once_has_a_short_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds a URL can open it from anywhere, and must not keep a monitor busy with it."""
    number = 2000
    [leak] = leaks(
        tmp_path, [FIRST, *(use(f"198.{at // 250}.{at % 250}.9", 0) for at in range(number))]
    )
    asked: list[Leak] = []
    users = Leak.together.fget
    assert users is not None
    monkeypatch.setattr(Leak, "together", property(lambda self: asked.append(self) or users(self)))
    assert f"and {number - 3:,} more, so who was first is unknown." in leak.sentence
    assert len(leak.sentence) < 300
    assert len(asked) == 2  # once for each sentence


def test_requests_that_are_refused_hide_none_that_was_answered(tmp_path: Path) -> None:
    """Whoever opens a URL may be refused very often before."""
    tries = [use("198.51.100.9", 60 + n, refused=True) for n in range(300)]
    [held] = leaks(tmp_path, [FIRST, *tries])
    [leak] = leaks(tmp_path, [FIRST, *tries, use("198.51.100.9", 400)])
    assert [held.kind, leak.kind] == ["refused", "leak"]
    assert [held.users[1].words, leak.users[1].words] == [
        "300 times, 300 refused",
        "301 times, 300 refused",
    ]


def test_an_address_of_a_preview_may_have_a_reader_too(tmp_path: Path) -> None:
    """The agent of one request does not speak for the others of its address."""
    preview = use("198.51.100.9", 60, agent="A Slackbot")
    assert [leak.kind for leak in leaks(tmp_path, [FIRST, preview])] == ["preview"]
    assert [leak.kind for leak in leaks(tmp_path, [FIRST, preview, use("198.51.100.9", 61)])] == [
        "leak"
    ]


@pytest.mark.parametrize("answered", [False, True])
def test_addresses_beyond_those_that_are_compared_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """Very many addresses hide none that was answered; where none is known to be,
    the outcome is unknown.
    """
    from gt_secure.logs import leaks as module

    monkeypatch.setattr(module, "_SOURCES", 6)
    many = [use(f"198.51.{at}.9", 1 + at, refused=True) for at in range(20)]
    last = use("192.0.2.1", 60, refused=not answered)
    first = [FIRST if answered else use("203.0.113.7", 0, refused=True)]
    found = leaks(tmp_path, [*first, *many, last])
    [leak] = found
    assert leak.users[0].address == "203.0.113.7"
    assert (leak.kind, leak.more) == ("leak", 16) if answered else ("refused", 16)
    assert found.left_out == (not answered)
    assert "16 more addresses were not compared." in leak.sentence
    assert (
        found.notes[1]
        == "1 URL was used from more addresses than are compared; look at a shorter time."
    )


def test_nothing_found_among_some_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neighbours are no leak, but those that were not compared may be strangers."""
    from gt_secure.logs import leaks as module

    near = [use(f"203.0.113.{at}", at) for at in range(9)]
    assert not leaks(tmp_path, near)
    monkeypatch.setattr(module, "_SOURCES", 6)
    found = leaks(tmp_path, near)
    assert (
        found.summary
        == "Unknown whether a URL leaked: of 1, 1 URL was not compared by all of its addresses."
    )
    with pytest.raises(TypeError):
        bool(found)


PREVIEWS = ("Slackbot-LinkExpanding 1.0", "Mozilla/5.0 AppleWebKit (Applebot/0.1)")


@pytest.mark.parametrize("seed", range(18))
def test_a_sampler_of_its_own_finds_the_same_leaks(tmp_path: Path, seed: int) -> None:
    """Kinds, numbers and the first user come from all requests of a URL."""
    draw = random.Random(seed)
    urls, lines = [], []
    for url in range(80):
        places = [f"203.0.{draw.choice([113, 113, 114])}.{at}" for at in range(draw.randint(1, 4))]
        preview = draw.random()
        uses = [
            (
                draw.choice(places),
                draw.randint(0, 4),
                draw.random() < 0.6,
                draw.choice(PREVIEWS if draw.random() < preview else ["curl/8", "Aaa/1"]),
            )
            for _ in range(draw.randint(1, 12))
        ]
        uri = URI.replace("T091400Z", f"T09{url // 60:02}{url % 60:02}Z")
        lines += [use(ip, seconds, refused, agent, uri) for ip, seconds, refused, agent in uses]
        urls.append(uses)
    draw.shuffle(lines)
    found = {leak.signed_at: leak for leak in leaks(tmp_path, lines)}
    for url, uses in enumerate(urls):
        leak = found.pop(dt.datetime(2026, 11, 20, 9, url // 60, url % 60), None)
        assert (leak and leak.kind) == kind_of(uses), uses
        if leak is not None:
            assert {(user.address, user.requests, user.refused) for user in leak.users} == {
                (ip, len(answers), sum(answers))
                for ip in {use[0] for use in uses}
                for answers in [[use[2] for use in uses if use[0] == ip]]
            }
            assert leak.users[0].address == first_of(uses)
    assert not found


def first_of(uses) -> str:
    """The address that used a URL first; of one second, an answered one."""
    own = {ip: [use for use in uses if use[0] == ip] for ip, *_ in uses}
    return min(
        own, key=lambda ip: (min(use[1] for use in own[ip]), all(use[2] for use in own[ip]), ip)
    )


def kind_of(uses) -> str | None:
    """The kind, from the networks alone: who opened, who only tried, and who is a preview."""
    at = {network: [use for use in uses if use[0].startswith(network)]
          for network in {ip.rpartition(".")[0] for ip, *_ in uses}}  # fmt: skip
    says = {
        network: {own[0][3]}
        if all(
            {use[3] for use in own if use[0] == ip} <= {*PREVIEWS}
            and len({use[3] for use in own if use[0] == ip}) == 1
            for ip, *_ in own
        )
        else set()
        for network, own in at.items()
    }
    names = {(use[0], use[3]) for use in uses}
    alone = {ip: name for ip, name in names if sum(ip == other for other, _ in names) == 1}
    programs = [
        (network, {alone[ip] for ip in {use[0] for use in own} if ip in alone} & {*PREVIEWS})
        for network, own in at.items()
    ]
    looks = {
        network
        for network, own in at.items()
        if says[network]
        and len(own) <= 3
        and not any(
            sum(name in each for _, each in programs) > 2 for name in dict(programs)[network]
        )
    }
    opened = [network for network, own in at.items() if not all(use[2] for use in own)]
    if len({*opened} - looks) >= 2:
        return "leak"
    if len(at) - len(looks) >= 2:
        return "refused"
    return "preview" if len(at) > 1 else None
