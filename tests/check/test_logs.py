"""Checks over access logs: each row counts, an empty or broken log proves nothing."""

from __future__ import annotations

from datetime import UTC

import pytest

from gt_secure import Restriction, check, read_hits
from gt_secure.base.errors import InvalidInput
from gt_secure.base.outcome import CheckResult
from gt_secure.base.url_journal import UrlJournal
from gt_secure.check import CheckFailed
from gt_secure.check.report import Report
from gt_secure.check.spec import Spec
from support.scene import BUCKET, ELSEWHERE, ENDPOINT, GOOD, OFFICE, WISH, Scene, row


@pytest.fixture
def hits(tmp_path):
    """Read lines as a log; they are closed after the test."""
    opened = []

    def read(*lines: str):
        path = tmp_path / f"log-{len(opened)}"
        path.write_text("".join(lines))
        opened.append(read_hits(path))
        return opened[-1]

    yield read
    for one in opened:
        one.close()


def test_passes_with_rows_of_the_restriction_and_not_without_them(hits):
    assert check.no_foreign_hits(hits(*GOOD), WISH)
    for nothing in (
        hits(),
        hits(row(OFFICE, bucket="other")),
        hits(row(OFFICE, key="out/0001.json")),
    ):
        result = check.no_foreign_hits.look(nothing, WISH)
        assert result.status == "unknown"
        assert "is not proof" in result.message
        with pytest.raises(CheckFailed):
            check.no_foreign_hits(nothing, WISH)


def test_one_foreign_row_fails_and_is_named(hits):
    result = check.no_foreign_hits.look(hits(*GOOD, row(ELSEWHERE, url=1)), WISH)
    assert result.status == "failed"
    assert ELSEWHERE in result.message
    assert result.details["sources"] == [{"source": ELSEWHERE, "hits": 1}]
    assert "X-Amz" not in str(result.to_dict())


def test_a_refused_row_is_the_lock_that_holds(hits):
    log = hits(*GOOD, row(ELSEWHERE, url=1, status=403))
    assert "1 that were refused" in check.no_foreign_hits(log, WISH).message
    assert check.no_foreign_hits.look(log, WISH, count_refused=True).status == "failed"


def test_our_own_test_urls_are_not_looked_at(hits):
    marker = UrlJournal().new_marker()
    test = row(ELSEWHERE, url=1, more=f"&x-gt-secure-test={marker}")
    # nobody here has used it
    assert check.no_foreign_hits.look(hits(*GOOD, test), WISH).status == "failed"
    UrlJournal().record_use(marker, hits(test).coverage.first_hit.replace(tzinfo=UTC).timestamp())
    assert check.no_foreign_hits.look(hits(test), WISH).status == "unknown"
    assert check.no_foreign_hits(hits(*GOOD, test), WISH)
    refused = row(ELSEWHERE, url=2, status=403)
    for lines, words in {
        (refused,): "the log has requests, and none of them opened a presigned URL.",
        (
            test,
            refused,
        ): "1 opened request was your own test. No other presigned request opened an object.",
        (
            test,
            test,
        ): "2 opened requests were your own tests. No other presigned request opened an object.",
    }.items():
        assert check.urls_are_consistent.look(hits(*lines)).message == f"Not applicable: {words}"


def test_a_marker_that_somebody_added_hides_nothing(hits):
    for marker in ("0a1b2c3d", "1", "0" * 32):
        forged = row(ELSEWHERE, url=1, more=f"&x-gt-secure-test={marker}")
        assert check.no_foreign_hits.look(hits(*GOOD, forged), WISH).status == "failed"


def test_a_private_address_is_foreign_unless_an_endpoint_is_listed(hits):
    log = hits(*GOOD, row("10.0.3.4", url=3))
    assert check.no_foreign_hits.look(log, WISH).status == "failed"
    wish = Restriction(addresses="203.0.113.0/24", endpoints=ENDPOINT, bucket=BUCKET)
    result = check.no_foreign_hits.look(log, wish)
    assert result.status == "unknown"
    assert "through which VPC endpoint 10.0.3.4" in result.message
    assert check.no_foreign_hits(log, wish, trust_private=True)


def test_unreadable_lines_and_missing_objects_leave_it_unknown(hits, tmp_path):
    broken = hits(*GOOD, "this is no access log line\n")
    result = check.no_foreign_hits.look(broken, WISH)
    assert result.status == "unknown"
    assert "could not be read" in result.message
    assert check.no_foreign_hits(broken, WISH, max_unreadable=1)
    assert check.no_leaked_urls.look(broken).status == "unknown"
    damaged = tmp_path / "damaged.gz"
    import gzip

    damaged.write_bytes(gzip.compress("".join(GOOD).encode())[:-12])
    with read_hits([damaged]) as half:
        assert check.no_foreign_hits.look(half, WISH).status == "unknown"
    # What is wrong in the part that was read stays wrong, and the message names the rest.
    both = hits(*GOOD, "broken\n", row(ELSEWHERE, url=1))
    for result in (check.no_foreign_hits.look(both, WISH), check.urls_are_consistent.look(both)):
        assert result.status == "failed"
        assert "could not be read" in result.message


def test_an_old_log_is_unknown_on_demand(hits):
    result = check.no_foreign_hits.look(hits(*GOOD), WISH, newest_within_h=1)
    assert result.status == "unknown"
    assert "more than 1 hours" in result.message
    assert check.no_foreign_hits(hits(*GOOD), WISH, newest_within_h=24 * 365 * 1000)


def test_leaks(hits):
    assert "None of 2" in check.no_leaked_urls(hits(*GOOD)).message
    leaked = hits(*GOOD, row(ELSEWHERE, url=1))
    result = check.no_leaked_urls.look(leaked)
    assert result.status == "failed"
    assert ELSEWHERE in result.message
    assert "X-Amz-Signature" not in str(result.to_dict())
    tried = hits(*GOOD, row(ELSEWHERE, url=1, status=403))
    assert check.no_leaked_urls.look(tried).status == "failed"
    assert check.no_leaked_urls(tried, kinds=["leak"])
    assert check.no_leaked_urls.look(hits()).status == "unknown"
    from gt_secure.logs.leaks import LeakRules

    assert (
        check.no_leaked_urls(
            leaked, rules=LeakRules.make(pools=["203.0.113.0/24", "198.51.100.0/24"])
        )
        is not None
    )


@pytest.mark.parametrize(
    ("kinds", "status", "found", "other"),
    [
        (["leak"], "failed", 1, 2),
        (["refused"], "failed", 2, 1),
        (["leak", "refused"], "failed", 3, 0),
        (["preview"], "passed", 0, 3),
    ],
)
def test_leaks_of_other_kinds_are_counted_apart(hits, kinds, status, found, other):
    tried = [
        row(ip, url=url, status=200 if ip == OFFICE else 403)
        for url in (4, 5)
        for ip in (OFFICE, ELSEWHERE)
    ]
    result = check.no_leaked_urls.look(hits(*GOOD, row(ELSEWHERE, url=1), *tried), kinds=kinds)
    assert (result.status, result.details["found"], result.details["other"]) == (
        status,
        found,
        other,
    )


@pytest.mark.parametrize("kinds", [[], ["leaks"], "leak"])
def test_kinds_are_checked(hits, kinds):
    with pytest.raises(InvalidInput):
        check.no_leaked_urls.look(hits(*GOOD), kinds=kinds)


def test_a_restriction_that_lists_nobody_is_an_error(hits):
    with pytest.raises(InvalidInput, match="neither addresses nor endpoints"):
        check.no_foreign_hits.look(hits(*GOOD), Restriction("team"))


def test_rows_of_the_sandbox(scene: Scene):
    """A forwarded URL in the sandbox's own access log, with the guard away and with it in place."""
    url = scene.presign_plain()
    assert scene.fetch(url, OFFICE).status == 200
    scene.flush()
    with scene.gt.hits(BUCKET) as log:
        assert check.no_foreign_hits(log, WISH)
        assert check.no_leaked_urls(log)
    assert scene.fetch(url, ELSEWHERE).status == 403
    scene.flush()
    with scene.gt.hits(BUCKET) as log:
        assert check.no_foreign_hits(log, WISH).details["refused_from_outside"] == 1
        assert check.no_leaked_urls.look(log).status == "failed"
    scene.remove_guard()
    assert scene.fetch(url, ELSEWHERE).status == 200
    scene.flush()
    with scene.gt.hits(BUCKET) as log:
        assert check.no_foreign_hits.look(log, WISH).details["sources"] == [
            {"source": ELSEWHERE, "hits": 1}
        ]


def outcomes(tmp_path, name, **each_given):
    """Run a check on one log as often as it has arguments, in one file of checks;
    return the outcomes.
    """
    opened = [
        row(OFFICE, url=1),
        row(ELSEWHERE, url=1),
        row(OFFICE, url=2, key="out/a"),
        row(OFFICE, url=3),
    ]
    (tmp_path / "log").write_text("".join(opened))
    specs = [Spec.make(name, {"logs": "log", **given}, tmp_path) for given in each_given.values()]
    return dict(
        zip(each_given, [result.status for result in check.run_specs(None, specs)], strict=True)
    )


@pytest.mark.parametrize("name", ["no_leaked_urls", "urls_are_consistent"])
def test_a_check_of_a_prefix_looks_at_that_prefix(tmp_path, name):
    found = outcomes(tmp_path, name, all={}, scans={"prefix": "scans/"}, out={"prefix": "out/"})
    assert found == {"all": "failed", "scans": "failed", "out": "passed"}


@pytest.mark.parametrize("name", ["no_leaked_urls", "urls_are_consistent"])
def test_checks_of_one_log_keep_their_own_times(tmp_path, name):
    """The first use from elsewhere is of 09:31."""
    early = {"until": "2026-11-20T09:30:00Z"}
    assert outcomes(tmp_path, name, before=early, all={}) == {"before": "passed", "all": "failed"}


@pytest.mark.parametrize(
    ("outcomes", "passed", "code"),
    [
        ((True, True), True, 0),
        ((True, None), None, 3),
        ((None,), None, 3),
        ((), None, 3),
        ((True, None, False), False, 2),
    ],
)
def test_one_unknown_outcome_makes_a_report_unknown_unless_one_failed(outcomes, passed, code):
    report = Report(
        tuple(CheckResult(f"check_{n}", "s", outcome, "m") for n, outcome in enumerate(outcomes))
    )
    assert (report.passed, bool(report), report.exit_code) == (passed, passed is True, code)
    assert report.to_dict()["passed"] is passed
    assert list(report.counts.values()) == [outcomes.count(each) for each in (True, False, None)]
    assert f'errors="{outcomes.count(None)}"' in report.to_junit()
    [invocation] = report.to_sarif()["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is (None not in outcomes)


def test_each_outcome_has_its_own_kind_and_level_in_a_report():
    outcomes = {"team_is_restricted": True, "guard_is_in_place": False, "no_foreign_hits": None}
    report = Report(tuple(CheckResult(name, "s", passed, "m") for name, passed in outcomes.items()))
    shown = {
        each["ruleId"]: (each["kind"], each["level"])
        for each in report.to_sarif()["runs"][0]["results"]
    }
    assert shown == {
        "team_is_restricted": ("pass", "none"),
        "guard_is_in_place": ("fail", "error"),
        "no_foreign_hits": ("fail", "warning"),
    }
