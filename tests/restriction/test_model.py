"""Good restrictions: what is accepted, merged and said; files that hold them;
the schema that describes them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

from gt_secure.base.errors import InvalidInput, MissingExtra, NotFound
from gt_secure.base.network import collapse, parse_network, parse_networks
from gt_secure.logs.named_networks import NamedNetwork, Networks
from gt_secure.restriction.expectations import expect, expectation_from
from gt_secure.restriction.files import (
    dump_restriction,
    dumps_restriction,
    load_restriction,
    schema,
)
from gt_secure.restriction.model import Restriction
from gt_secure.restriction.validation import PORTAL_CIDRS
from support.restrictions import loads_restriction

BUCKET = {"bucket": "gt-images"}


def codes(wish: Restriction) -> set[str]:
    return {notice.code for notice in wish.notices}


def test_addresses_are_merged_without_admitting_one_more() -> None:
    wish = Restriction(
        "t", addresses="203.0.113.0/25, 203.0.113.128/25 # office\n203.0.113.7", **BUCKET
    )
    assert [str(network) for network in wish.addresses] == ["203.0.113.0/24"]
    assert "overlaps" in codes(wish)


def test_duplicates_are_said() -> None:
    wish = Restriction(
        "t",
        addresses=["203.0.113.7", "203.0.113.7/32"],
        endpoints=["vpce-0a1b2c3d", "VPCE-0A1B2C3D"],
        **BUCKET,
    )
    assert {notice.field for notice in wish.notices if notice.code == "duplicates"} == {
        "addresses",
        "endpoints",
    }
    assert wish.endpoints == ("vpce-0a1b2c3d",)


@pytest.mark.parametrize(
    ("addresses", "code"),
    [
        (["203.0.113.0/24"], "guard-ipv4-only"),
        (["200.0.0.0/7"], "very-broad"),
        (["200.64.0.0/15"], "very-broad"),
        (["2400::/31"], "very-broad"),
        (["2400::/12"], "very-broad"),
        (["203.0.113.0/24"], "whole-bucket"),
    ],
)
def test_what_is_only_noticed(addresses: list[str], code: str) -> None:
    assert code in codes(Restriction("t", addresses=addresses, **BUCKET))


def test_both_families_and_a_prefix_need_no_notice() -> None:
    wish = Restriction(
        "t", addresses=["203.0.113.0/24", "2001:db8:7::/48"], prefix="scans/", **BUCKET
    )
    assert wish.notices == ()


def test_a_team_alone_gets_the_url_lock_and_is_told_what_is_missing() -> None:
    wish = Restriction("radiology-team")
    assert (wish.url_lock, wish.guard, wish.portal_lock) == (True, None, None)
    assert codes(wish) == {"no-guard"}


def test_a_bucket_alone_gets_the_guard() -> None:
    wish = Restriction(addresses=["203.0.113.7"], **BUCKET)
    assert (wish.team, wish.url_lock, wish.guard) == (None, None, True)


def test_a_private_team_by_arn_is_its_name() -> None:
    arn = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/radiology-team"
    assert Restriction(arn).team == "radiology-team"


@pytest.mark.parametrize(("word", "value"), [("auto", True), ("keep", None), ("off", False)])
def test_the_words_of_the_command_line_mean_the_same_here(word: Any, value: bool | None) -> None:
    wished: dict[str, Any] = {"team": "t", "bucket": "gt-images", "addresses": "203.0.113.0/24"}
    wish, same = Restriction(**wished, url_lock=word), Restriction(**wished, url_lock=value)
    assert (wish, wish.url_lock) == (same, value)
    assert Restriction.from_dict(wish.to_dict()) == same
    assert Restriction.from_dict({**wished, "url_lock": word}) == same
    jsonschema.validate({**wished, "addresses": ["203.0.113.0/24"], "url_lock": word}, schema())


def test_a_vendor_team_has_no_url_lock() -> None:
    arn = "arn:aws:sagemaker:us-east-1:111122223333:workteam/vendor-crowd/acme"
    wish = Restriction(arn, addresses=["203.0.113.7"], **BUCKET)
    assert (wish.team, wish.url_lock, wish.team_is_private) == (arn, None, False)
    assert "no-url-lock" in codes(wish)


def test_the_portal_list_counts_merged_ranges() -> None:
    halves = [f"203.0.{i}.{half}/25" for i in range(0, 20, 2) for half in (0, 128)]
    wish = Restriction("t", addresses=halves, portal_lock=True)
    assert len(wish.addresses) == PORTAL_CIDRS


def test_private_ranges_may_close_the_public_portal() -> None:
    """SageMaker documents a private range in SourceIpConfig as the way to close the
    portal beside a VPC.
    """
    wish = Restriction(None, addresses=["10.0.0.0/16"], portal_lock=True)
    assert [str(network) for network in wish.addresses] == ["10.0.0.0/16"]


def test_bucket_with_prefix_in_one() -> None:
    wish = Restriction("t", addresses=["203.0.113.7"], bucket="s3://gt-images/scans/")
    assert (wish.bucket, wish.prefix) == ("gt-images", "scans/")


def test_a_restriction_does_not_change() -> None:
    wish = Restriction("t")
    with pytest.raises(FrozenInstanceError):
        wish.team = "u"  # type: ignore[misc]
    assert replace(wish, team="u") == Restriction("u")
    assert hash(Restriction("t")) == hash(wish)


networks = st.one_of(
    st.integers(0, 0xFFFFFF).map(lambda n: f"203.{n >> 16}.{n >> 8 & 255}.{n & 255}"),
    st.tuples(st.integers(0, 255), st.integers(16, 32)).map(lambda t: f"203.{t[0]}.0.0/{t[1]}"),
    st.tuples(st.integers(0, 0xFFFF), st.integers(48, 128)).map(
        lambda t: f"2001:db8:{t[0]:x}::/{t[1]}"
    ),
)
sources = st.sampled_from(
    ["203.0.113.7", "2001:db8::1", "vpce-0a1b2c3d", "10.0.3.4 via vpce-0a1b2c3d"]
)


@st.composite
def restrictions(draw: st.DrawFn) -> Restriction:
    bucket = draw(st.sampled_from(["gt-images", "a.b-c", None]))
    team = draw(
        st.sampled_from(["t", "radiology-team", None] if bucket else ["t", "radiology-team"])
    )
    lists = draw(st.lists(networks, min_size=1, max_size=8))
    portal = draw(st.sampled_from([None, True, False])) if bucket else True
    if portal is True:
        lists = lists[:PORTAL_CIDRS]
    expectations = (
        draw(st.lists(st.builds(lambda s: expect.allowed(s), sources), max_size=3))
        if bucket
        else []
    )
    return Restriction(
        team,
        addresses=lists,
        endpoints=draw(st.lists(st.sampled_from(["vpce-0a1b2c3d", "vpce-11112222"]), max_size=2))
        if bucket
        else (),
        url_lock=draw(st.sampled_from([True, False, None, "SourceIp", "VpcSourceIp"]))
        if team
        else None,
        portal_lock=portal,
        bucket=bucket,
        prefix=draw(st.sampled_from(["", "scans/", "a b/ü"])) if bucket else "",
        expectations=expectations,
    )


SCHEMA = jsonschema.Draft202012Validator(schema())


@settings(deadline=None)
@given(restrictions(), st.booleans())
def test_files_give_back_what_was_written(wish: Restriction, yaml: bool) -> None:
    text = dumps_restriction(wish, yaml=yaml)
    again = loads_restriction(text, yaml=yaml)
    assert again == wish
    merged = {"duplicates", "overlaps"}  # what was merged is not written
    assert codes(again) | merged == codes(wish) | merged
    SCHEMA.validate(json.loads(dumps_restriction(wish)))


@given(st.lists(networks, min_size=1, max_size=12))
def test_merging_keeps_every_address(words: list[str]) -> None:
    wish = Restriction("t", addresses=words, **BUCKET)
    given_size = sum(n.num_addresses for n in collapse(parse_network(word) for word in words))
    assert sum(network.num_addresses for network in wish.addresses) == given_size
    assert Restriction("t", addresses=wish.addresses, **BUCKET) == wish


YAML = """
# Who may open the scans
team: radiology-team
addresses:
  - 203.0.113.0/24   # office
  - 2001:db8:40::/48
endpoints: [vpce-0a1b2c3d4e5f60718]
bucket: gt-images
prefix: scans/
portal_lock: no
expectations:
  - allowed: [203.0.113.7, vpce-0a1b2c3d4e5f60718]
    of: bucket
  - refused: 198.51.100.9
"""


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_that_is_replaced_keeps_who_may_read_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "wish.json"
    dump_restriction(Restriction("t", url_lock=True), path)
    path.chmod(mode)
    dump_restriction(Restriction("other", url_lock=True), path)
    assert path.stat().st_mode & 0o777 == mode
    assert load_restriction(path).team == "other"


def test_a_file_that_a_person_writes(tmp_path: Path) -> None:
    file = tmp_path / "radiology.yaml"
    file.write_text(YAML, encoding="utf-8")
    wish = load_restriction(file)
    assert wish.portal_lock is False
    assert wish.expectations == (
        expect.allowed("203.0.113.7", "vpce-0a1b2c3d4e5f60718", of="bucket"),
        expect.refused("198.51.100.9"),
    )
    out = dump_restriction(wish, tmp_path / "again.json")
    assert load_restriction(out) == wish
    assert list(tmp_path.glob("*.new")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("team: [", "not YAML at line"),
        ("team: a\nteam: b", "twice"),
        ("!!python/object:os.system {}", "not YAML"),
        ("addresses: [1:20]\nbucket: gt-images", "string, not int"),
        ("team: t\nurl_lock: maybe", "URL lock"),
        ("- team: t", "mapping"),
        ("&a [*a]", "refers to itself"),
        (
            "team: t\nprefix: 2026-13-45",
            "not YAML at line 2: this is no timestamp; what is meant as text needs quotes",
        ),
        ("team: !!timestamp x", "not YAML at line 1: this is no timestamp"),
        ("bucket: 0b_", "not YAML at line 1: this is no int"),
        ("team: !!map x", "not YAML"),
        ("!!set [team]", "not YAML"),
    ],
)
def test_yaml_that_is_no_restriction(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        loads_restriction(text, yaml=True)


def test_yaml_whose_aliases_grow_without_end_is_refused_at_once() -> None:
    """Ten lines that would be ten thousand million values if an error showed them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(InvalidInput, match="without aliases"):
        loads_restriction("\n".join([*lines, "team: *a9"]), yaml=True)
    shared = "team: &t a-team\nexpectations: []\nbucket: *t\naddresses: 203.0.113.7"
    assert loads_restriction(shared, yaml=True).bucket == "a-team"


def test_json_with_an_endless_number_or_very_many_keys_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a number that is too long"):
        loads_restriction('{"team": ' + "9" * 5000 + "}")
    with pytest.raises(InvalidInput, match="Unknown field"):
        loads_restriction("{" + ", ".join(f'"k{i}": 0' for i in range(40_000)) + "}")


def test_a_missing_or_odd_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_restriction(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidInput, match="UTF-8"):
        load_restriction(tmp_path / "bytes.json")
    (tmp_path / "big.json").write_text(" " * (600 * 1024))
    with pytest.raises(InvalidInput, match="larger"):
        load_restriction(tmp_path / "big.json")


def test_yaml_without_pyyaml_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    real = importlib.import_module

    def without(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtra, match="pip install pyyaml"):
        loads_restriction("team: t", yaml=True)


@pytest.mark.parametrize(
    "data",
    [
        {"team": "t", "adresses": []},
        {"team": "radiology team"},
        {"team": "t", "url_lock": "both"},
        {"team": "t", "endpoints": ["vpc-office"]},
        {"team": "t", "bucket": "GT"},
        {"team": "t", "prefix": "/x"},
        {"team": "t", "expectations": [{"allowed": []}]},
        {"team": "t", "expectations": [{"allowed": ["203.0.113.7"], "refused": ["203.0.113.7"]}]},
        {"version": 2},
    ],
)
def test_the_schema_refuses_what_we_refuse(data: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema())
    with pytest.raises(InvalidInput):
        Restriction.from_dict(data)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_expectations_are_read_and_written() -> None:
    one = expect.refused("198.51.100.9", "198.51.100.9", of="bucket", prefix="scans/")
    assert len(one.sources) == 1
    assert expectation_from(one.to_dict()) == one
    assert str(one) == "refused: 198.51.100.9"


@pytest.mark.parametrize("text", ["15m", "90 s", "60min", "48H", "1s"])
def test_the_schema_knows_ages(text: str) -> None:
    assert re.search(schema()["properties"]["age_limit"]["pattern"], text)


def test_a_restriction_keeps_its_age_limit() -> None:
    restriction = Restriction(
        addresses="203.0.113.0/24", bucket="gt-images", age_limit=dt.timedelta(minutes=15)
    )
    assert restriction.age_limit == "15m"
    assert Restriction.from_dict(restriction.to_dict()) == restriction
    assert "age_limit" not in Restriction(addresses="203.0.113.0/24", bucket="gt-images").to_dict()


@pytest.mark.parametrize("change", [{"guard": None}, {"guard": False}, {"bucket": None}])
def test_a_cap_without_a_guard_is_refused(change: dict[str, object]) -> None:
    values = {
        "team": "t",
        "addresses": "203.0.113.0/24",
        "bucket": "b-1",
        "portal_lock": True,
        **change,
    }
    with pytest.raises(InvalidInput) as caught:
        Restriction.from_dict({**values, "age_limit": "15m"})
    assert caught.value.field == "age_limit"


def test_names_are_ranges_for_a_restriction() -> None:
    ranges = parse_networks(["203.0.113.0/24", "2001:db8:40::/48"])
    known = Networks([NamedNetwork("Berlin office", ranges, "office")])
    assert Restriction(addresses=known["Berlin office"], bucket="gt-images").addresses == ranges


def test_whom_a_restriction_keeps_is_read_and_written():
    text = "arn:aws:iam::111122223333:role/ci for s3:GetObject from vpce-0a1b2c3d"
    wish = Restriction(bucket="gt-images", addresses="203.0.113.0/24", keep=[text])
    assert wish.to_dict()["keep"] == [text]
    assert Restriction.from_dict(wish.to_dict()) == wish
    assert "keep" not in Restriction(bucket="gt-images", addresses="203.0.113.0/24").to_dict()
    assert Restriction(bucket="gt-images", guard=None, keep=text).keep == wish.keep
    for wrong in ({"team": "t"}, {"bucket": "gt-images", "guard": None, "keep": "ci"}):
        with pytest.raises(InvalidInput) as caught:
            Restriction(**{"keep": text, **wrong})
        assert caught.value.field == "keep"
