"""The panel: five steps wired to each other, and rules that every widget keeps."""

from __future__ import annotations

import ast
import asyncio
import datetime as dt
import inspect
import json
import re
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest
import traitlets

import gt_secure.widgets
from gt_secure.aws.teams import LabelingJob
from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import Conflict, CredentialsError, GtSecureError, InvalidInput
from gt_secure.connection import Connection
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import (
    AllowEditor,
    HitsStep,
    Panel,
    ReviewStep,
    TeamPicker,
    TestUrlStep,
    panel,
)
from support.consents import AGREED, agree, undo
from support.requests_sent import watched

from .conftest import deliver, until

ROOM = Path(gt_secure.widgets.__file__).parent
STEPS = (TeamPicker, AllowEditor, ReviewStep, TestUrlStep, HitsStep)
SECRETS = re.compile(r"X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|AKIA|ASIA|aws_secret")


def test_the_whole_job(connection: Connection, now: None, words: Any, every_widget: Any) -> None:
    made = panel(connection)
    made.picker.value = "open-team"
    assert "open-team" in words(made.top.value)
    assert made.hits.team == "open-team"
    made.allow.bucket = "gt-images"
    made.allow.address_input.input.value = "203.0.113.0/24"
    assert made.review.apply_button.description == "Apply (confirm 2 warnings above)"
    top = words(made.top.value)
    assert "off, will be on" in top
    assert (
        "all 5 private workteams of the region: north-team, open-team, radiology-team, south-team,"
        " vpc-team" in top
    )
    agree(made.review)
    made.review.apply()
    top = words(made.top.value)
    assert "will be" not in top
    assert "✓ 203.0.113.0/24" in top
    assert "Only 203.0.113.0/24 can open presigned URLs of gt-images." in words(made.heading.value)
    made.test.bound_to = "203.0.113.7"
    made.test.sign()
    made.test.probe()
    deliver(connection)
    made.hits.plot_hits()
    assert made.hits.allowed == Allowed.of("203.0.113.0/24")
    assert made.review.hits is made.hits.result.hits
    undo(made.review)
    assert "Undone" in words(made.review.after.value)
    texts = [repr(widget) for widget in every_widget(made)] + [
        str(ipywidgets.Widget.get_manager_state())
    ]
    assert not [text for text in texts if SECRETS.search(text)]
    made.close()


def test_what_another_team_of_the_bucket_needs_is_kept_by_one_click(
    connection: Connection, now: None
) -> None:
    office = Restriction("open-team", bucket="gt-images", addresses="203.0.113.0/24", url_lock=None)
    connection.apply(connection.plan(office), confirm=AGREED)
    made = panel(
        connection, team="vpc-team", bucket="gt-images", endpoints=["vpce-0a1b2c3d4e5f60718"]
    )
    review = made.review
    assert [each.code for each in review.plan.blockers] == ["refuses-team"]
    assert review.keep_button.description == "Keep what the teams need"
    assert "gts-hidden" not in review.keep_button._dom_classes
    review.keep_button.click()
    assert made.allow.addresses == ("203.0.113.0/24",)
    assert made.allow.endpoints == ("vpce-0a1b2c3d4e5f60718",)
    assert review.plan.blockers == ()
    assert "gts-hidden" in review.keep_button._dom_classes
    connection.undo()
    made.close()


def test_bucket_mode_works_without_a_team_and_its_words(
    connection: Connection,
    now: None,
    words: Any,
    every_widget: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LabelingJob, "uses", lambda *_: False)  # no team uses the bucket
    made = panel(connection, bucket="gt-images", addresses=["203.0.113.0/24"])
    assert made.picker.value == ""
    assert made.review.plan is not None
    assert [change.kind for change in made.review.plan.changes] == ["bucket-guard"]
    made.test.sign()
    made.test.probe()
    deliver(connection)
    made.hits.plot_hits()
    made.picker.ways.add_class("gts-hidden")  # the way of the others is named there
    out = [each for each in every_widget(made) if "gts-hidden" in getattr(each, "_dom_classes", ())]
    hidden = {each for top in out for each in every_widget(top)}
    shown = [
        each
        for each in every_widget(made)
        if each not in hidden and "gts-style" not in each._dom_classes
    ]
    names = ("value", "description", "placeholder", "tooltip")
    said = [
        words(str(getattr(each, name, ""))).replace("gt-images", "").replace("image/svg", "")
        for each in shown
        for name in names
    ]
    assert [each for each in said if re.search(r"(?i)\b(image|worker|task|portal)s?\b", each)] == []
    said = words(made.top.value)
    assert said.startswith("Bucket guard ! off, will be on")
    assert "Age limit no limit" in said
    made.close()


def test_the_folder_of_a_teams_jobs_is_offered_and_taken_by_one_click(
    connection: Connection, now: None, words: Any
) -> None:
    south = Restriction(bucket="gt-shared", prefix="south/", addresses="192.0.2.0/24")
    connection.apply(connection.plan(south), confirm=AGREED)
    made = panel(connection, team="north-team", addresses=["203.0.113.0/24"])
    allow = made.allow
    assert (allow.bucket, allow.prefix) == ("gt-shared", "")  # offered, not taken
    assert "gts-hidden" not in allow.folder_box._dom_classes
    assert allow.folder_button.description == "Only north/"
    allow.folder_button.click()
    assert allow.restriction().prefix == "north/"
    assert "gts-hidden" in allow.folder_box._dom_classes
    top = words(made.top.value)
    assert "off, will be on" in top
    assert "No guard covers the prefix." in top
    assert top.count("Another guard of the bucket") == 1
    assert "presigned URLs of objects under south/ work only from 192.0.2.0/24" in top
    agree(made.review)
    made.review.apply()
    assert words(made.heading.value).startswith(
        "Objects under south/: only 192.0.2.0/24. Objects under north/: only 203.0.113.0/24. "
        "Other objects of gt-shared: anyone with a URL."
    )
    assert "The prefix belongs to the guard of objects under north/." in words(made.top.value)
    allow.prefix = ""
    assert "gts-hidden" not in allow.folder_box._dom_classes
    allow.bucket = "gt-images"  # the jobs of this team use nothing there
    assert "gts-hidden" in allow.folder_box._dom_classes
    connection.undo()
    connection.undo()
    made.close()


def test_a_url_lock_that_moves_to_the_other_portal_names_both(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="vpc-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    made.allow.portal_lock = True
    assert "URL lock ! VpcSourceIp, will be SourceIp" in words(made.top.value)
    made.close()


def test_a_vendor_team_is_guarded_at_the_bucket_only(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, bucket="gt-images", addresses=["203.0.113.0/24"])
    made.picker.select.value = next(team.arn for team in made.picker.teams if team.kind == "vendor")
    assert made.hits.team is None, "it has no URL lock"
    assert "AWS offers none for a vendor team" in words(made.top.value)
    assert [change.kind for change in made.review.plan.changes] == ["bucket-guard"]


def test_what_is_not_ready_says_why(connection: Connection, now: None, words: Any) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=["10.0.0.0/8"])
    assert made.review.plan is None
    assert "10.0.0.0/8" in words(made.review.shown.value)
    assert made.review.apply_button.disabled


def test_a_wrong_bucket_is_not_ready_and_never_means_the_former_one(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    assert made.review.plan is not None
    made.allow.bucket_input.value = "UPPER_bucket"
    assert "is not a bucket name" in words(made.allow.errors["bucket"].value)
    assert made.allow.bucket_input.value == "UPPER_bucket", "what is wrong stays in its field"
    assert (made.review.plan, made.allow.bucket, made.hits.bucket, made.test.bucket) == (
        None,
        "",
        "",
        "",
    )
    assert made.review.apply_button.disabled
    assert "1 invalid" in words(made.allow._summary.value)
    made.allow.bucket_input.value = "gt-images"
    assert words(made.allow.errors["bucket"].value) == ""
    assert made.review.plan is not None


def test_nothing_is_primary_or_ready_before_somebody_is_listed(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images")
    assert made.review.plan is None
    assert made.review.apply_button.disabled
    assert words(made.review.shown.value) == 'List the allowed addresses in "Allow".'
    primary = [
        step
        for step in (made.test.sign_button, made.hits.plot_button)
        if "gts-primary" in step._dom_classes
    ]
    assert primary == []


def test_the_panel_appears_at_once_and_the_loop_stays_free(
    connection: Connection, run: Any, words: Any
) -> None:
    async def main() -> None:
        made = panel(connection)  # nothing was awaited, so nothing can have been answered
        assert "Reading the workteams" in words(made.picker._summary.value)
        await made.wait_idle()
        assert made.picker.teams
        made.close()

    run(main())


def test_no_boto3_and_no_upper_room_in_widgets() -> None:
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in {"boto3", "botocore", "sagemaker"}, path.name
                assert name.split(".")[0] not in {"sandbox", "cli", "magics", "commands", "demo"}, (
                    path.name
                )


def test_importing_the_package_loads_no_widgets() -> None:
    code = (
        "import sys, gt_secure; print([m for m in ('ipywidgets', 'boto3', 'anywidget') if m in"
        " sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )


@pytest.mark.parametrize("kind", [*STEPS, Panel, panel])
def test_unknown_keywords_are_rejected(kind: Any) -> None:
    with pytest.raises(TypeError, match="colour"):
        kind(colour="red")


@pytest.mark.parametrize("kind", STEPS)
def test_every_trait_has_a_docstring_under_it(kind: type) -> None:
    tree = ast.parse(inspect.getsource(kind))
    body = tree.body[0].body  # type: ignore[attr-defined]
    own = [name for name, trait in vars(kind).items() if isinstance(trait, traitlets.TraitType)]
    assert own
    for i, node in enumerate(body):
        if isinstance(node, ast.Assign) and node.targets[0].id in own:  # type: ignore[attr-defined]
            after = body[i + 1]
            assert isinstance(after, ast.Expr), node.targets[0].id  # type: ignore[attr-defined]
            assert isinstance(after.value, ast.Constant)


def test_a_repr_holds_no_values_and_the_text_form_says_what_to_do(
    connection: Connection, now: None, every_widget: Any
) -> None:
    made = panel(
        connection, team="radiology-team", bucket="gt-images", addresses=["203.0.113.0/24"]
    )
    assert repr(made) == "<gt_secure panel>"
    for step in made.steps:
        assert "radiology" not in repr(step)
        assert "203.0.113" not in repr(step)
    bundle = made._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "gt-secure --help" in bundle["text/plain"]
    for part in (
        "radiology-team, bucket gt-images",
        "URL lock: on",
        "Bucket guard: off, will be on",
    ):
        assert part in bundle["text/plain"]


def test_every_input_has_a_label_and_every_button_has_words(
    connection: Connection, now: None, every_widget: Any
) -> None:
    made = panel(
        connection, team="radiology-team", bucket="gt-images", addresses=["203.0.113.0/24"]
    )
    kinds = ("Text", "Textarea", "Combobox", "Select", "Dropdown", "Checkbox", "Button")
    inputs = tuple(getattr(ipywidgets, kind) for kind in kinds)
    found = [widget for widget in every_widget(made) if isinstance(widget, inputs)]
    assert len(found) > 30
    assert [widget for widget in found if not widget.description.strip()] == []


def test_the_names_that_people_and_tests_use_are_there(
    connection: Connection, now: None, every_widget: Any
) -> None:
    made = panel(connection)
    names = {getattr(widget, "description", "") for widget in every_widget(made)}
    wanted = {
        "Workteam",
        "Allowed addresses",
        "VPC endpoints",
        "Apply",
        "Undo",
        "Sign test URL",
        "Probe",
        "Plot requests",
    }
    assert wanted <= names


def test_every_html_that_changes_is_announced(connection: Connection, now: None) -> None:
    made = panel(connection)
    for step in made.steps:
        assert 'role="status"' in step.status.value
        assert 'aria-live="polite"' in step.status.value


def test_a_step_opens_and_closes_and_keeps_its_summary(connection: Connection, now: None) -> None:
    picker = TeamPicker(connection, value="open-team")
    before = picker._summary.value
    picker.toggle.click()
    assert not picker.opened
    assert "gts-shut" in picker.body._dom_classes
    assert "closed" in picker.toggle.tooltip
    assert picker._summary.value == before


def test_steps_take_and_give_plain_values_and_link(connection: Connection, now: None) -> None:
    editor = AllowEditor(bucket="gt-images", team="open-team")
    review = ReviewStep(connection)
    editor.observe(lambda _: setattr(review, "restriction", editor.restriction()), "revision")
    editor.addresses = ["203.0.113.0/24"]
    assert review.restriction == Restriction(
        "open-team", addresses=["203.0.113.0/24"], bucket="gt-images"
    )
    assert review.plan is not None


def test_closing_the_panel_forgets_the_url(connection: Connection, now: None) -> None:
    made = panel(connection, bucket="gt-images", addresses=["203.0.113.0/24"])
    made.test.sign()
    url = made.test._url
    assert url is not None
    made.close()
    with pytest.raises(ValueError, match="cleared"):
        url.reveal()


def test_a_team_may_be_given_as_the_sdk_s_own_object(connection: Connection, now: None) -> None:
    class SdkWorkteam:
        workteam_name = "open-team"

    assert panel(connection, team=SdkWorkteam()).picker.value == "open-team"
    assert panel(connection, team=connection.workteam("vpc-team")).picker.team.name == "vpc-team"


def test_the_portal_lock_is_known_when_a_team_is_given(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="open-team")
    assert "Portal lock ✕ open to everybody" in words(made.top.value)


def test_a_page_that_comes_late_gets_everything_once_more(
    connection: Connection, now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gt_secure.widgets import page_assets as page

    made, step = panel(connection), TeamPicker(connection)
    sent: list[Any] = []
    monkeypatch.setattr(ipywidgets.Widget, "send_state", lambda self, key=None: sent.append(self))
    for root in (made, *made.steps, step):
        root.made_at = time.monotonic() + 60  # this machine may be slow
    assert page.send_again() == 0, "a page that was there from the beginning has it all"
    for root in (made, *made.steps, step):
        root.made_at -= 120
    assert page.send_again() == len(sent)
    assert {id(made.top), id(made.picker.select), id(step.select)} <= {
        id(widget) for widget in sent
    }
    assert len(sent) == len({id(widget) for widget in sent})


def test_panels_share_what_only_the_style_sheet_decides(
    connection: Connection, now: None, every_widget: Any
) -> None:
    made, other = panel(connection), panel(connection)
    assert made.children[0] is other.children[0], "one style sheet"
    layouts = {id(widget.layout) for each in (made, other) for widget in every_widget(each)}
    assert len(layouts) < 30
    assert made.layout is not other.layout, "what people may want to change is each panel's own"


def test_a_connection_and_a_session_are_one_too_many() -> None:
    with pytest.raises(InvalidInput) as caught:
        gt_secure.panel(object(), sagemaker_session=object())
    assert caught.value.field == "sagemaker_session"


def test_a_prefix_stays_with_the_bucket_that_it_was_for(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(
        connection,
        team="open-team",
        bucket="gt-images",
        prefix="scans/",
        addresses=["203.0.113.0/24"],
    )
    assert made.allow.prefix == "scans/"
    agree(made.review)
    made.review.apply()
    assert "Objects under scans/: only 203.0.113.0/24." in words(made.heading.value)
    assert "gts-says-warn" in made.heading.value
    made.allow.bucket = "gt-logs"
    assert (made.allow.prefix, made.allow.inputs["prefix"].value, made.review.after.value) == (
        "",
        "",
        "",
    )
    assert made.review.applied is None
    assert "Anyone with a URL can open gt-logs." in words(made.heading.value)
    made.allow.bucket_input.value = "s3://gt-images/scans/"
    assert (made.allow.bucket, made.allow.prefix) == ("gt-images", "scans/")
    made.picker.value = "radiology-team"
    assert made.allow.prefix == ""
    made.close()
    connection.undo()


def test_a_headline_follows_the_policy(connection: Connection, now: None, words: Any) -> None:
    made = panel(connection, bucket="gt-images")
    assert "Anyone with a URL can open gt-images." in words(made.heading.value)
    s3 = connection.aws.client("s3")
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [build_guard("gt-images", networks=["203.0.113.0/24"])],
        }
    )
    for text, headline, tone in (
        (policy, "Only 203.0.113.0/24 can open presigned URLs of gt-images.", "ok"),
        (policy.replace('"s3:*"', '"s3:PutObject"'), "Anyone with a URL can open gt-images.", "no"),
    ):
        s3.put_bucket_policy(Bucket="gt-images", Policy=text)
        made.picker.refresh_button.click()
        assert headline in words(made.heading.value)
        assert f"gts-says-{tone}" in made.heading.value
        assert {each["tone"] for each in made.locks["locks"] if each["name"] == "Bucket guard"} == {
            tone
        }
    s3.delete_bucket_policy(Bucket="gt-images")
    made.close()


def test_a_good_word_has_an_age_and_ends(connection: Connection, run: Any, words: Any) -> None:
    module = import_module("gt_secure.widgets.panel")
    office = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
    done = connection.apply(connection.plan(office), confirm=AGREED)

    async def main() -> None:
        with pytest.MonkeyPatch.context() as patch:
            made = panel(connection, bucket="gt-images")
            await until(lambda: "gts-says-ok" in made.heading.value)
            assert re.search(r"checked at \d\d:\d\d:\d\d UTC<", made.heading.value)
            patch.setattr(module, "OLD_S", 0.01)
            made.picker.refresh_button.click()
            await until(lambda: "Press Refresh" in made.heading.value)
            assert "gts-says-plain" in made.heading.value
            assert "ok" not in {each["tone"] for each in made.locks["locks"]}
            made.close()

    run(main())
    connection.undo(done)


@pytest.mark.check
def test_a_look_costs_four_calls_and_a_change_of_this_kernel_is_shown(
    connection: Connection, run: Any, words: Any
) -> None:
    async def main() -> None:
        made = panel(connection, team="open-team", bucket="gt-images")
        await until(lambda: "Anyone with a URL" in made.heading.value)
        await made.wait_idle()
        await asyncio.sleep(1.2)  # what comes later has come
        await made.wait_idle()
        before = made._view.read_at
        with watched() as seen:
            made.look()
            await until(lambda: made._view.read_at != before)
        assert 1 <= len(seen.sent) <= 4
        assert made._view.teams_at == made._view.read_at, "the lock was looked at, too"
        wish = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
        plan = connection.plan(wish)
        done = await asyncio.to_thread(connection.apply, plan, confirm=AGREED)
        await until(lambda: "Only 203.0.113.0/24" in words(made.heading.value))
        await made.wait_idle()
        delete = connection.aws.client("s3").delete_bucket_policy
        await asyncio.to_thread(delete, Bucket="gt-images")  # by somebody else
        made.look()
        await until(lambda: "Anyone with a URL" in made.heading.value)
        made.close()
        assert done.outcome == "applied"

    run(main())


def test_a_bucket_that_can_no_longer_be_read_is_not_shown_as_it_was(
    connection: Connection, now: None, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(*_: Any, **__: Any) -> None:
        raise CredentialsError("The credentials have expired.", next_step="Sign in again.")

    made = panel(connection, bucket="gt-images")
    assert "Anyone with a URL" in words(made.heading.value)
    monkeypatch.setattr(Connection, "who_can_open", expired)
    with pytest.raises(CredentialsError):
        made._read_again()
    assert "Anyone with a URL" not in words(made.heading.value)
    assert "Bucket guard not read yet" in words(made.top.value)
    made.close()


def test_a_team_alone_has_an_age_that_headline_and_status_bar_show(
    connection: Connection, run: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("gt_secure.widgets.panel")

    async def main() -> None:
        made = panel(connection, team="vpc-team")
        await until(lambda: "works only from the worker" in made.heading.value)
        assert re.search(r"checked at \d\d:\d\d:\d\d UTC<", made.heading.value)
        assert re.search(r", as read \d\d:\d\d:\d\d UTC$", made.locks["locks"][-1]["words"])
        assert "ok" in {each["tone"] for each in made.locks["locks"]}
        monkeypatch.setattr(module, "OLD_S", 0.01)
        made.picker.refresh_button.click()
        await until(lambda: "Press Refresh" in made.heading.value)
        assert "ok" not in {each["tone"] for each in made.locks["locks"]}
        monkeypatch.setattr(module, "OLD_S", 60.0)
        made.picker.refresh_button.click()
        await until(lambda: "Press Refresh" not in made.heading.value)
        made.close()

    run(main())


def test_the_age_is_that_of_the_oldest_reading(connection: Connection, now: None) -> None:
    made = panel(connection, team="vpc-team", bucket="gt-images")
    view = made._view
    assert view.as_read == min(view.teams_at, view.read_at)
    made._draw_top(teams_at=view.teams_at - dt.timedelta(seconds=91))
    assert (
        f"checked at {view.teams_at - dt.timedelta(seconds=91):%H:%M:%S} UTC. Press Refresh"
        in made.heading.value
    )
    assert "ok" not in {each["tone"] for each in made.locks["locks"]}
    made._draw_top(team=None)
    assert f"checked at {view.read_at:%H:%M:%S} UTC<" in made.heading.value
    made.close()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (0, CredentialsError("It has expired.")),
        (2, Conflict("It was changed.")),
        (4, CredentialsError("It has expired.")),
    ],
)
def test_what_any_step_learns_turns_everything_to_not_read(
    connection: Connection, now: None, words: Any, number: int, error: GtSecureError
) -> None:
    made = panel(connection, team="vpc-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    assert "not read" not in words(made.top.value)
    made.steps[number].show_error(error)
    assert words(made.top.value).count("not read yet") == 3
    assert {each["tone"] for each in made.locks["locks"]} == {"plain"}
    assert "checked at" not in made.heading.value
    assert "as read" not in json.dumps(made.locks)
    made.picker.refresh_button.click()
    assert "not read" not in words(made.top.value)
    assert "checked at" in made.heading.value
    made.close()


def test_refresh_reads_all_that_is_on_the_screen(connection: Connection, now: None) -> None:
    made = panel(connection, team="vpc-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("workteams", "workforce", "jobs", "endpoints", "who_can_open", "plan"):
            method = getattr(Connection, name)

            def noted(*args: Any, _name: str = name, _method: Any = method, **more: Any) -> Any:
                asked.append(_name)
                return _method(*args, **more)

            patch.setattr(Connection, name, noted)
        made.picker.refresh_button.click()
    assert {*asked} == {"workteams", "workforce", "jobs", "endpoints", "who_can_open", "plan"}
    made.close()


def test_a_lock_that_is_off_says_nothing_in_the_present(
    connection: Connection, now: None, words: Any
) -> None:
    made = panel(connection, team="open-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    top = words(made.top.value)
    assert top.count("off, will be on") == 2
    assert "After Apply it refuses presigned requests from other addresses." in top
    assert "After Apply each URL works only from its worker's own address." in top
    assert "It refuses" not in top
    made._draw_top(plan=None, access=None, guard_known=False)
    assert "It refuses" not in words(made.top.value)
    made.close()


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_a_closed_panel_leaves_no_widget_comm_or_thread(
    connection: Connection, now: None, times: int
) -> None:
    from ipywidgets.widgets import widget as registry

    def open_and_close() -> tuple[int, int, int]:
        made = panel(connection, team="open-team")
        made.allow.address_input.input.value = "203.0.113.0/24"
        made.close()
        open_comms = sum(each.comm is not None for each in registry._instances.values())
        return len(registry._instances), open_comms, threading.active_count()

    first = open_and_close()  # what all panels share, such as the style sheet, is made once
    assert [open_and_close() for _ in range(times)] == [first] * times


def test_the_panel_of_a_cell_that_runs_again_is_closed(
    connection: Connection, now: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    message: dict[str, Any] = {"metadata": {"cellId": "a"}, "header": {"msg_id": "1"}}
    module = sys.modules["gt_secure.widgets.panel"]
    monkeypatch.setattr(module, "kernel_shell", lambda: SimpleNamespace(get_parent=lambda: message))
    two = [panel(connection), panel(connection)]
    message["metadata"] = {"cellId": "b"}
    other = panel(connection)
    message |= {"metadata": {"cellId": "a"}, "header": {"msg_id": "2"}}
    again = panel(connection)
    assert [each.comm is None for each in (*two, other, again)] == [True, True, False, False]
