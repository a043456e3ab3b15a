"""The value of what is allowed: one parser that decides by form, merged without loss,
and what two values share.
"""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, strategies as st

from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source

OURS, OTHER = "vpce-0a1b2c3d", "vpce-0b1b2c3d"
MIXED = f"203.0.113.128/25, {OTHER}, 2001:db8::/32, 203.0.113.0/25, {OURS}"


@pytest.mark.parametrize("values", [MIXED, MIXED.upper().split(", "),
                                    [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"), OURS, OTHER, OURS],
                                    Allowed.of(MIXED)])  # fmt: skip
def test_each_word_is_read_by_its_form_merged_and_sorted(values):
    allowed = Allowed.of(values)
    assert allowed == Allowed(
        (ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")), (OURS, OTHER)
    )
    assert allowed.names() == ("203.0.113.0/24", "2001:db8::/32", OURS, OTHER)
    assert hash(allowed) == hash(Allowed.of(", ".join(reversed(allowed.names()))))


def test_the_options_are_read_back():
    options = Allowed.of(MIXED).options
    assert (
        options
        == f"--allow 203.0.113.0/24 --allow 2001:db8::/32 --endpoint {OURS} --endpoint {OTHER}"
    )
    assert Allowed.of(
        [word for word in options.split() if not word.startswith("--")]
    ) == Allowed.of(MIXED)


@pytest.mark.parametrize(("word", "said"), [("203.0.113.7/24", "host bits"), ("vpce-1", "8 to 17"),
                                            ("example.org", "host name")])  # fmt: skip
def test_a_word_of_another_form_is_an_error(word, said):
    with pytest.raises(InvalidInput, match=said):
        Allowed.of(["203.0.113.7", word])


def test_nothing_is_allowed_says_so_and_is_no_truth_value():
    assert Allowed().is_empty
    assert not any(Allowed.of(each).is_empty for each in ("203.0.113.7", OURS))
    with pytest.raises(TypeError, match="is_empty"):
        bool(Allowed())


def test_names_of_lists_replace_the_ranges_alone():
    assert Allowed.of(MIXED).names(["pl-0a1b2c3d"]) == ("pl-0a1b2c3d", OURS, OTHER)


def test_what_another_lacks_stays_as_it_is_written():
    wide, narrow = (
        Allowed.of(f"203.0.112.0/23, {OURS}, {OTHER}"),
        Allowed.of(f"203.0.113.0/24, {OURS}"),
    )
    assert wide.lacking(narrow) == ("203.0.112.0/23", OTHER)
    assert narrow.lacking(wide) == ()
    assert wide.minus(narrow).names() == ("203.0.112.0/24", OTHER)


SOURCES = [
    *(f"203.0.113.{last}" for last in range(0, 256, 16)),
    "2001:db8::1",
    OURS,
    f"10.0.3.4 via {OTHER}",
]
some = st.lists(st.sampled_from([f"203.0.113.{low}/{length}" for low, length in ((0, 24), (0, 25), (64, 26), (192, 28))]
                                + ["2001:db8::/32", OURS, OTHER]))  # fmt: skip


@given(some, some)
def test_both_without_and_together_mean_what_they_say_of_each_source(one, two):
    a, b = Allowed.of(one), Allowed.of(two)
    assert a.plus(b) == Allowed.of([*one, *two])
    for source in map(Source.parse, SOURCES):
        assert a.plus(b).admits(source) == (a.admits(source) or b.admits(source))
        assert a.minus(b).admits(source) == (a.admits(source) and not b.admits(source))
        assert a.minus(a.minus(b)).admits(source) == (a.admits(source) and b.admits(source))
    assert (a.lacking(b) == ()) == a.minus(b).is_empty


def test_an_address_counts_outside_endpoints_only():
    office = Allowed.of("10.0.0.0/8")
    assert office.admits(Source(ip_address("10.0.3.4")))
    assert not office.admits(Source.parse(f"10.0.3.4 via {OURS}"))
    assert not Allowed.of(OURS).admits(Source(None))
