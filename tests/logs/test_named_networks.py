"""Names of networks from files: longest match, bad files, AWS's ranges, and the columns of hits."""

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
POOL = {"name": "VPN pool", "ranges": ["198.51.100.0/25", "192.0.2.0/28"], "kind": "vpn"}
AWS = {
    "syncToken": "1",
    "prefixes": [
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "AMAZON"},
        {"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "S3"},
        {"ip_prefix": "52.94.0.0/16", "region": "us-east-1", "service": "AMAZON"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "region": "us-east-1", "service": "EC2"}],
}


def written(folder: Path, name: str, data: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        written(tmp_path, "aws.json", AWS),
        written(tmp_path, "networks.json", {"networks": [OFFICE, POOL]}),
    ]


def test_files_are_told_apart(files: list[Path]) -> None:
    known = load_networks(*files)
    texts = (
        "203.0.113.7",
        "2001:db8:40::1",
        "3.5.140.9",
        "52.94.1.1",
        "2600:1f00::9",
        "8.8.8.8",
        "::ffff:203.0.113.7",
    )
    names = {text: known.about(text).name for text in (*texts, "-", "")}
    assert names == {
        "203.0.113.7": "Berlin office", "2001:db8:40::1": "Berlin office", "3.5.140.9": "AWS S3 ap-northeast-2",
        "52.94.1.1": "AWS us-east-1", "2600:1f00::9": "AWS EC2 us-east-1", "8.8.8.8": "",
        "::ffff:203.0.113.7": "Berlin office", "-": "", "": "",
    }  # fmt: skip
    assert [bool(known.about(text).user) for text in ("203.0.113.7", "3.5.140.9")] == [True, False]
    assert known.about("3.5.140.9").source == "AWS ip-ranges"
    assert networks_from(known) is known
    assert len(known["VPN pool"]) == 2
    with pytest.raises(InvalidInput, match="VPN pool"):
        known["VPN pol"]


def test_a_persons_names_win_over_those_of_aws(tmp_path: Path) -> None:
    own = [{"name": "Our S3 access", "ranges": "3.5.140.0/22", "kind": "cloud"}]
    known = load_networks(written(tmp_path, "a.json", AWS), written(tmp_path, "b.json", own))
    assert known.about("3.5.140.9").name == "Our S3 access"


def test_ranges_of_aws_inside_a_network_do_not_divide_its_user(tmp_path: Path) -> None:
    vpn = {"name": "VPN", "ranges": ["203.0.112.0/22"], "kind": "vpn"}
    lab = {"name": "Lab in EC2", "ranges": ["203.0.113.192/26"], "kind": "cloud"}
    ec2 = {"ip_prefix": "203.0.113.128/25", "region": "us-east-1", "service": "EC2"}
    aws = written(tmp_path, "aws.json", {"syncToken": "1", "prefixes": [ec2]})
    own = written(tmp_path, "own.json", [vpn])
    both, divided = (
        load_networks(aws, own),
        load_networks(aws, written(tmp_path, "lab.json", [vpn, lab])),
    )
    address = "203.0.113.200"
    assert (both.about(address).name, both.about(address).user) == ("AWS EC2 us-east-1", "VPN")
    assert both.about(address).user
    # A network of one's own does divide it.
    assert (divided.about(address).name, divided.about(address).user) == ("Lab in EC2", "")
    assert divided.about("203.0.113.150").user == "VPN"
    log = tmp_path / "log"
    log.write_text("\n".join(corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": ip, "request_id": ip})
                             for ip in ("203.0.112.9", address)))  # fmt: skip
    for files, leaks in (
        (own, 0),
        ((own, aws), 0),
        ((aws, own), 0),
        (aws, 1),
        (divided, 1),
        (both, 0),
    ):
        with read_hits(log) as hits:
            assert len(hits.with_networks(files).leaks()) == leaks


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_own_networks_alone_decide_who_is_one_user(data: st.DataObject) -> None:
    """The user of an address is the same, whatever AWS names inside of it,
    around it, or exactly.
    """
    bits, lengths = st.integers(0, 255), st.integers(22, 32)
    ranges = st.lists(
        st.tuples(bits, lengths, st.sampled_from(["vpn", "office", "cloud", "other"])), max_size=6
    )

    def made(source: str) -> list[NamedNetwork]:
        return [
            NamedNetwork(
                f"{source} {i}",
                (ipaddress.ip_network((0xCB007100 | low, length), strict=False),),
                kind,
                source,
            )  # type: ignore[list-item]
            for i, (low, length, kind) in enumerate(data.draw(ranges))
        ]

    own, aws = made("networks file"), made("AWS ip-ranges")
    address = str(ipaddress.ip_address(0xCB007100 | data.draw(bits)))
    assert Networks([*own, *aws]).about(address).user == Networks(own).about(address).user
    assert Networks([*aws, *own]).about(address).user == Networks(own).about(address).user
    assert Networks(aws).about(address).user == ""


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


@pytest.mark.parametrize(
    "data",
    [{"prefixes": [1]}, {"prefixes": 5}, {"prefixes": {}}, {"prefixes": None}, {}, {"prefixes": [{}]},
     {"prefixes": [None]}, {"prefixes": [{"ip_prefix": 5}]}, {"prefixes": [{"ip_prefix": "x"}]},
     {"prefixes": [{"ip_prefix": ""}]}, {"prefixes": [], "ipv6_prefixes": "x"},
     {"prefixes": [{"ipv6_prefix": "2600:1f00::/24"}]}],
)  # fmt: skip
def test_bad_files_of_aws_are_errors_that_name_them(tmp_path: Path, data: Any) -> None:
    with pytest.raises(InvalidInput, match=r"aws\.json") as error:
        load_networks(written(tmp_path, "aws.json", {"syncToken": 1, **data}))
    assert error.value.next_step


@pytest.mark.parametrize("data", [AWS, {"networks": [OFFICE]}])
def test_a_byte_order_mark_is_no_error(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "networks.json"
    path.write_text(json.dumps(data), encoding="utf-8-sig")
    assert [each.name for each in load_networks(path)] == [
        each.name for each in load_networks(written(tmp_path, "plain.json", data))
    ]


def test_the_list_of_aws_may_have_its_size(tmp_path: Path) -> None:
    """AWS's file has more than 10,000 ranges with spaces and lines between them."""
    entries = [
        {"ip_prefix": f"{ipaddress.ip_address(0x03000000 + (i << 8))}/24", "region": "us-east-1", "service": "EC2",
         "network_border_group": "us-east-1"}
        for i in range(12_000)
    ]  # fmt: skip
    path = tmp_path / "ip-ranges.json"
    path.write_text(json.dumps({"syncToken": "1", "prefixes": entries}, indent=2), encoding="utf-8")
    assert path.stat().st_size > 1_500_000
    assert load_networks(path).about("3.1.2.3").name == "AWS EC2 us-east-1"


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
    by = ["network_name", "network_source"]
    with read_hits(path, networks=files) as hits:
        counted = hits.count(by)
        assert counted.rows == [
            ("Berlin office", "networks file", 2),
            ("VPN pool", "networks file", 1),
            (None, None, 1),
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
        (["network_source"], [("networks file", 9), (None, 2)]),
        (["application"], [(None, 6), ("Trainer", 5)]),
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
    ids=["name", "source", "application", "status", "address", "name and status"],
)
def test_counts_by_address_and_signer_become_counts_by_name(
    by: list[str], rows: list[tuple[object, ...]]
) -> None:
    """Rows with one name count together, and every other column stays as it was counted."""
    named = [
        NamedNetwork(each["name"], parse_networks(each["ranges"]), each["kind"])
        for each in (OFFICE, POOL)
    ]
    known = Networks(named, applications={"role/Training": "Trainer"})
    counted = ["remote_ip", "requester", "http_status"]
    assert set(without_names(by, known)) <= {*counted, "application"}
    table = Table(
        [*counted, "application", "hits"], [(*row[:-1], None, row[-1]) for row in COUNTED]
    )
    assert named_counts(table, by, known).rows == rows


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
