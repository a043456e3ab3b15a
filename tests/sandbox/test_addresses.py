"""The address map, both ways."""

from __future__ import annotations

import sys

import pytest
import urllib3
from hypothesis import given, strategies as st

from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.sandbox.gateway import source_mapping as addresses

from .conftest import ELSEWHERE, IN_VPC, OFFICE

octet = st.integers(0, 255)
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


@given(
    st.sampled_from([("203.0.113", "0.113"), ("198.51.100", "51.100"), ("192.0.2", "0.2")]), octet
)
def test_loopback_peers_represent_public_addresses(network, last):
    assert str(addresses.public_source(f"127.{network[1]}.{last}")) == f"{network[0]}.{last}"


@given(octet, octet)
def test_loopback_peers_represent_addresses_of_the_vpc(third, last):
    source = addresses.endpoint_source(f"127.10.{third}.{last}")
    assert source == Source.parse(f"10.0.{third}.{last} via vpce-0a1b2c3d4e5f60718")


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=6))
def test_every_peer_stands_for_something_public_or_inside(peer):
    assert not addresses.public_source(str(peer)).is_endpoint
    inside = addresses.endpoint_source(str(peer))
    assert str(inside.address).startswith("10.0.")


def test_plain_loopback_is_the_kernel():
    assert str(addresses.public_source("127.0.0.1")) == "192.0.2.10"
    assert str(addresses.public_source("::1")) == "192.0.2.10"
    assert str(addresses.public_source("127.10.3.4")) == "192.0.2.20"
    assert str(addresses.endpoint_source("127.0.0.1").address) == "10.0.0.10"


@linux
@pytest.mark.parametrize(
    ("listener", "peer", "source"),
    [
        ("public", "127.0.113.7", "203.0.113.7"),
        ("endpoint", "127.10.3.4", "10.0.3.4 via vpce-0a1b2c3d4e5f60718"),
        ("endpoint", "127.0.0.1", "10.0.0.10 via vpce-0a1b2c3d4e5f60718"),
    ],
)
def test_a_program_without_the_header_is_where_its_address_says(box, listener, peer, source):
    host, port = box.sandbox.to_dict()[listener]
    with urllib3.HTTPConnectionPool(host, port, source_address=(peer, 0)) as pool:
        assert pool.request("GET", "/_gt_secure/health").json()["source"] == source


@pytest.mark.parametrize(
    "source", ["203.0.113.7", "2001:db8::7", "8.8.8.8", "10.1.2.3 via vpce-0a1b2c3d4e5f60718",
               "10.0.3.4 via vpce-0b1c2d3e4f5061728"],
)  # fmt: skip
def test_a_client_names_its_source_in_the_header(source):
    origin = addresses.origin(source)
    assert origin.headers == {"X-Gt-Secure-Sandbox-Source": source}


def test_a_source_without_address_cannot_call():
    with pytest.raises(InvalidInput, match="names no address"):
        addresses.origin(Source(None, "vpce-0a1b2c3d"))


def test_origins_page_can_be_followed(box):
    found = box.fetch("/_gt_secure/origins").json()["origins"]
    assert [place["source"] for place in found][:3] == [
        "203.0.113.7",
        "203.0.113.42",
        "198.51.100.9",
    ]
    for place in found:
        assert set(place) == {"label", "source", "headers"}
        assert box.fetch("/_gt_secure/health", place["source"]).json()["source"] == place["source"]


@pytest.mark.parametrize(
    ("source", "status"), [(OFFICE, 200), (ELSEWHERE, 403), (IN_VPC, 403), ("2001:db8::1", 403)]
)
def test_a_request_is_from_where_its_header_says(box, source, status):
    url = box.presign({"IpAddress": {"aws:SourceIp": OFFICE}})
    answer = urllib3.request("GET", url, headers={"X-Gt-Secure-Sandbox-Source": source})
    assert answer.status == status


@pytest.mark.parametrize("name", ["nowhere", "10.0.3.4 via vpce-00000000", "10.0.0.0/8"])
def test_bad_source_header_is_refused(box, name):
    answer = box.fetch("/_gt_secure/health", headers={"X-Gt-Secure-Sandbox-Source": name})
    assert answer.status == 400
    assert answer.json()["error"] == "InvalidInput"
    assert answer.json()["next_step"]
