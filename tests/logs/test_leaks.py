"""Which use of a URL by several sources is a leak."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gt_secure.logs import read_hits
from gt_secure.logs.leaks import LeakRules
from support import corpus

URI = corpus.PRESIGNED["request_uri"]


def use(ip, seconds, refused=False, agent="Mozilla/5.0", uri=URI):
    changes = {"http_status": 403, "error_code": "AccessDenied"} if refused else {}
    record = {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": ip, "user_agent": agent, "request_uri": uri, **changes}
    record["time"] = corpus.BASE["time"] + timedelta(seconds=seconds)
    return corpus.write(record)


def leaks(tmp_path: Path, lines, **rules):
    (tmp_path / "log").write_text("\n".join(lines))
    with read_hits(tmp_path) as hits:
        return hits.leaks(LeakRules.make(**rules))


FIRST = use("203.0.113.7", 0)


@pytest.mark.parametrize(
    ("later", "rules", "kind"),
    [
        ([use("198.51.100.9", 60)], {}, "leak"),
        ([use("198.51.100.9", 60, refused=True)], {}, "refused"),
        ([use("198.51.100.9", 60, refused=True)], {"count_refused": False}, None),
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
        ([use("198.51.100.9", 5, agent="Slackbot-LinkExpanding 1.0")], {"prefetchers": ()}, "leak"),
        ([use("198.51.100.9", 5, uri=URI.replace("T091400Z", "T091401Z"))], {}, None),
        ([use("198.51.100.9", 5, uri=URI.replace("&X-Amz-Sig", "&x-gt-secure-test=1&X-Amz-Sig"))], {}, None),
        ([use("10.0.3.4", 60)], {}, "leak"),
    ],
)
def test_rules(tmp_path: Path, later, rules, kind) -> None:
    found = leaks(tmp_path, [*reversed(later), FIRST], **rules)
    assert [leak.kind for leak in found] == ([kind] if kind else [])
    assert found.checked >= 1
    assert found.summary


def test_what_is_told(tmp_path: Path) -> None:
    found = leaks(
        tmp_path, [FIRST, use("198.51.100.9", 60), use("198.51.100.9", 90, refused=True), use("198.51.100.9", 95)]
    )
    [leak] = found
    assert leak.sentence == (
        "Minted 20 Nov 09:14 UTC for scans/0007.png, first used from 203.0.113.7, "
        "then from 198.51.100.9 (3 times, 1 refused)."
    )
    assert leak.expires_s == 600
    assert found.to_table().rows[0][3:8] == ("203.0.113.7", "198.51.100.9", leak.users[1].first, 3, 1)
    assert "same second" in found.notes[0]
    assert "TOKEN" not in str(leak.to_dict())
    assert "ASIA" not in str(leak.to_dict())


def test_many_leaks_are_sorted_and_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_secure.logs.leaks as module

    monkeypatch.setattr(module, "_MOST", 3)
    lines = []
    for n in range(6):
        uri = URI.replace("T091400Z", f"T09140{n}Z")
        lines += [use("203.0.113.7", 0, uri=uri)] + [use(f"198.51.{i}.9", 5 + i, uri=uri) for i in range(n + 1)]
    found = leaks(tmp_path, lines)
    assert [len(leak.others) for leak in found] == [6, 5, 4]
    assert found.notes[1].startswith("3 more URLs")


@pytest.mark.parametrize("cap", [3, 200])
def test_uses_in_their_order_up_to_a_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: int) -> None:
    """Beyond the cap the first uses are kept, of two in one second the opened one first; counts are of what is kept."""
    from gt_secure.logs import leaks as module

    monkeypatch.setattr(module, "_USES", cap)
    lines = [use("198.51.100.9", 60 + n // 2, refused=not n % 2) for n in reversed(range(6))]
    [leak] = leaks(tmp_path, [*lines, FIRST])
    first, other = leak.users
    assert [(first.address, len(first.uses)), (other.address, len(other.uses))] == [
        ("203.0.113.7", 1), ("198.51.100.9", min(cap, 6)),
    ]  # fmt: skip
    expected = [(corpus.BASE["time"] + timedelta(seconds=60 + n // 2), bool(n % 2)) for n in range(6)]
    assert list(other.uses) == [(time.replace(tzinfo=None), refused) for time, refused in expected[:cap]]
    assert (leak.minted, leak.expires_s) == (module.dt.datetime(2026, 11, 20, 9, 14), 600)
