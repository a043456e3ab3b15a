"""Addresses, ranges and endpoint ids: what is taken, what is refused, and with which words."""

import contextlib
import ipaddress
import time

import pytest
from hypothesis import given, strategies as st

from gt_secure.base import network
from gt_secure.base.errors import InvalidInput

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None and a.scope_id is None)
addresses = st.one_of(v4, v6)


@st.composite
def networks(draw):
    address = draw(addresses)
    length = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network((address, length), strict=False)


REFUSED = {
    "": "empty",
    "203.0.113.7/24": "203.0.113.0/24",
    "203.0.113.256": "four numbers",
    "203.0.113": "four numbers",
    "203.0.113.07": "leading zeros",
    "203.0.113.0/33": "0 to 32",
    "203.0.113.0/": "prefix length",
    "203.0.113.0/255.255.255.0": "netmask",
    "2001:db8::/129": "0 to 128",
    "fe80::1%eth0": "zone",
    "::ffff:203.0.113.7": "IPv4-mapped",
    "203.0.113.1-203.0.113.9": "from-to",
    "labelers.example.com": "host name",
    "vpce-0a1b2c3d": "VPC endpoint",
    "office": "not an address",
    "2001:db8:::1": "not an address",
}


@pytest.mark.parametrize(("text", "word"), REFUSED.items())
def test_refused_with_a_reason_and_a_next_step(text, word):
    with pytest.raises(InvalidInput) as caught:
        network.parse_network(text)
    assert word in str(caught.value)
    assert caught.value.next_step


@given(networks())
def test_canonical_text_comes_back(net):
    if isinstance(net, ipaddress.IPv6Network) and net.network_address.ipv4_mapped is not None:
        return
    assert network.parse_network(str(net)) == net


@given(st.lists(networks(), max_size=12), addresses)
def test_collapse_admits_and_loses_no_address(nets, address):
    merged = network.collapse(nets)
    assert network.contains(merged, address) == network.contains(nets, address)
    assert len(merged) <= len(nets)
    assert not network.overlaps(merged)


@given(st.lists(networks(), max_size=8))
def test_collapse_is_idempotent(nets):
    assert network.collapse(network.collapse(nets)) == network.collapse(nets)


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.0/24, 198.51.100.9",
        "203.0.113.0/24\n198.51.100.9\n",
        "203.0.113.0/24;198.51.100.9",
        "203.0.113.0/24 198.51.100.9",
        '["203.0.113.0/24", "198.51.100.9"]',
        '{"Cidrs": ["203.0.113.0/24", "198.51.100.9"]}',
        "name,cidr\noffice,203.0.113.0/24\nhome,198.51.100.9\n",
        "# office\n203.0.113.0/24 # main\n198.51.100.9\n",
        "cidr\n203.0.113.0/24\n198.51.100.9",
        '"203.0.113.0/24"\r\n"198.51.100.9"\r\n',
    ],
)
def test_any_usual_list(text):
    assert network.parse_networks(text) == (
        ipaddress.ip_network("203.0.113.0/24"),
        ipaddress.ip_network("198.51.100.9/32"),
    )


def test_a_bad_word_in_a_list_is_named():
    with pytest.raises(InvalidInput, match="offfice"):
        network.parse_networks("203.0.113.0/24, offfice")


@given(st.text(max_size=200))
def test_no_text_crashes_the_parsers(text):
    for parse in (
        network.parse_networks,
        network.parse_endpoint_id,
        network.Source.parse,
        network.parse_address,
    ):
        with contextlib.suppress(InvalidInput):
            parse(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("203.0.113.0/24", "public"),
        ("198.51.100.9", "public"),
        ("2001:db8::/48", "public"),
        ("0.0.0.0/0", "public"),
        ("10.0.0.0/16", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.0/10", "private"),
        ("fd00::/8", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("8.8.8.8", "public"),
    ],
)
def test_scope(text, kind):
    assert network.scope(network.parse_network(text)) == kind


@pytest.mark.parametrize(
    "text", ["203.0.113.7", "10.0.3.4 via vpce-0a1b2c3d", "vpce-0a1b2c3d4e5f60718", "2001:db8::1"]
)
def test_source_text_comes_back(text):
    assert str(network.Source.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("vpc-0a1b2c3d", "is a VPC"),
        ("vpce-svc-0a1b2c3d", "service"),
        ("com.amazonaws.us-east-1.s3", "DNS or service name"),
        ("10.0.0.1", "add it to the addresses"),
        ("vpce-xyz", "not a VPC endpoint"),
        ("vpce-0a1b2c3", "not a VPC endpoint"),
    ],
)
def test_endpoint_ids(text, word):
    with pytest.raises(InvalidInput, match=word):
        network.parse_endpoint_id(text)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 20_000, '"203.0.113.7\n' + "a" * 150_000, "1" + " " * 199_000 + "x"],
    ids=["brackets", "braces", "open quote", "blanks"],
)  # fmt: skip
@pytest.mark.parametrize("parse", [network.parse_networks, network.Source.parse])
def test_long_nonsense_is_answered_at_once(parse, text):
    begun = time.process_time()
    with contextlib.suppress(InvalidInput):
        parse(text)
    assert time.process_time() - begun < 5


def test_pasted_novels_are_refused():
    with pytest.raises(InvalidInput, match="characters long"):
        network.parse_networks("203.0.113.7 " * 40_000)


@given(
    st.lists(st.tuples(st.integers(0, 63), st.integers(26, 32)), max_size=12),
    st.lists(st.tuples(st.integers(0, 63), st.integers(26, 32)), max_size=12),
)
def test_outside_agrees_with_a_look_at_every_address(one, other):
    def block(start, length):
        return ipaddress.ip_network((0xCB007100 + start, length), strict=False)

    networks = [block(*each) for each in one]
    held = {address for each in other for address in block(*each)}
    expected = tuple(each for each in networks if not set(each) <= held)
    assert network.outside(networks, [block(*each) for each in other]) == expected


def test_outside_keeps_the_families_apart():
    v4, v6 = network.parse_networks("0.0.0.0/0 ::/0")
    assert network.outside([v4, v6], [v4]) == (v6,)
    assert network.outside([v4, v6], [v6]) == (v4,)
    assert network.outside([v4], network.parse_networks("0.0.0.0/1 128.0.0.0/1")) == ()
    assert network.outside([v4, v6], []) == (v4, v6)
