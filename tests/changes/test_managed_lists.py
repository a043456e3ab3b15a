"""Prefix lists of EC2 and IP sets of WAF in a restriction: read, shown by name,
recorded, drift, limits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.aws.managed_lists import ManagedList, _made, read_lists
from gt_secure.base.errors import AccessDenied, InvalidInput, NotFound
from gt_secure.base.network import list_name, parse_networks, split_list
from gt_secure.changes import Journal
from gt_secure.check import (
    guard_is_in_place,
    is_proved,
    no_foreign_hits,
    nothing_drifted,
    team_is_restricted,
)
from gt_secure.cli.main import main
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import AllowEditor, ReviewStep
from support.box import PREFIX_LIST_ID
from support.scene import BUCKET, Scene

pytestmark = pytest.mark.usefixtures("known_texts")

SET = "wafv2:ipset/offices"
OFFICES = ["198.51.100.0/28", "10.1.0.0/16"]


@pytest.fixture
def offices(scene: Scene) -> Iterator[dict[str, Any]]:
    """An IP set; ``set`` replaces its addresses."""
    waf = scene.client("wafv2")
    made = waf.create_ip_set(
        Name="offices", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=OFFICES
    )["Summary"]
    where = {"Name": "offices", "Scope": "REGIONAL", "Id": made["Id"]}

    def put(addresses: list[str]) -> None:
        waf.update_ip_set(
            **where, Addresses=addresses, LockToken=waf.get_ip_set(**where)["LockToken"]
        )

    yield {"set": put}
    waf.delete_ip_set(**where, LockToken=waf.get_ip_set(**where)["LockToken"])


def wish(*lists: str, **more: Any) -> Restriction:
    return Restriction(addresses=["192.0.2.7", *lists], bucket=BUCKET, **more)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pl-0a1b2c3d", "pl-0a1b2c3d"),
        (" PL-0A1B2C3D4E5F60718 ", "pl-0a1b2c3d4e5f60718"),
        ("wafv2:ipset/Office_1", "wafv2:ipset/Office_1"),
        ("pl-xyz", None),
        ("pl-0a1b2c3", None),
        ("wafv2:ipset/", None),
        ("wafv2:global/ipset/x", None),
        ("203.0.113.0/24", None),
        (7, None),
    ],
)
def test_names(word, name):
    assert list_name(word) == name


def test_names_among_pasted_addresses():
    assert split_list("203.0.113.0/24, pl-0a1b2c3d\nwafv2:ipset/offices") == [
        "203.0.113.0/24",
        "pl-0a1b2c3d",
        SET,
    ]
    made = Restriction(
        addresses="203.0.113.7, pl-0a1b2c3d, wafv2:ipset/offices, pl-0a1b2c3d", bucket=BUCKET
    )
    assert (made.lists, [str(each) for each in made.addresses]) == (
        ("pl-0a1b2c3d", SET),
        ["203.0.113.7/32"],
    )
    assert Restriction.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert replace(made, team="open-team").lists == made.lists
    with pytest.raises(InvalidInput, match="not the name of a list"):
        Restriction(addresses="203.0.113.7", bucket=BUCKET, lists=["203.0.113.8"])
    only = Restriction(addresses=["pl-0a1b2c3d"], bucket=BUCKET)
    assert (only.addresses, only.allowed_names) == ((), ("pl-0a1b2c3d",))


@pytest.mark.parametrize(
    "word", ["pl-xyz", "wafv2:ip-set/x", "arn:aws:ec2:us-east-1:111122223333:prefix-list/pl-0a1b"]
)
def test_a_name_that_is_none_says_how_to_write_it(word):
    with pytest.raises(InvalidInput, match="wafv2:ipset/NAME"):
        Restriction(addresses=[word], bucket=BUCKET)


def test_a_list_without_a_lock_is_refused():
    with pytest.raises(InvalidInput, match="no effect"):
        Restriction("open-team", addresses=["pl-0a1b2c3d"])


def test_a_plan_reads_the_lists_and_shows_them_by_name(scene: Scene, offices, tmp_path):
    plan = scene.gt.plan(wish(PREFIX_LIST_ID, SET))
    assert [str(network) for network in plan.restriction.addresses] == [
        "192.0.2.7/32", "198.51.100.0/28", "203.0.113.0/25", "203.0.113.192/26",
    ]  # fmt: skip
    [change] = plan.changes
    assert f"{PREFIX_LIST_ID} (office-egress, 2 ranges), {SET} (1 range)" in change.after_text
    assert "203.0.113.192/26" in change.calls[1].parameters["Policy"]
    text, page = plan.to_text(full=True), plan.to_html(standalone=True)
    assert (
        f"List {PREFIX_LIST_ID} (office-egress, 2 ranges), version 1: 203.0.113.0/25,"
        " 203.0.113.192/26" in text
    )
    assert f"{SET} has 1 range that AWS never sees as a source: 10.1.0.0/16." in text
    assert "Lists of the restriction" in page
    assert plan.to_dict()["restriction"]["addresses"] == ["192.0.2.7/32", PREFIX_LIST_ID, SET]
    assert [each["name"] for each in plan.to_dict()["lists"]] == [PREFIX_LIST_ID, SET]
    done = replace(scene.gt, journal=Journal(tmp_path)).apply(
        plan, confirm=[each.code for each in plan.asks]
    )
    record = Journal(tmp_path).find(done.id).to_dict()
    assert record["lists"][1]["addresses"] == ["198.51.100.0/28"]
    assert record["lists"][1]["left_out"] == ["10.1.0.0/16"]
    again = scene.gt.plan(plan.restriction)
    assert again.empty
    assert again.restriction == plan.restriction
    assert is_proved.look(scene.gt, wish(PREFIX_LIST_ID, SET)).passed


def test_drift_of_a_list_is_named(scene: Scene, offices, tmp_path):
    asked = wish(SET)
    plan = scene.gt.plan(asked)
    replace(scene.gt, journal=Journal(tmp_path)).apply(
        plan, confirm=[each.code for each in plan.asks]
    )
    offices["set"]([*OFFICES, "198.51.100.64/28", "198.51.100.128/28"])
    plan = replace(scene.gt, journal=Journal(tmp_path)).plan(asked)
    codes = [notice.code for notice in plan.notices]
    [changed] = [notice for notice in plan.notices if notice.code == "list-changed"]
    assert (
        changed.text
        == f"{SET} has 2 ranges missing from the guard: 198.51.100.64/28, 198.51.100.128/28."
    )
    assert "drifted" not in codes  # the guard is as it was applied
    assert not nothing_drifted.look(scene.gt, asked).passed
    offices["set"](["198.51.100.128/28"])
    notices = {notice.code: notice.text for notice in scene.gt.plan(asked).notices}
    assert "198.51.100.0/28" in notices["guard-drops"]
    assert "1 range missing from the guard" in notices["list-changed"]


def test_a_guard_that_somebody_changed_has_drifted(scene: Scene, offices, tmp_path):
    plan = scene.gt.plan(wish(SET))
    replace(scene.gt, journal=Journal(tmp_path)).apply(
        plan, confirm=[each.code for each in plan.asks]
    )
    scene.change_guard("198.51.100.0/28", "198.51.100.0/27")
    assert "drifted" in [
        notice.code
        for notice in replace(scene.gt, journal=Journal(tmp_path)).plan(wish(SET)).notices
    ]


def test_limits(scene: Scene, offices):
    waf_ranges = [f"198.51.{i}.0/24" for i in range(0, 22, 2)]
    offices["set"](waf_ranges)
    with pytest.raises(
        InvalidInput, match=rf"With {SET} \(11 ranges\): The portal lock accepts at most 10"
    ):
        scene.gt.plan(Restriction("open-team", addresses=[SET], portal_lock=True, guard=None))
    offices["set"]([f"198.{i}.{j}.0/24" for i in range(20, 40) for j in range(0, 100, 2)])
    with pytest.raises(InvalidInput, match=r"The guard for these|do not fit"):
        scene.gt.plan(wish(SET))
    offices["set"](["10.0.0.0/8"])
    with pytest.raises(InvalidInput, match="would refuse every URL"):
        scene.gt.plan(Restriction(addresses=[SET], bucket=BUCKET))
    assert "list-empty" in [notice.code for notice in scene.gt.plan(wish(SET)).notices]


def test_a_prefix_list_of_many_pages_and_versions(scene: Scene):
    ec2 = scene.client("ec2")
    ranges = [f"198.51.{i // 128}.{i % 128 * 2}/32" for i in range(230)]
    made = ec2.create_managed_prefix_list(
        PrefixListName="many",
        MaxEntries=300,
        AddressFamily="IPv4",
        Entries=[{"Cidr": each} for each in ranges],
    )["PrefixList"]
    [found] = read_lists(scene.gt.aws, [made["PrefixListId"]])
    assert (len(found.networks), found.version, found.title) == (230, "1", "many")
    ec2.modify_managed_prefix_list(
        PrefixListId=made["PrefixListId"],
        CurrentVersion=1,
        RemoveEntries=[{"Cidr": each} for each in ranges[:100]],
    )
    [found] = read_lists(scene.gt.aws, [made["PrefixListId"]])
    assert (len(found.networks), found.version) == (130, "2")


def test_a_list_that_is_not_there_or_not_readable(scene: Scene, offices):
    with pytest.raises(NotFound, match="managed prefix list pl-00000000"):
        scene.gt.plan(wish("pl-00000000"))
    with pytest.raises(NotFound) as caught:
        scene.gt.plan(wish("wafv2:ipset/office"))
    assert SET in caught.value.next_step
    for action, name in (
        ("ec2:DescribeManagedPrefixLists", PREFIX_LIST_ID),
        ("ec2:GetManagedPrefixListEntries", PREFIX_LIST_ID),
        ("wafv2:ListIPSets", SET),
        ("wafv2:GetIPSet", SET),
    ):
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        user = scene.user(everything, everything | {"Effect": "Deny", "Action": action})
        with pytest.raises(AccessDenied) as denied:
            user.plan(wish(name))
        assert denied.value.action == action


def test_a_restriction_whose_lists_were_not_read_fails_closed(scene: Scene):
    with pytest.raises(InvalidInput, match="not known here"):
        no_foreign_hits.look(SimpleNamespace(asked=lambda question, _: question(None)), wish(SET))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Not every list"):
        wish(SET).with_lists([])
    aws = ManagedList(
        "pl-0a1b2c3d", parse_networks("203.0.113.0/24"), owner="AWS", title="com.amazonaws.x"
    )
    assert (
        wish("pl-0a1b2c3d").with_lists([aws]).allowed_names[1]
        == "pl-0a1b2c3d (com.amazonaws.x, 1 range)"
    )


def test_the_command_line(scene: Scene, offices, monkeypatch, capsys):
    scene.use_environment(monkeypatch)
    words = ["plan", f"s3://{BUCKET}", "--allow", f"192.0.2.7,{PREFIX_LIST_ID}", "--allow", SET]
    words += ["--full"]
    assert main(words) == 2
    assert f"List {SET} (1 range): 198.51.100.0/28" in capsys.readouterr().out
    assert main(["plan", f"s3://{BUCKET}", "--allow", "pl-00000000"]) == 1
    assert "pl-00000000" in capsys.readouterr().err


def test_the_panel_accepts_and_shows_them(scene: Scene, offices):
    editor = AllowEditor(addresses=["203.0.113.0/25", "203.0.113.128/25", SET], bucket=BUCKET)
    assert not any(entry.problem for entry in editor.address_input.entries)
    assert "1 list that AWS keeps" in editor.address_input.said.value
    step = ReviewStep(scene.gt, restriction=editor.restriction())
    assert "Lists of the restriction" in step.shown.value
    assert f"{SET} (1 range)" in step.details.value
    only = AllowEditor(addresses=[PREFIX_LIST_ID], bucket=BUCKET)
    assert only.restriction().lists == (PREFIX_LIST_ID,)
    assert scene.gt.plot  # the plot reads the lists too


def applied(scene: Scene, asked: Restriction, tmp_path) -> None:
    plan = scene.gt.plan(asked)
    replace(scene.gt, journal=Journal(tmp_path)).apply(
        plan, confirm=[each.code for each in plan.asks]
    )


def test_a_check_of_the_guard_names_lists(scene: Scene, offices, tmp_path):
    applied(scene, wish(PREFIX_LIST_ID, SET), tmp_path)
    names = ["192.0.2.7", PREFIX_LIST_ID, SET]
    held = guard_is_in_place.look(scene.gt, BUCKET, addresses=names)
    assert held.passed
    assert [each["name"] for each in held.details["lists"]] == [PREFIX_LIST_ID, SET]
    assert guard_is_in_place.look(scene.gt, BUCKET, addresses=", ".join(names)).passed
    offices["set"]([*OFFICES, "198.51.100.64/28"])
    failed = guard_is_in_place.look(scene.gt, BUCKET, addresses=names)
    assert failed.passed is False
    assert "does not admit 198.51.100.64/28" in failed.message
    offices["set"](["10.1.0.0/16"])
    assert (
        "also admits 198.51.100.0/28"
        in guard_is_in_place.look(scene.gt, BUCKET, addresses=names).message
    )
    missing = guard_is_in_place.look(scene.gt, BUCKET, addresses=["pl-00000000"])
    assert not missing.passed
    assert "no managed prefix list pl-00000000" in missing.message
    with pytest.raises(InvalidInput, match="wafv2:ipset/NAME"):
        guard_is_in_place.look(scene.gt, BUCKET, addresses=["pl-xyz"])


def test_a_check_file_names_lists(scene: Scene, offices, monkeypatch, tmp_path, capsys):
    applied(scene, wish(SET), tmp_path)
    scene.use_environment(monkeypatch)
    file = tmp_path / "checks.json"
    file.write_text(
        json.dumps(
            [{"check": "guard_is_in_place", "bucket": BUCKET, "addresses": ["192.0.2.7", SET]}]
        )
    )
    assert main(["check", "-f", str(file)]) == 0
    file.write_text(
        json.dumps(
            [{"check": "guard_is_in_place", "bucket": BUCKET, "addresses": ["wafv2:ipset/none"]}]
        )
    )
    assert main(["check", "-f", str(file)]) == 2
    assert "There is no regional IP set none" in "".join(capsys.readouterr())


def test_a_check_of_the_portal_names_lists(scene: Scene, offices, tmp_path):
    applied(
        scene, Restriction("open-team", addresses=[SET], portal_lock=True, guard=None), tmp_path
    )
    assert team_is_restricted.look(scene.gt, "open-team", portal=[SET]).passed
    offices["set"](["198.51.100.0/29"])
    assert (
        "also lists 198.51.100.0/28"
        in team_is_restricted.look(scene.gt, "open-team", portal=SET).message
    )
    [change] = Journal(tmp_path)
    replace(scene.gt, journal=Journal(tmp_path)).undo(change.id)


def test_an_export_names_lists(scene: Scene, offices, monkeypatch, tmp_path, capsys):
    offices["set"](["203.0.113.128/26"])  # with the prefix list it merges into larger ranges
    applied(scene, wish(PREFIX_LIST_ID, SET), tmp_path)
    plain, _ = scene.gt.export(bucket=BUCKET)
    assert plain.lists == ()
    found, _ = scene.gt.export(bucket=BUCKET, lists=[PREFIX_LIST_ID])
    assert found.to_dict()["addresses"] == ["192.0.2.7/32", "203.0.113.128/26", PREFIX_LIST_ID]
    assert scene.gt.plan(found).empty
    found, _ = scene.gt.export(bucket=BUCKET, lists=[SET, PREFIX_LIST_ID])
    assert found.to_dict()["addresses"] == ["192.0.2.7/32", SET, PREFIX_LIST_ID]
    scene.use_environment(monkeypatch)
    out = tmp_path / "wish.json"
    assert main(["export", f"s3://{BUCKET}", "--lists", SET, "-o", str(out)]) == 0
    assert SET in json.loads(out.read_text())["addresses"]
    offices["set"](["198.51.100.0/28"])
    assert main(["export", f"s3://{BUCKET}", "--lists", SET]) == 64
    said = capsys.readouterr().err
    assert f"{SET} has 1 range that the current locks do not list: 198.51.100.0/28." in said
    assert main(["export", f"s3://{BUCKET}", "--lists", "203.0.113.0/24"]) == 64
    assert "is not the name of a list" in capsys.readouterr().err
    with pytest.raises(NotFound):
        scene.gt.export(bucket=BUCKET, lists=["pl-00000000"])


def test_an_entry_with_host_bits_is_its_range_and_a_private_one_is_named() -> None:
    """WAF accepts 198.51.100.7/28 for the range that holds it."""
    made = _made(SET, ["198.51.100.7/28", "10.1.0.0/16"])
    assert list(map(str, made.networks)) == ["198.51.100.0/28"]
    data = made.to_dict()
    assert (data["addresses"], data["left_out"]) == (["198.51.100.0/28"], ["10.1.0.0/16"])
