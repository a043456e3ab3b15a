"""The checks that come from botocore's model never fail themselves, whatever they are given."""

from __future__ import annotations

import struct
import zlib
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gt_secure.sandbox.demo_data import images as pictures
from gt_secure.sandbox.sagemaker import model
from gt_secure.sandbox.sagemaker.model import ApiError
from gt_secure.sandbox.sagemaker.service import OPERATIONS
from support.examples import examples

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)


def members(operation):
    shape = model.service_model().operation_model(operation).input_shape
    return st.dictionaries(st.sampled_from(sorted(shape.members)), json_values, max_size=4)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(sorted(OPERATIONS)).flatmap(
        lambda name: st.tuples(st.just(name), members(name))
    )
)
def test_any_json_is_taken_or_refused_in_words(case):
    operation, body = case
    refusal = None
    try:
        checked = model.check(operation, body)
    except ApiError as error:
        refusal, checked = error, {}
    assert set(checked) <= set(body)
    if refusal is not None:
        assert refusal.code in ("ValidationException", "SerializationException")
        assert refusal.message


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("ärzte-1", True),
        ("医師", True),
        ("a b", False),
        ("tab\t", False),
        ("😀", True),
        ("", False),
    ],
)
def test_unicode_categories_of_java_patterns(text, fits):
    members = [{"CognitoMemberDefinition": {"UserPool": "p_1", "UserGroup": text, "ClientId": "c"}}]
    team = {"WorkteamName": "a", "MemberDefinitions": members, "Description": "d"}
    taken = nullcontext() if fits else pytest.raises(ApiError, match="userGroup")
    with taken:
        model.check("CreateWorkteam", team)


def test_pictures_are_valid_and_differ():
    drawn = [pictures.scan(number) for number in range(1, 13)]
    assert len(set(drawn)) == 12
    for data in drawn:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        position, kinds, pixels = 8, [], b""
        while position < len(data):
            size, kind = struct.unpack(">I4s", data[position : position + 8])
            body = data[position + 8 : position + 8 + size]
            (sum_,) = struct.unpack(">I", data[position + 8 + size : position + 12 + size])
            assert sum_ == zlib.crc32(kind + body)
            kinds.append(kind)
            pixels += body if kind == b"IDAT" else b""
            position += 12 + size
        assert kinds == [b"IHDR", b"IDAT", b"IEND"]
        assert len(zlib.decompress(pixels)) == 160 * (240 * 3 + 1)
