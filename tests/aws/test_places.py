"""Addresses of buckets: what they name is read, or is an error."""

from __future__ import annotations

import pytest

from gt_secure.aws.buckets import check_bucket, parse_s3_uri, place_of, whole_bucket
from gt_secure.base.errors import InvalidInput

PLACES = {
    "gt-images": ("gt-images", ""),
    "s3://gt-images": ("gt-images", ""),
    "s3://gt-images/": ("gt-images", ""),
    " s3://gt-images/scans/": ("gt-images", "scans/"),
    "s3://gt-images/a b ": ("gt-images", "a b "),
    "arn:aws:s3:::gt-images": ("gt-images", ""),
    "arn:aws-cn:s3:::gt-images/scans/": ("gt-images", "scans/"),
}


@pytest.mark.parametrize("text", PLACES)
def test_an_address_names_a_bucket_and_what_is_in_it(text: str) -> None:
    assert place_of(text) == PLACES[text]
    name, rest = PLACES[text]
    assert place_of(text, rest) == (name, rest)
    if rest:
        with pytest.raises(InvalidInput, match="is given too"):
            place_of(text, "other")
        with pytest.raises(InvalidInput, match="whole bucket"):
            whole_bucket(text)
    else:
        assert place_of(text, "k") == (name, "k")
        assert whole_bucket(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:s3:us-east-1:111122223333:accesspoint/images",
        "s3://arn:aws:s3:::gt-images",
        "s3:/b",
    ],
)
def test_what_is_no_bucket_is_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a bucket name"):
        check_bucket(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [("s3://gt-images/k\n", "k"), ("s3://gt-images/k ", "k "), ("s3://gt-images", "")],
)
def test_a_key_keeps_its_blanks(text: str, key: str) -> None:
    assert parse_s3_uri(text) == ("gt-images", key)


@pytest.mark.parametrize(
    ("word", "said"), [("gt-images", "Write s3://gt-images."), ("s3:/b", "Write s3://bucket/key.")]
)
def test_what_is_no_address_says_what_to_type(word: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_s3_uri(word)
    assert caught.value.next_step == said
