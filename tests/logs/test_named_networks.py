"""Names of networks from files: longest match, bad files, and the columns of hits."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from gt_secure.base.errors import InvalidInput, NotFound
from gt_secure.base.network import parse_networks
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.named_networks import NamedNetwork, Networks, load_networks, networks_from
from gt_secure.logs.network_names import named_counts, without_names
from gt_secure.logs.table import Table
from support import corpus

OFFICE = {
    "name": "Berlin office",
    "ranges": ["203.0.113.0/24", "2001:db8:40::/48"],
    "kind": "office",
}
CLOUD = {"name": "Jobs in EC2", "ranges": ["3.5.140.0/22"], "kind": "cloud"}
POOL = {"name": "VPN pool", "ranges": ["198.51.100.0/25", "192.0.2.0/28"], "kind": "vpn"}


def written(folder: Path, name: str, data: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        written(tmp_path, "cloud.json", [CLOUD]),
        written(tmp_path, "networks.json", {"networks": [OFFICE, POOL]}),
    ]


def test_each_file_adds_names(files: list[Path]) -> None:
    known = load_networks(*files)
    names = {
        "203.0.113.7": "Berlin office", "2001:db8:40::1": "Berlin office", "3.5.140.9": "Jobs in EC2",
        "8.8.8.8": "", "::ffff:203.0.113.7": "Berlin office", "-": "", "": "",
    }  # fmt: skip
    assert {text: known.about(text).name for text in names} == names
    assert [known.about(text).user for text in ("203.0.113.7", "3.5.140.9")] == [
        "Berlin office",
        "",
    ]
    assert networks_from(known) is known
    assert len(known["VPN pool"]) == 2
    with pytest.raises(InvalidInput, match="VPN pool"):
        known["VPN pol"]


def test_of_equal_ranges_the_first_names_the_address(tmp_path: Path) -> None:
    own = [{"name": "Our S3 access", "ranges": "3.5.140.0/22", "kind": "cloud"}]
    known = load_networks(written(tmp_path, "b.json", own), written(tmp_path, "a.json", [CLOUD]))
    assert known.about("3.5.140.9").name == "Our S3 access"


def test_a_cloud_inside_a_network_divides_its_user(tmp_path: Path) -> None:
    vpn = {"name": "VPN", "ranges": ["203.0.112.0/22"], "kind": "vpn"}
    lab = {"name": "Lab in EC2", "ranges": ["203.0.113.192/26"], "kind": "cloud"}
    whole = written(tmp_path, "own.json", [vpn])
    divided = load_networks(written(tmp_path, "lab.json", [vpn, lab]))
    address = "203.0.113.200"
    assert (divided.about(address).name, divided.about(address).user) == ("Lab in EC2", "")
    assert divided.about("203.0.113.150").user == "VPN"
    log = tmp_path / "log"
    log.write_text("\n".join(corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": ip, "request_id": ip})
                             for ip in ("203.0.112.9", address)))  # fmt: skip
    for files, leaks in ((whole, 0), (divided, 1)):
        with read_hits(log) as hits:
            assert len(hits.with_networks(files).leaks()) == leaks


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_longest_matching_range_names_an_address(data: st.DataObject) -> None:
    """Compared with looking at every range; few bits differ,
    so that ranges are inside each other.
    """
    bits = st.integers(0, 255)
    lengths = st.integers(0, 32)
    ranges = data.draw(st.lists(st.tuples(bits, lengths), min_size=1, max_size=12))
    named = [
        NamedNetwork(f"n{i}", (ipaddress.ip_network((0xCB007100 | low, length), strict=False),))  # type: ignore[list-item]
        for i, (low, length) in enumerate(ranges)
    ]
    address = ipaddress.ip_address(0xCB007100 | data.draw(bits))
    holding = [each for each in named if address in each.ranges[0]]
    longest = max((each.ranges[0].prefixlen for each in holding), default=None)
    expected = next((each.name for each in holding if each.ranges[0].prefixlen == longest), "")
    assert Networks(named).about(str(address)).name == expected


@pytest.mark.parametrize(
    "data",
    [{}, {"networks": {}}, [1], [{"ranges": ["203.0.113.0/24"]}], [{"name": "x"}], [{"name": "x", "ranges": []}],
     [{"name": "x", "ranges": ["300.0.0.1"]}], [{**OFFICE, "kind": "moon"}], [{**OFFICE, "range": "1.2.3.4"}],
     [{"name": " ", "ranges": ["203.0.113.0/24"]}], "text"],
)  # fmt: skip
def test_bad_files_are_errors(tmp_path: Path, data: Any) -> None:
    with pytest.raises(InvalidInput):
        load_networks(written(tmp_path, "networks.json", data))


def test_a_list_of_ranges_without_names_is_an_error(tmp_path: Path) -> None:
    ranges = {"syncToken": "1", "prefixes": [{"ip_prefix": "3.5.140.0/22", "service": "S3"}]}
    with pytest.raises(InvalidInput, match=r"ip-ranges\.json holds no list of networks") as error:
        load_networks(written(tmp_path, "ip-ranges.json", ranges))
    assert error.value.next_step


@pytest.mark.parametrize("data", [[CLOUD], {"networks": [OFFICE]}])
def test_a_byte_order_mark_is_no_error(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "networks.json"
    path.write_text(json.dumps(data), encoding="utf-8-sig")
    assert [each.name for each in load_networks(path)] == [
        each.name for each in load_networks(written(tmp_path, "plain.json", data))
    ]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_networks(tmp_path / "nothing.json")


@pytest.mark.parametrize("name", ["a.mmdb", "GeoLite2-Country.MMDB", "nothing.mmdb"])
def test_a_database_of_networks_is_an_error_that_names_what_is_read(
    tmp_path: Path, name: str
) -> None:
    if name != "nothing.mmdb":
        (tmp_path / name).write_bytes(b"\xab\xcd\xefMaxMind.com")
    with pytest.raises(InvalidInput, match=f"{name} is an MMDB database") as error:
        load_networks(tmp_path / name)
    assert error.value.next_step == "Write networks: [{name: ..., ranges: [...], kind: office}]."


@pytest.mark.parametrize("column", ["asn", "country"])
def test_no_column_names_an_operator_or_a_country(
    tmp_path: Path, files: list[Path], column: str
) -> None:
    with pytest.raises(InvalidInput, match=f'"{column}" is not a column'):
        count_hits(log(tmp_path, "8.8.8.8"), column, networks=files)


def log(folder: Path, *addresses: str, **fields: Any) -> str:
    path = folder / "a.log"
    text = [
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": each, **fields})
        for each in addresses
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def test_hits_have_the_columns(tmp_path: Path, files: list[Path]) -> None:
    path = log(tmp_path, "203.0.113.7", "203.0.113.7", "198.51.100.9", "8.8.8.8")
    by = ["network_name", "http_status"]
    with read_hits(path, networks=files) as hits:
        counted = hits.count(by)
        assert counted.rows == [
            ("Berlin office", 200, 2),
            ("VPN pool", 200, 1),
            (None, 200, 1),
        ]
        assert hits.filter(address="8.8.8.8").count("network_name").rows == [(None, 1)]
        assert "network_name" in hits.rows().columns
    assert count_hits(path, by, networks=files)[0].rows == counted.rows
    one, _ = count_hits(path, "network_name,http_status", networks=files)
    assert one.rows == [("Berlin office", 200, 2), ("VPN pool", 200, 1), (None, 200, 1)]


TRAINING = "arn:aws:sts::111122223333:assumed-role/Training/job-7"
COUNTED = [
    ("203.0.113.7", TRAINING, 200, 3),
    ("203.0.113.9", TRAINING, 200, 2),
    ("198.51.100.9", None, 200, 4),
    ("8.8.8.8", None, 403, 1),
    (None, None, 200, 1),
]


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        (["network_name"], [("Berlin office", 5), ("VPN pool", 4), (None, 2)]),
        (["http_status"], [(200, 10), (403, 1)]),
        (
            ["remote_ip"],
            [
                (row[0], row[3])
                for row in sorted(COUNTED, key=lambda row: (-row[3], row[0] is None))
            ],
        ),
        (
            ["network_name", "http_status"],
            [("Berlin office", 200, 5), ("VPN pool", 200, 4), (None, 200, 1), (None, 403, 1)],
        ),
    ],
    ids=["name", "status", "address", "name and status"],
)
def test_counts_by_address_become_counts_by_name(
    by: list[str], rows: list[tuple[object, ...]]
) -> None:
    """Rows with one name count together, and every other column stays as it was counted."""
    named = [
        NamedNetwork(each["name"], parse_networks(each["ranges"]), each["kind"])
        for each in (OFFICE, POOL)
    ]
    counted = ["remote_ip", "requester", "http_status"]
    assert set(without_names(by)) <= {*counted}
    table = Table([*counted, "hits"], COUNTED)
    assert named_counts(table, by, Networks(named)).rows == rows


def test_without_networks_the_columns_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="names of networks"):
        count_hits(log(tmp_path, "8.8.8.8"), "network_name")


def test_a_named_pool_is_one_user(tmp_path: Path, files: list[Path]) -> None:
    path = log(tmp_path, "198.51.100.9", "192.0.2.3")
    with read_hits(path) as hits:
        assert len(hits.leaks()) == 1
        named = hits.with_networks(files)
        assert not len(named.leaks())
    other = written(tmp_path, "n.json", [{**POOL, "kind": "cloud"}])
    with read_hits(path, networks=other) as hits:
        [leak] = hits.leaks()
        assert "VPN pool · 198.51.100.9" in leak.sentence


def test_plots_show_names(tmp_path: Path, files: list[Path]) -> None:
    from gt_secure.logs import plots

    with read_hits(log(tmp_path, "203.0.113.7"), networks=files) as hits:
        assert "Berlin office · 203.0.113.7" in plots.alt_text(plots.draw(hits))
        assert "Berlin office · 203.0.113.0/24" in plots.alt_text(plots.draw(hits, "network"))
