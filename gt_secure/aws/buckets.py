"""Buckets by name: checks of names, keys and prefixes, the region,
the policy and some keys. Reads only.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from ..base.errors import AccessDenied, GtSecureError, InvalidInput, NotFound, refuse_url
from ..base.text import JsonLike
from ..logs.location import LogLocation
from .arns import bucket_arn
from .client import Aws, all_pages, aws_errors

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|DOC-EXAMPLE-[A-Z0-9-]{1,50}")
"""Names of buckets, and the placeholders of AWS's documentation, whose policies people ask about.
"""
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([^/:]+)(?:/(.*))?", re.DOTALL)
_OBJECT_URL = re.compile(
    r"https?://(?:(.+?)\.)?s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?(?:/([^/?#]*)|$)"
)
"""A URL of an object: the bucket is in front of the host, or else the first part of the path."""


_OF_OTHERS = {
    "-s3alias": "it is the alias of an access point",
    "--ol-s3": "it is the alias of an Object Lambda access point",
    ".mrap": "it is the alias of a Multi-Region Access Point",
    "--x-s3": (
        "it is a directory bucket, where s3express:CreateSession decides who can open objects"
    ),
    "--table-s3": "it is a table bucket, which S3 Tables decides about",
}
"""Endings of names that are not those of general purpose buckets."""


def check_bucket(name: str) -> str:
    """Check a bucket name; accepts ``s3://name/...``, object URLs and ARNs too.
    Raises :class:`InvalidInput`.
    """
    refuse_url(name, "bucket", "the name of a bucket")
    word = as_s3(str(name).strip())
    if word.startswith("s3://"):
        word = word[5:].split("/", 1)[0]
    problem = _problem_of(word)
    if problem:
        raise InvalidInput(
            f"'{word[:70]}' is not a bucket name: {problem}.",
            next_step=(
                "Write the name of the bucket that holds the objects, for example ml-artifacts."
            ),
            field="bucket",
            value=word,
        )
    return word


def as_s3(word: str) -> str:
    """Return the ``s3://`` address of a bucket or an object that is named by its ARN, its URL, or
    as Hadoop does; other words stay.
    """
    if found := _OBJECT_URL.match(word):
        path = unquote(urlsplit(word).path)[1:]
        return f"s3://{'/'.join(filter(None, [found[1], path]))}"
    if found := _BUCKET_ARN.fullmatch(word):
        return f"s3://{found[1]}" + (f"/{found[2]}" if found[2] else "")
    return re.sub(r"^s3[an]://", "s3://", word)


def _problem_of(word: str) -> str:
    """Return why a word is not the name of a general purpose bucket; empty if it is."""
    if ":accesspoint" in word:
        return "it is the ARN of an access point"
    if not _BUCKET.fullmatch(word):
        return (
            "it needs 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit"
            " at both ends"
        )
    if ".." in word:
        return "it has two dots in a row"
    with suppress(ValueError):
        ipaddress.IPv4Address(word)
        return "it has the form of an IP address"
    if word.startswith(("xn--", "sthree-")):
        return "this beginning is reserved by AWS"
    return next((reason for ending, reason in _OF_OTHERS.items() if word.endswith(ending)), "")


def check_key(key: str) -> str:
    """Check an object key: 1 to 1,024 bytes of UTF-8. Raises :class:`InvalidInput`."""
    refuse_url(key, "key", "the key of an object")
    word = str(key)
    if not word:
        raise InvalidInput(
            "The object key is empty.", next_step="Choose an object of the bucket.", field="key"
        )
    try:
        size = len(word.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "The object key is not valid Unicode.", next_step="Choose another object.", field="key"
        ) from error
    if size > 1024:
        raise InvalidInput(
            f"The object key has {size:,} bytes. The maximum is 1,024.",
            next_step="Choose a shorter key.",
            field="key",
        )
    return word


_VARIABLE = re.compile(r"\$\{[^{}:/]+:[^{}]+\}")


def check_prefix(prefix: str) -> str:
    """Check a key prefix for the bucket guard: plain text, which a policy takes literally.

    The names of folders may have ``*``, ``?`` and ``$``. Behind the last slash, or alone between
    two, a star is a wildcard by mistake.
    """
    refuse_url(prefix, "prefix", "the beginning of a key")
    word = str(prefix)
    # refuse what is a wildcard or a policy variable by mistake
    *folders, last = word.split("/")
    wild = next((each for each in "*?" if each in last or each * 2 in word or each in folders), "")
    variable = _VARIABLE.search(word)
    for bad, name in ((wild, "a wildcard"), (variable and variable[0], "a policy variable")):
        if bad:
            raise InvalidInput(
                f"The prefix '{word[:70]}' contains {name} ({bad[:40]}), and a prefix is plain"
                " text.",
                next_step=(
                    "Write the plain beginning of the keys, for example scans/. The name of a"
                    " folder may have *, ? and $."
                ),
                field="prefix",
                value=word,
            )
    if word.startswith("/"):
        raise InvalidInput(
            f"The prefix '{word[:70]}' starts with a slash, and S3 keys hardly ever do.",
            next_step="Remove the first slash.",
            field="prefix",
            value=word,
        )
    if word.startswith("s3://"):
        raise InvalidInput(
            "The prefix is a whole S3 address.",
            next_step="Write only what follows the bucket.",
            field="prefix",
        )
    return check_key(word) if word else ""


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://`` address; the key may be empty."""
    refuse_url(uri, "uri", "an s3:// URI")
    word = as_s3(str(uri).lstrip().rstrip("\r\n"))  # a key may end with a blank
    if not word.startswith("s3://"):
        meant = (
            f"s3://{word}"
            if re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,62}(/\S{1,200})?", word)
            else "s3://bucket/key"
        )
        raise InvalidInput(
            f"'{word[:70]}' is not an S3 address.",
            next_step=f"Write {meant}.",
            field="uri",
            value=word[:200],
        )
    return place_of(word)


def place_of(bucket: str, key: str = "") -> tuple[str, str]:
    """Return a bucket and a key or prefix: two arguments, or both in one ``s3://`` address."""
    name = check_bucket(bucket)
    word = as_s3(str(bucket).lstrip())
    rest = word[5:].partition("/")[2] if word.startswith("s3://") else ""
    if rest and key and rest != key:
        raise InvalidInput(
            f"The bucket is given with '{rest[:60]}', and '{str(key)[:60]}' is given too.",
            next_step="Give one of them.",
            field="prefix",
            value=key,
        )
    return name, key or rest


def whole_bucket(bucket: str) -> str:
    """Return the name of a bucket; InvalidInput for an address with a prefix,
    which nothing would read.
    """
    name, prefix = place_of(bucket)
    if prefix:
        raise InvalidInput(
            f"This is about a whole bucket: the prefix {prefix[:60]} would not be read.",
            next_step=f"Name the bucket alone: {name}.",
            field="bucket",
            value=bucket,
        )
    return name


def buckets_here(aws: Aws) -> list[str]:
    """Return the buckets of the account in the region of the connection."""
    with aws_errors("s3:ListAllMyBuckets"):
        pages = all_pages(aws.client("s3"), "list_buckets", BucketRegion=aws.region)
        return [str(item["Name"]) for page in pages for item in page.get("Buckets", ())]


def no_bucket(aws: Aws, bucket: str) -> NotFound:
    """Return the error for a bucket that does not exist, with similar names as a hint."""
    near: list[str] = []
    with suppress(GtSecureError), aws_errors("s3:ListAllMyBuckets"):
        names = [str(item["Name"]) for item in aws.client("s3").list_buckets().get("Buckets", ())]
        near = difflib.get_close_matches(bucket, names, 1, 0.6)
    meant = f"Did you mean {near[0]}? " if near else ""
    return NotFound(
        f"There is no bucket '{bucket}'.", next_step=f"{meant}Check the name of the bucket."
    )


def bucket_region(aws: Aws, bucket: str) -> str:
    """Find the region of a bucket; that of the connection where AWS names none."""
    return named_region(aws, bucket) or aws.region


def named_region(aws: Aws, bucket: str) -> str:
    """Find the region of a bucket from HeadBucket's header, which even a refusal carries;
    empty for a refusal without it.
    """
    from botocore.exceptions import ClientError

    try:
        with aws_errors("s3:ListBucket", bucket_arn(aws.partition, bucket)):
            try:
                answer: JsonLike = aws.client("s3").head_bucket(Bucket=bucket)
            except ClientError as error:
                headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                if "x-amz-bucket-region" not in headers:
                    raise
                if error.response.get("Error", {}).get("Code") == "404":
                    raise
                return str(headers["x-amz-bucket-region"])
    except NotFound as error:
        raise no_bucket(aws, bucket) from error
    except AccessDenied:
        return ""  # it exists, but its region is hidden
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or aws.region)


def read_policy(aws: Aws, bucket: str, region: str | None = None) -> str | None:
    """Return the policy of a bucket as text; None if it has none."""
    try:
        with aws_errors("s3:GetBucketPolicy", bucket_arn(aws.partition, bucket)):
            return str(aws.client("s3", region).get_bucket_policy(Bucket=bucket)["Policy"])
    except GtSecureError as error:
        if error.details.get("code") == "NoSuchBucketPolicy":
            return None
        raise


def log_location(answer: JsonLike) -> LogLocation | None:
    """Return the location in an answer of ``GetBucketLogging``; None if logging is off."""
    enabled = answer.get("LoggingEnabled")
    return (
        LogLocation(str(enabled["TargetBucket"]), str(enabled.get("TargetPrefix") or ""))
        if enabled
        else None
    )


def list_keys(aws: Aws, bucket: str, prefix: str = "", *, most: int = 200) -> list[str]:
    """List some keys, to choose a test object from;
    keys that end in a slash are folders and left out.
    """
    name = check_bucket(bucket)
    refuse_url(prefix, "prefix", "the beginning of a key")
    with aws_errors("s3:ListBucket", bucket_arn(aws.partition, name)):
        answer = aws.client("s3", bucket_region(aws, name)).list_objects_v2(
            Bucket=name, Prefix=prefix, MaxKeys=min(most, 1000)
        )
    return [
        str(item["Key"])
        for item in answer.get("Contents", ())
        if not str(item["Key"]).endswith("/")
    ]
