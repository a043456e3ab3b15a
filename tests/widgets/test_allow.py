"""The allow editor: entries are checked when entered,
and the restriction never leaves out what was typed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import gt_secure
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import parse_networks
from gt_secure.connection import Connection
from gt_secure.logs.named_networks import NamedNetwork, Networks
from gt_secure.widgets import AllowEditor
from gt_secure.widgets.entry_feedback import read_address, read_endpoint

ENDPOINT = "vpce-0a1b2c3d4e5f60718"

pytestmark = pytest.mark.usefixtures("now")


def editor(**values: Any) -> AllowEditor:
    return AllowEditor(**{"bucket": "gt-images", "team": "radiology-team", **values})


def chips(made: AllowEditor) -> list[str]:
    return [chip.description for chip in made.address_input.chips.children]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("203.0.113.0/24", ["203.0.113.0/24"]),
        (
            "203.0.113.7, 2001:db8::/32;198.51.100.0/24",
            ["203.0.113.7", "2001:db8::/32", "198.51.100.0/24"],
        ),
        ('["203.0.113.7", "198.51.100.9"]', ["203.0.113.7", "198.51.100.9"]),
        ("203.0.113.7 203.0.113.7", ["203.0.113.7"]),
    ],
)
def test_what_is_typed_or_pasted_becomes_chips_and_the_input_is_empty_again(
    typed: str, expected: list[str]
) -> None:
    made = editor()
    made.address_input.input.value = typed
    assert list(made.addresses) == expected
    assert made.address_input.input.value == ""
    assert len(chips(made)) == len(expected)


def test_each_chip_says_family_and_size() -> None:
    assert read_address("203.0.113.0/24").label == "203.0.113.0/24 · IPv4 · 256"
    assert read_address("203.0.113.7").label == "203.0.113.7 · IPv4 · 1"
    assert read_address("2001:db8:40::/48").label == "2001:db8:40::/48 · IPv6 · 2⁸⁰"


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("10.0.0.0/16", "private"),
        ("0.0.0.0/0", "every address"),
        ("203.0.113.7/24", "host bits"),
        ("localhost", "not an address"),
        ("300.1.1.1", "not an IPv4 address"),
        ("::ffff:1.2.3.4", "IPv4-mapped"),
        (ENDPOINT, "VPC endpoint"),
        ("127.0.0.1", "loopback"),
    ],
)
def test_a_wrong_entry_is_marked_and_says_what_to_write(word: str, part: str, words: Any) -> None:
    made = editor(addresses=[word])
    assert chips(made)[0].startswith("! ")
    [problem] = made.address_input.corrections.children
    assert part in words(problem.children[0].value)
    with pytest.raises(InvalidInput) as caught:
        made.restriction()
    assert caught.value.next_step


def buttons(made: AllowEditor) -> list[Any]:
    """Return the buttons of the corrections, each after what is wrong with its entry."""
    rows = made.address_input.corrections.children
    return [button for row in rows for button in row.children[1:]]


@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("203.0.113.7/24", ["Use 203.0.113.0/24", "Only 203.0.113.7"]),
        ("2001:db8:40::7/48", ["Use 2001:db8:40::/48", "Only 2001:db8:40::7"]),
        ("203.0.113.0/255.255.255.0", ["Use 203.0.113.0/24"]),
        ("203.0.113.7/255.255.255.0", ["Use 203.0.113.0/24", "Only 203.0.113.7"]),
        ("::ffff:203.0.113.7", ["Use 203.0.113.7"]),
        ("::ffff:203.0.113.0/120", []),
        ("10.0.0.7/24", []),
        ("203.0.113.7/0", ["Only 203.0.113.7"]),
        ("0.0.0.0/0", []),
        ("localhost", []),
        ("300.1.1.1", []),
        ("203.0.113.0/24", []),
    ],
)
def test_a_wrong_entry_offers_corrections_that_are_accepted(word: str, offered: list[str]) -> None:
    made = editor(addresses=[word])
    assert [button.description for button in buttons(made)] == offered
    for correction in made.address_input.entries[0].corrections:
        assert editor(addresses=[correction.word]).restriction().addresses


@pytest.mark.parametrize(("pressed", "used"), [(0, "203.0.113.0/24"), (1, "203.0.113.7")])
def test_a_pressed_correction_replaces_the_entry_in_its_place(pressed: int, used: str) -> None:
    made = editor(addresses=["192.0.2.0/24", "203.0.113.7/24", "198.51.100.9"])
    buttons(made)[pressed].click()
    assert made.addresses == ("192.0.2.0/24", used, "198.51.100.9")
    assert len(chips(made)) == 3
    assert not made.address_input.corrections.children
    assert made.restriction().addresses


def test_a_correction_that_is_listed_already_is_not_listed_twice() -> None:
    made = editor(addresses=["203.0.113.0/24", "203.0.113.7/24"])
    buttons(made)[0].click()
    assert made.addresses == ("203.0.113.0/24",)


def test_corrections_say_which_entry_they_replace_and_stay_while_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = editor(addresses=["203.0.113.7/24", "198.51.100.9/28"])
    second, _, _, first = buttons(made)  # the newest entry first
    assert first.tooltip == "Only 203.0.113.7 instead of 203.0.113.7/24"
    assert second.tooltip == "Use 198.51.100.0/28 instead of 198.51.100.9/28"
    focused: list[bool] = []
    monkeypatch.setattr(
        made.address_input.input, "focus", lambda: focused.append(True), raising=False
    )
    first.click()
    assert focused == [True]
    assert buttons(made)[0] is second


def test_a_wrong_entry_is_never_left_out_silently() -> None:
    with pytest.raises(InvalidInput):
        editor(addresses=["203.0.113.0/24", "10.0.0.0/8"]).restriction()


def test_a_very_broad_range_is_marked_but_taken() -> None:
    assert read_address("11.0.0.0/8").tone == "warn"
    assert editor(addresses=["11.0.0.0/8"]).restriction().addresses


def test_pressing_a_chip_removes_it() -> None:
    made = editor(addresses=["203.0.113.0/24", "198.51.100.9"])
    made.address_input.chips.children[0].click()
    assert made.addresses == ("198.51.100.9",)


def test_a_list_of_lines_csv_or_json_can_be_edited_as_text() -> None:
    made = editor(addresses=["203.0.113.7"])
    made.text_button.click()
    assert made.text.value == "203.0.113.7"
    made.text.value = "ip,name\n198.51.100.9,home\n203.0.113.0/24,office\n"
    made.text_box.children[1].click()
    assert made.addresses == ("198.51.100.9", "203.0.113.0/24")
    made.text.value = json.dumps([{"CidrIp": "192.0.2.0/24"}])
    made.text_box.children[1].click()
    assert made.addresses == ("192.0.2.0/24",)


def test_counts_against_the_limits_are_shown(words: Any) -> None:
    many = [f"198.51.100.{i}" for i in range(1, 40, 2)]
    made = editor(addresses=many)
    made.portal_lock = True
    assert "20 of 10 for the portal lock" in words(made.address_input.said.value)
    assert "at most 10 ranges" in words(made.address_input.said.value)
    made.portal_lock = None
    assert "portal lock" not in words(made.address_input.said.value)


def test_a_list_too_long_for_a_policy_says_so() -> None:
    made = editor(addresses=[f"198.{i // 250}.{i % 250}.1" for i in range(2, 1300)])
    with pytest.raises(InvalidInput, match="do not fit into a bucket policy"):
        made.restriction()
    assert len(made.address_input.chips.children) == 61


def test_endpoints_are_named_by_their_vpc(connection: Connection, words: Any) -> None:
    made = AllowEditor(connection, bucket="gt-images")
    made.find_endpoints()
    assert "2 S3 endpoints found." in words(made.found.value)
    made.endpoint_input.input.value = made.endpoint_input.input.options[0]
    assert made.endpoints == (ENDPOINT,)
    assert " · " in made.endpoint_input.chips.children[0].description


@pytest.mark.parametrize(
    "word", ["vpc-office", "203.0.113.7", "vpce-svc-1", "com.amazonaws.us-east-1.s3"]
)
def test_what_is_no_endpoint_says_what_it_is(word: str) -> None:
    assert read_endpoint(word, {}).problem


def test_the_switches_are_the_three_locks(words: Any) -> None:
    made = editor(addresses=["203.0.113.0/24"])
    wish = made.restriction()
    assert (wish.url_lock, wish.guard, wish.portal_lock) == (True, True, None)
    made.switches.choices["portal_lock"].value = "on"
    made.switches.choices["url_lock"].value = "off"
    made.switches.choices["guard_lock"].value = "leave"
    wish = made.restriction()
    assert (wish.url_lock, wish.guard, wish.portal_lock) == (False, None, True)


def test_a_vendor_team_has_no_url_lock(words: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:111122223333:workteam/vendor-crowd/x"
    made = editor(team=arn, addresses=["203.0.113.0/24"])
    assert ["gts-hidden" in each._dom_classes for each in made.switches.children] == [
        True,
        True,
        False,
    ]
    assert made.restriction().url_lock is None


def test_a_bucket_alone_makes_a_restriction() -> None:
    wish = AllowEditor(
        bucket="data-of-label-studio", prefix="tasks/", addresses=["203.0.113.0/24"]
    ).restriction()
    assert (wish.team, wish.bucket, wish.prefix, wish.guard) == (
        None,
        "data-of-label-studio",
        "tasks/",
        True,
    )


def test_an_s3_address_is_taken_apart() -> None:
    made = AllowEditor()
    made.bucket_input.value = "s3://gt-images/scans/"
    assert (made.bucket, made.prefix) == ("gt-images", "scans/")


def test_a_wrong_bucket_name_is_an_error_in_this_step(words: Any) -> None:
    made = AllowEditor(addresses=["203.0.113.0/24"])
    made.bucket_input.value = "Not A Bucket"
    assert "is not a bucket name" in words(made.errors["bucket"].value)
    with pytest.raises(InvalidInput, match="is not a bucket name"):
        made.restriction()


def opened(made: AllowEditor) -> bool:
    return "gts-hidden" not in made.more_box._dom_classes


def test_one_switch_protects_and_the_rest_is_under_more_options() -> None:
    made = editor(addresses=["203.0.113.0/24"])
    assert (made.protect.value, made.url_lock, made.guard_lock) == (True, True, True)
    assert not opened(made)
    made.protect.value = False
    assert (made.url_lock, made.guard_lock) == (None, None)
    made.protect.value = True
    assert (made.restriction().url_lock, made.restriction().guard) == (True, True)


@pytest.mark.parametrize(
    "values",
    [
        {"endpoints": (ENDPOINT,)},
        {"prefix": "scans/"},
        {"age_limit": "15m"},
        {"signers": "x"},
        {"portal_lock": True},
        {"url_lock": False},
    ],
)
def test_more_options_open_where_one_matters_and_stay_closed_when_a_person_closes_them(
    values: dict[str, Any],
) -> None:
    made = editor(addresses=["203.0.113.0/24"])
    for name, value in values.items():
        setattr(made, name, value)
    assert opened(made)
    made.more_button.click()
    made.addresses = ("203.0.113.0/25",)
    assert not opened(made)


def test_the_setting_is_chosen_only_where_there_are_two_portals() -> None:
    made = editor(addresses=["203.0.113.0/24"])
    assert "gts-hidden" in made.portal_input._dom_classes
    made.show_portals(two=True)
    assert "gts-hidden" not in made.portal_input._dom_classes
    assert not opened(made), "the choice stands beside the switch"
    made.portal_input.value = "VpcSourceIp"
    assert made.restriction().url_lock == "VpcSourceIp"
    made.show_portals(two=False)
    assert made.restriction().url_lock is True


def test_a_guard_without_anybody_listed_is_not_ready() -> None:
    with pytest.raises(InvalidInput, match="No address is allowed yet"):
        editor().restriction()


def test_one_observer_sees_every_change() -> None:
    made = editor()
    seen: list[int] = []
    made.observe(lambda change: seen.append(change["new"]), "revision")
    made.addresses = ("203.0.113.7",)
    made.bucket = "other-bucket"
    made.portal_lock = True
    assert len(seen) == 3


def test_an_entry_that_was_refused_stays_to_be_corrected() -> None:
    editor = AllowEditor(bucket="gt-images", prefix="scans/")
    editor.inputs["age_limit"].value = "15"
    assert "is not an age" in editor.errors["age_limit"].value
    editor._got_endpoints(())  # a result draws the step again
    editor.addresses = ("203.0.113.0/24",)
    assert editor.inputs["age_limit"].value == "15"
    assert editor.age_limit == ""
    editor.inputs["age_limit"].value = " 15m "
    assert (editor.age_limit, editor.inputs["age_limit"].value) == ("15m", "15m")
    editor.inputs["prefix"].value = " other/ "
    assert (editor.prefix, editor.inputs["prefix"].value) == ("other/", "other/")
    editor.bucket_input.value = "s3://gt-scans/chest/"
    editor.prefix = "chest/"
    assert (editor.bucket, editor.bucket_input.value) == ("gt-scans", "gt-scans")
    editor.inputs["signers"].value = "Scanner"
    assert "the ARN of one role or user" in editor.errors["signers"].value
    editor.inputs[
        "signers"
    ].value = "arn:aws:iam::111122223333:role/Scanner arn:aws:iam::111122223333:user/ann"
    assert (
        editor.signers
        == "arn:aws:iam::111122223333:role/Scanner, arn:aws:iam::111122223333:user/ann"
    )
    assert len(editor.restriction().signers or ()) == 2
    editor.age_limit, editor.prefix, editor.signers = "", "", ""
    assert (editor.inputs["age_limit"].value, editor.inputs["prefix"].value) == ("", "")


def test_the_allow_editor_adds_a_network_by_name() -> None:
    office = NamedNetwork(
        "Berlin office", parse_networks(["203.0.113.0/24", "2001:db8:40::/48"]), "office"
    )
    pool = NamedNetwork("VPN pool", parse_networks(["198.51.100.0/25"]), "vpn")
    gt = gt_secure.connect(region="us-east-1", networks=Networks([office, pool]))
    editor = AllowEditor(gt)
    assert editor.named.options == ("", "Berlin office", "VPN pool")
    editor.named.value = "Berlin office"
    assert editor.addresses == ("203.0.113.0/24", "2001:db8:40::/48")
    assert editor.named.value == ""
    assert "gts-hidden" in AllowEditor().named._dom_classes
