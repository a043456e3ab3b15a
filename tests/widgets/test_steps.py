"""Review, test URL and hits on their own, against the sandbox."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import ipywidgets
import pytest

from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.connection import Connection
from gt_secure.presign.probe import Probe
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import HitsStep, ReviewStep, TestUrlStep, hits_view
from gt_secure.widgets.hits_view import own_ids
from gt_secure.widgets.probe_view import _observed, _predicted, browser_answer
from support import corpus
from support.command_lines import log_line
from support.consents import agree, boxes, undo
from support.rig import Rig

from .conftest import choose, deliver, until, user

ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
SECRETS = re.compile(r"X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|AKIA|ASIA|aws_secret")

pytestmark = pytest.mark.usefixtures("now")


def wish(**values: Any) -> Restriction:
    return Restriction(
        **{"team": "open-team", "addresses": ["203.0.113.0/24"], "bucket": "gt-images", **values}
    )


def test_a_restriction_is_shown_applied_and_undone(connection: Connection, words: Any) -> None:
    review = ReviewStep(connection, restriction=wish())
    shown = words(review.shown.value)
    for part in (
        "After: Only 203.0.113.0/24",
        "Today: Anyone",
        "Who can open gt-images/ after this plan?",
    ):
        assert part in shown
    for part in ("What will change", "Bucket guard", "URL lock"):
        assert part in words(review.details.value)
    assert review.apply_button.description == "Apply (confirm 2 warnings above)"
    assert "gts-hidden" in review.undo_box._dom_classes, "there is no change yet"
    review.reason.value = (
        f"RISK-112, see https://x.s3.amazonaws.com/a?X-Amz-Signature={'0f3a' * 16}"
    )
    assert "0f3a0f3a" not in review.reason.value, "a secret is not kept in the state of a widget"
    assert review.apply_button.disabled
    agree(review)
    assert review.apply_button.description == "Apply 2 changes to open-team"
    review.apply()
    assert "Applied and read back." in words(review.after.value)
    assert review.body.children[0] is review.after, "the result is above the list"
    assert "gts-hidden" not in review.undo_box._dom_classes
    assert review.applied.outcome == "applied"
    assert connection.journal.find(review.applied.id).reason.startswith("RISK-112, see")
    assert review.reason.value == ""
    assert connection.workteam("open-team").url_lock.source_ip
    assert "gts-hidden" in review.apply_button._dom_classes, "nothing is left to change"
    assert review.apply_button.disabled
    undo(review)
    assert "Undone" in words(review.after.value)
    assert not connection.workteam("open-team").url_lock.on
    assert review.apply_button.description == "Apply (confirm 2 warnings above)"
    assert "gts-hidden" in review.undo_box._dom_classes


def test_undo_works_from_a_new_panel_after_a_restart(connection: Connection) -> None:
    review = ReviewStep(connection, restriction=wish())
    agree(review)
    review.apply()
    undo(ReviewStep(connection, restriction=wish()))
    assert not connection.workteam("open-team").url_lock.on


def test_the_guard_is_tried_on_the_log_before_apply(connection: Connection, words: Any) -> None:
    url = connection.aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": "scans/0005.png"}, ExpiresIn=3000
    )
    connection.probe(url, "198.51.100.31")
    review = ReviewStep(connection)
    with connection.hits(
        "gt-images", wait_for=lambda hits: len(hits.filter(address="198.51.100.31")) > 0
    ) as hits:
        review.hits = hits
        review.restriction = wish()
    shown = words(review.shown.value)
    assert re.search(r"would have refused \d+ of \d+ presigned requests?\b", shown)
    assert "198.51.100.31" in shown
    assert "user sandbox-admin" in shown
    assert not connection.workteam("open-team").url_lock.on


def test_nothing_is_written_before_apply(connection: Connection) -> None:
    before = connection.state(bucket="gt-images").bucket.policy.value
    ReviewStep(connection, restriction=wish())
    assert connection.state(bucket="gt-images").bucket.policy.value == before
    assert not connection.workteam("open-team").url_lock.on


def test_a_blocker_must_be_confirmed_and_a_broken_expectation_cannot_be(
    connection: Connection, words: Any, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    seen = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "remote_ip": "198.51.100.9",
        "bucket": "gt-images",
        "http_status": "200",
    }
    log.write_text(corpus.write(seen) + "\n", encoding="utf-8")
    review = ReviewStep(connection)
    review.hits = str(log)
    review.restriction = wish()
    assert review.apply_button.disabled
    assert "198.51.100.9" in words(review.shown.value)
    assert any("refuses-labeler" in box.description for box in boxes(review))
    agree(review)
    assert not review.apply_button.disabled
    review.restriction = wish(expectations=[expect.allowed("198.51.100.9")])
    agree(review)
    assert review.apply_button.disabled


@pytest.mark.parametrize(
    ("values", "codes", "said"),
    [
        ({"team": "vpc-team"}, ["url-lock-one-path"], "Nobody uses the VPC portal"),
        (
            {"team": "radiology-team"},
            ["loses-access:radiology-team"],
            "No worker of radiology-team needs what is refused",
        ),
        (
            {"team": "vpc-team"},
            ["loses-access:radiology-team"],
            "No worker of radiology-team needs what is refused",
        ),
    ],
)
def test_what_locks_workers_out_is_agreed_to_by_a_check_box(
    connection: Connection, values: dict[str, str], codes: list[str], said: str
) -> None:
    review = ReviewStep(connection, restriction=wish(**values))
    assert set(codes) <= {notice.code for notice in review.plan.notices}
    assert said in [box.description for box in boxes(review)]
    assert review.apply_button.disabled
    agree(review)
    assert not review.apply_button.disabled
    boxes(review)[0].value = False
    assert review.apply_button.disabled


def test_the_portal_lock_of_all_teams_is_agreed_to_as_on_the_command_line(
    connection: Connection, words: Any
) -> None:
    review = ReviewStep(connection, restriction=wish(portal_lock=True))
    assert review.apply_button.description == "Apply (confirm 3 warnings above)"
    assert "3 to confirm" in words(review._summary.value)
    [box] = [
        each
        for each in boxes(review)
        if each.description.startswith("The addresses of the workers of all teams")
    ]
    agree(review)
    assert not review.apply_button.disabled
    assert words(review._summary.value).strip() == "3 changes"
    box.value = False
    assert review.apply_button.disabled
    assert "1 to confirm" in words(review._summary.value)
    assert "portal-affects-all" in {each.code for each in review.plan.asks}
    assert "radiology-team" in words(
        next(a.children[0].value for a in review.confirms.children if box in a.children)
    )


def test_what_moved_meanwhile_is_a_conflict_and_no_overwrite(
    connection: Connection, words: Any
) -> None:
    review = ReviewStep(connection, restriction=wish())
    other = ReviewStep(connection, restriction=wish(addresses=["198.51.100.0/24"]))
    agree(review, other)
    other.apply()
    try:
        with pytest.raises(Exception, match=r"(?i)changed|moved|plan again"):
            review.apply()
        assert 'role="alert"' in review.message.value
    finally:
        undo(other)


def secrets_in(root: ipywidgets.Widget, every_widget: Any) -> list[str]:
    """Everything that a saved notebook could hold: the state of all widgets, their reprs,
    their mime bundles.
    """
    texts = [json.dumps(ipywidgets.Widget.get_manager_state(), default=repr)]
    for widget in every_widget(root):
        texts += [
            repr(widget),
            str(widget),
            json.dumps(widget._repr_mimebundle_() or {}, default=repr),
        ]
        texts += [repr(value) for value in widget.trait_values().values()]
    return [text[:200] for text in texts if SECRETS.search(text)]


def test_the_url_is_in_no_trait_repr_or_state(
    connection: Connection, every_widget: Any, words: Any
) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.bound_to = "203.0.113.7"
    step.sign()
    assert SECRETS.search(step._reveal())
    assert "?•••••••" in words(step.url_line.value)
    assert secrets_in(step, every_widget) == []
    step.probe()
    assert secrets_in(step, every_widget) == []
    step.close()
    with pytest.raises(InvalidInput):
        step._reveal()


def test_a_probe_from_everywhere_says_who_opened_it_and_why(
    connection: Connection, words: Any
) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.bound_to = "203.0.113.7 (office)"
    step.sign()
    step.probe()
    by_source = {str(tried.probe.source): tried for tried in step.tried}
    assert by_source["203.0.113.7"].probe.opened
    assert by_source["198.51.100.9"].probe.status == 403
    assert all(tried.explanation is not None and tried.explanation.agrees for tried in step.tried)
    shown = words(step.answers.value)
    assert "Predicted Observed" in shown
    assert "URL lock :" in shown


def test_ground_truth_signs_where_the_role_may(connection: Connection, words: Any) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.bound_to, step.sign_with.value = "203.0.113.7", "ground-truth"
    step.role_input.value = ROLE
    step.sign()
    assert "not bound" in words(step.url_line.value)


def test_one_place_gives_one_sentence(connection: Connection, words: Any) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.sign()
    step.origin.value = 2
    step.probe()
    assert len(step.tried) == 1
    assert "opened" in words(step.answers.value).lower()


def test_buttons_need_what_they_need(connection: Connection) -> None:
    step = TestUrlStep(connection)
    assert (step.sign_button.disabled, step.probe_button.disabled, step.clear_button.disabled) == (
        True,
        True,
        True,
    )
    step.bucket = "gt-images"
    assert step.key == "scans/0001.png"
    assert not step.sign_button.disabled
    step.sign()
    assert not step.probe_button.disabled
    step.clear()
    assert step.probe_button.disabled


def test_a_wrong_source_is_an_error_with_what_to_type(connection: Connection, words: Any) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.bound_to = "the office"
    with pytest.raises(InvalidInput):
        step.guard(step.sign)
    assert 'role="alert"' in step.message.value


def test_an_expired_url_is_cleared(connection: Connection, run: Any, words: Any) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.sign()
    assert step._url is not None
    step._url.expires_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    step._show_url()
    assert step._url is None
    assert "expired" in words(step.url_line.value)


def test_the_countdown_runs_and_stops_with_the_url(connection: Connection, run: Any) -> None:
    async def main() -> None:
        from gt_secure.widgets import background as work

        work._testing = False
        step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
        await step.wait_idle()
        step.lifetime.value = 60
        step.sign()
        await step.wait_idle()
        first = step.url_line.value
        await until(lambda: step.url_line.value != first)
        assert "gt-secure" in {thread.name for thread in threading.enumerate()}
        step.close()
        await until(lambda: "gt-secure" not in {thread.name for thread in threading.enumerate()})

    run(main())


def test_the_browser_gets_the_url_only_when_it_asks(connection: Connection) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    sent: list[Any] = []
    step.browser.send = sent.append
    step.sign()
    assert sent == []
    assert step.browser.ready
    step.browser._on_message(None, {"kind": "copy", "id": "1"}, [])
    assert sent[0]["kind"] == "url"
    assert SECRETS.search(sent[0]["url"])
    step.clear()
    step.browser._on_message(None, {"kind": "copy", "id": "2"}, [])
    assert sent[-1]["kind"] == "error"
    assert not step.browser.ready


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"image": "loaded", "status": 200, "ms": 12.0}, "Opened by this browser"),
        (
            {"image": "error", "status": 403, "code": "AccessDenied"},
            "Refused to this browser (403 AccessDenied)",
        ),
        ({"image": "error", "status": 0}, "does not say why"),
        ({"image": "<b>", "status": "<script>", "code": {}, "ms": "1"}, "Not opened"),
    ],
)
def test_what_the_browser_says_is_shown_in_words(
    answer: dict[str, Any], part: str, words: Any
) -> None:
    assert part in words(browser_answer(answer))
    assert "<script" not in browser_answer(answer)


def test_without_anywidget_a_sentence_says_what_is_missing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, words: Any
) -> None:
    import sys

    from gt_secure.widgets import url_step

    url_step._kind.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    assert "--only-binary :all: anywidget" in words(step.browser.value)
    step.sign()
    step.probe()
    assert step.tried
    step.close()
    url_step._kind.cache_clear()


def hits_of(connection: Connection) -> HitsStep:
    url = connection.sign("gt-images", "scans/0002.png", bound_to="203.0.113.7")
    for source in ("203.0.113.7", "198.51.100.9", "198.51.100.9"):
        connection.probe(url, source)
    deliver(connection)
    return HitsStep(connection, bucket="gt-images")


def test_hits_are_plotted_for_both_themes_with_words_and_a_table(
    connection: Connection, words: Any, tmp_path: Path
) -> None:
    log, later = tmp_path / "log", dt.datetime.now(dt.UTC)
    first = log_line(later - dt.timedelta(seconds=10), "203.0.113.7")
    log.write_text(first + log_line(later, "198.51.100.9", signed_s=10), encoding="utf-8")
    step = HitsStep(connection)
    step.logs, step.team = str(log), "radiology-team"
    step.allowed = Allowed.of("203.0.113.0/24")
    step.plot_hits()
    shown = step.plot.picture.value + step.table.value
    assert shown.count("<svg") == 2
    assert 'role="img"' in shown
    assert "aria-label=" in shown
    ids = re.findall(r'\bid="([^"]+)"', shown)
    assert len(ids) == len(set(ids)), "no id is there twice"
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', shown)) <= set(ids), (
        "and every reference leads somewhere"
    )
    assert "198.51.100.9" in words(shown)
    assert "outside the list" in words(shown)
    assert "first used from 203.0.113.7, then from 198.51.100.9" in words(step.leaks.value)
    assert "that cannot be assigned to a workteam." in words(step.leaks.value)


def test_choosing_a_source_shows_its_requests_and_adds_it(
    connection: Connection, words: Any
) -> None:
    step = hits_of(connection)
    added: list[str] = []
    step.on_add = added.append
    step.allowed = Allowed.of("203.0.113.0/24")
    step.team = "vpc-team"  # its URL lock serves only the portal in the VPC
    step.plot_hits()
    assert step.add_button.disabled
    choose(step, "198.51.100.9")
    assert "AccessDenied" in words(step.rows.value)
    assert "403 as expected" in words(step.rows.value), "a check mark says what it means"
    assert "Today a presigned URL from there: refused by the URL lock" in words(step.rows.value)
    step.add_source()
    assert added == ["198.51.100.9"]
    step.team, step.plot.picked = None, -1
    choose(step, "198.51.100.9")
    assert "Today a presigned URL from there: opened" in words(step.rows.value)


def test_a_log_is_compared_with_the_lock_of_the_team_as_it_is(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[Any] = []

    def stop(*given: Any) -> None:
        compared.append(given[-1])
        raise GtSecureError("It ends before the plot.", next_step="Go on.")

    monkeypatch.setattr(hits_view, "read_result", stop)
    step = HitsStep(
        SimpleNamespace(hits=lambda *_, **more: None, workteam=connection.workteam, networks=None)
    )
    step.logs = "a log"
    for step.team in ("vpc-team", None, "nobody"):
        with pytest.raises(GtSecureError, match="before the plot"):
            step.plot_hits()
    team, without, error = compared
    assert (team.name, team.url_lock.vpc_source_ip, without) == ("vpc-team", True, None)
    assert "nobody" in str(error)


def test_a_pressed_bar_shows_the_requests_of_its_source(connection: Connection, words: Any) -> None:
    step = hits_of(connection)
    step.allowed = Allowed.of("203.0.113.0/24")
    step.which.value = "presigned"  # what this test fetched is a test
    step.plot_hits()
    bars = step.plot.bars.children
    names = [bar.tooltip for bar in bars]
    number = next(n for n, name in enumerate(names) if name.startswith("198.51.100.9"))
    assert "outside the restriction. Press to show its requests." in names[number]
    bars[number].click()
    assert "gts-pressed" in bars[number]._dom_classes
    assert "Requests from 198.51.100.9" in words(step.rows.value)
    choose(step, "203.0.113.7")
    assert "gts-pressed" not in bars[number]._dom_classes
    assert [bar.tooltip[:11] for bar in bars if "gts-pressed" in bar._dom_classes] == [
        "203.0.113.7"
    ]
    next(bar for bar in bars if "gts-pressed" in bar._dom_classes).click()
    assert (step.plot.picked, step.rows.value) == (-1, ""), "a second press shows none"
    gone = bars[0]
    step.plot_hits()
    assert gone.comm is None, "the buttons of the last plot are closed"
    assert gone.layout.comm is None


def test_a_bar_of_several_sources_shows_the_requests_of_all(
    connection: Connection, words: Any
) -> None:
    step = hits_of(connection)
    step.kind.value = "network"
    step.plot_hits()
    bar = next(
        each for each in step.plot.bars.children if each.tooltip.startswith("198.51.100.0/24")
    )
    bar.click()
    shown = words(step.rows.value)
    assert "Requests behind 198.51.100.0/24" in shown
    assert "198.51.100.9" in shown
    assert "203.0.113.7" not in shown


@pytest.mark.parametrize(
    ("kind", "start"), [("PNG", b"\x89PNG"), ("SVG", b"<svg"), ("CSV", b"bucket_owner")]
)
def test_export_writes_a_file_and_says_where(
    connection: Connection, kind: str, start: bytes, words: Any
) -> None:
    step = hits_of(connection)
    step.plot_hits()
    step.export_kind.value = kind
    step.export()
    [path] = Path().glob("gt-secure-hits-gt-images-*")
    assert path.read_bytes()[:200].find(start) >= 0
    assert path.name in words(step.saved.value)
    # The log itself masks signatures; a token it may hold must not be there either.
    assert not re.search(
        r"X-Amz-Signature=[0-9a-f]{16}|Security-Token=[\w%]{20}",
        path.read_bytes().decode("latin-1"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ip", "network", "time"])
def test_every_plot_is_drawn(connection: Connection, kind: str) -> None:
    step = hits_of(connection)
    step.kind.value = kind
    step.plot_hits()
    assert step.plot.picture.value.count("<svg") == 2


def test_a_bucket_without_a_log_says_so(connection: Connection, words: Any) -> None:
    step = HitsStep(connection, bucket="gt-logs")
    assert "writes no server access log" in words(step.message.value)
    with pytest.raises(Exception, match="log"):
        step.plot_hits()


def test_many_listed_ranges_are_counted(connection: Connection, words: Any) -> None:
    listed = [f"198.51.100.{i}" for i in range(2, 22, 2)]
    review = ReviewStep(connection, restriction=Restriction(bucket="gt-images", addresses=listed))
    shown = words(review.shown.value) + words(review.details.value)
    assert "198.51.100.2/32, 198.51.100.4/32, 198.51.100.6/32 and 7 more ranges" in shown


def test_a_plan_that_cannot_be_made_says_so_in_the_summary(aws: Any, words: Any) -> None:
    with pytest.raises(GtSecureError):
        ReviewStep(
            user(aws), restriction=Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
        )
    from gt_secure.widgets import background as work

    work._testing = False
    review = ReviewStep(
        user(aws), restriction=Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
    )
    assert words(review._summary.value) == "The change cannot be shown."
    assert words(review.shown.value) == ""
    assert "s3:GetBucketPolicy" in words(review.message.value)


def test_a_log_whose_place_may_not_be_read_is_not_called_missing(aws: Any, words: Any) -> None:
    may = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketPolicy"], "Resource": "*"}
    step = HitsStep(user(aws, may), bucket="gt-images")
    said = words(step.message.value)
    assert "The log location cannot be read. Enter it here." in said
    assert "s3:GetBucketLogging" in said
    assert "no server access log" not in said
    assert "cannot be read" in words(step._summary.value)


def test_objects_that_may_not_be_listed_can_be_typed(aws: Any, words: Any) -> None:
    may = {"Effect": "Allow", "Action": ["s3:GetObject", "sts:*"], "Resource": "*"}
    step = TestUrlStep(user(aws, may), bucket="gt-images")
    assert "The objects cannot be listed; type the key of one." in words(step.message.value)
    assert 'role="alert"' not in step.message.value
    assert len(step.origin.options) > 2, "the places to probe from are there all the same"
    step.key = "scans/0001.png"
    assert not step.sign_button.disabled


def test_the_log_tells_from_where_the_browser_came(
    connection: Connection, aws: Any, words: Any
) -> None:
    import urllib.request

    url = connection.sign("gt-images", "scans/0003.png")
    connection.probe(url, "203.0.113.7")
    asked = urllib.request.Request(url.reveal(), headers={"User-Agent": "Mozilla/5.0"})
    urllib.request.urlopen(asked).read()
    deliver(connection)
    step = HitsStep(connection, bucket="gt-images")
    step.markers = [url.marker]
    step.plot_hits()
    assert step.result.browser == ("192.0.2.10",)
    assert "Your browser came from 192.0.2.10" in words(step.leaks.value)


def test_ids_of_an_svg_get_a_prefix_of_their_own() -> None:
    one = own_ids('<svg><path id="a"/><use href="#a"/><g fill="url(#a)"/></svg>')
    two = own_ids('<svg><path id="a"/></svg>')
    prefix = re.search(r'id="(gts\d+-)a"', one)
    assert prefix
    assert one.count(prefix[1]) == 3
    assert prefix[1] not in two


def test_hostile_keys_and_user_agents_are_text(
    connection: Connection, aws: Any, words: Any
) -> None:
    key = "scans/<img src=x onerror=alert(1)>\u202e$\\frac{1}{2}$.png"
    env = aws.environment()
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    s3.put_object(Bucket="gt-images", Key=key, Body=b"x")
    try:
        url = connection.sign("gt-images", key)
        connection.probe(url, "203.0.113.7")
        step = TestUrlStep(connection, bucket="gt-images", key=key)
        step.sign()
        step.probe()
        deliver(connection)
        hits = HitsStep(connection, bucket="gt-images")
        hits.which.value = "presigned"
        hits.plot_hits()
        choose(hits, "203.0.113.7")
        for value in (
            step.url_line.value,
            step._summary.value,
            step.answers.value,
            hits.plot.picture.value,
            hits.table.value,
            hits.rows.value,
        ):
            assert "<img" not in value
        assert "<img src=x" in words(hits.rows.value).replace("\ufffd", "") or "frac" in words(
            hits.rows.value
        )
    finally:
        s3.delete_object(Bucket="gt-images", Key=key)


def test_a_leaked_url_is_handed_to_the_review(
    aws: Sandbox, connection: Connection, words: Any
) -> None:
    import time

    from gt_secure.widgets.panel import panel
    from support.box import until

    aws.reset()  # the first leak in the log is that of this test
    url = connection.aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": "scans/0003.png"}, ExpiresIn=3000
    )
    for source in ("203.0.113.7", "198.51.100.9"):
        connection.probe(url, source)
        time.sleep(1.1)
    made = panel(connection, bucket="gt-images")

    def leak() -> object:
        made.hits.plot_hits()
        return made.hits.result.leak

    assert until(leak) is not None
    assert "gts-hidden" not in made.hits.revoke_button._dom_classes
    made.hits.revoke()
    assert [change.kind for change in made.review.plan.changes] == ["bucket-guard"]
    assert "credentials" in words(made.review.shown.value)
    assert "will be removed" not in words(made.top.value)
    agree(made.review)
    made.review.apply()
    assert made.review.applied.outcome == "applied"
    assert connection.probe(url, "198.51.100.9").status == 403
    undo(made.review)
    assert connection.probe(url, "198.51.100.9").status == 200
    made.close()


PERIMETER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::gt-facts/*",
            "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abc123"}},
        }
    ],
}


@pytest.fixture
def perimeter(aws: Sandbox) -> Iterator[Restriction]:
    s3 = Rig(aws).client("s3")
    s3.create_bucket(Bucket="gt-facts")
    s3.put_bucket_policy(Bucket="gt-facts", Policy=json.dumps(PERIMETER))
    yield Restriction(bucket="gt-facts", addresses=["203.0.113.0/24"])
    s3.delete_bucket_policy(Bucket="gt-facts")
    s3.delete_bucket(Bucket="gt-facts")


def test_an_unknown_key_has_a_field_and_its_value_settles_the_answer(
    connection: Connection, perimeter: Restriction, words: Any
) -> None:
    review = ReviewStep(connection, restriction=perimeter)
    assert list(review.facts.inputs) == ["aws:PrincipalOrgID"]
    assert "depend on aws:PrincipalOrgID" in words(review.rest.value)
    review.facts.inputs["aws:PrincipalOrgID"].value = "o-abc123"
    assert review.plan.restriction.facts == {"aws:PrincipalOrgID": "o-abc123"}
    assert review.plan.unknown_keys == ()
    assert "depend on aws:PrincipalOrgID" not in words(review.rest.value)
    assert list(review.facts.inputs) == ["aws:PrincipalOrgID"], "the value can be taken out again"
    review.facts.inputs["aws:PrincipalOrgID"].value = ""
    assert review.plan.unknown_keys == ("aws:PrincipalOrgID",)


@pytest.mark.parametrize(
    "text", ["abc123", "https://b.s3.amazonaws.com/k?X-Amz-Signature=" + "ab" * 32]
)
def test_a_value_that_the_key_cannot_have_is_an_error_beside_it(
    connection: Connection, perimeter: Restriction, text: str, words: Any
) -> None:
    review = ReviewStep(connection, restriction=perimeter)
    with pytest.raises(InvalidInput):
        review.facts.inputs["aws:PrincipalOrgID"].value = text
    assert 'role="alert"' in review.message.value
    assert review.plan.unknown_keys == ("aws:PrincipalOrgID",)
    assert "X-Amz-Signature" not in review.facts.inputs["aws:PrincipalOrgID"].value


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (200, "", "opened (200)"),
        (403, "AccessDenied", "refused (403)"),
        (403, "SignatureDoesNotMatch", "unknown (403)"),
        (401, "", "unknown (401)"),
        (404, "NoSuchKey", "unknown (404)"),
        (503, "SlowDown", "unknown (503)"),
        (None, "", "no answer (dns)"),
    ],
)
def test_only_a_refusal_is_shown_as_refused(status: int | None, code: str, word: str) -> None:
    failure = "" if status else "dns"
    more = {"error_code": code, "error_message": "Access Denied", "failure": failure}
    more["request_id"] = "A" if status else ""
    probe = Probe(status, "this machine", None, "gt-images", "a.png", 1.0, **more)
    assert _observed(probe, None).words == word


@pytest.mark.parametrize(
    "verdict", ["", "unknown", "invalid", "allow", "explicit-deny", "implicit-deny"]
)
def test_what_was_not_predicted_is_unknown(verdict: Any) -> None:
    said = SimpleNamespace(predicted=verdict)
    expected = {"allow": "opened", "explicit-deny": "refused", "implicit-deny": "refused"}.get(
        verdict, "unknown"
    )
    assert _predicted(said) == expected  # type: ignore[arg-type]
    assert _predicted(None) == "unknown"
