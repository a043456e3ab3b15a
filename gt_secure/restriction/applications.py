"""Applications that hand out presigned URLs of S3: what signs them, how, for how long, and what
they upload.

``applications.json`` holds what was seen, in which version, whether it was run or read (``sure``),
with the sources. boto3 signs URLs and forms with version 2 in ten regions by default (botocore
1.43.106, all regions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from ..base.errors import InvalidInput
from ..base.files import package_data
from ..base.text import Texts, did_you_mean

SIGV2_REGIONS = frozenset(
    f"{area}-{number}"
    for area, numbers in {
        "us-east": "1", "us-west": "12", "eu-west": "1", "ap-northeast": "1", "ap-southeast": "12",
        "sa-east": "1", "us-gov-east": "1", "us-gov-west": "1",
    }.items()
    for number in numbers
)  # fmt: skip
"""Regions in which boto3 presigns with version 2 by default."""

SignatureVersion: TypeAlias = Literal["4", "2", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class ApplicationProfile:
    """Knowledge of an application.

    Attributes
    ----------
    name : str
    signature : str
        ``4``, ``boto3`` (its default, which depends on the region), ``none`` (it presigns nothing)
        or ``unknown``.
    signs, header_signed, refused, refused_reads, advice : str
        Who signs; what it signs in the header, so that the guard spares it; what the guard refuses
        from outside, and a guard of reads where that is less; and what to do about that.
    signature_setting, lifetime_setting : str
        Settings for version 4 and for the lifetime.
    lifetime_s : mapping
        Seconds that its URLs live, by use.
    uploads : tuple of str
        Kinds of presigned uploads: ``PUT``, ``part``, ``form``.
    needs_age_s : int
        Of a feature of AWS, the shortest age limit in seconds with which AWS has tested it; else 0.
    of_aws : str
        Of a feature of AWS, what it does by presigned requests; empty for an application.
    root : str
        Expression whose first group is what its keys begin with.
    cors, cors_headers : tuple of str
        Methods and exposed headers that its pages need.
    """

    name: str
    signature: Literal["4", "boto3", "none", "unknown"]
    signs: str = ""
    signature_setting: str = ""
    lifetime_s: Mapping[str, int] = field(default_factory=dict)
    lifetime_setting: str = ""
    uploads: Texts = ()
    needs_age_s: int = 0
    of_aws: str = ""
    root: str = ""
    header_signed: str = ""
    refused: str = ""
    refused_reads: str = ""
    advice: str = ""
    cors: Texts = ()
    cors_headers: Texts = ()

    @property
    def longest_s(self) -> int:
        """The longest life of its URLs in seconds; 0 where it is not known."""
        return max(self.lifetime_s.values(), default=0)

    def version_in(self, region: str) -> SignatureVersion:
        """Return the signature version of the next URL that it signs for a bucket in a region."""
        if self.signature != "boto3":
            return self.signature
        return "2" if region in SIGV2_REGIONS else "4"


@lru_cache(maxsize=1)
def applications() -> dict[str, ApplicationProfile]:
    """Return the application profiles by their short names."""
    profiles = {}
    for name, row in package_data(__package__, "applications.json").items():
        known = {key: row[key] for key in ApplicationProfile.__slots__ if key in row}
        lists = {key: tuple(each) for key, each in known.items() if isinstance(each, list)}
        profiles[name] = ApplicationProfile(**known | lists)
    return profiles


def bystanders() -> tuple[ApplicationProfile, ...]:
    """Return the features of AWS that sign presigned requests themselves.

    Source: AWS Prescriptive Guidance, *Establishing guardrails and monitoring for presigned URLs*,
    Appendix A and B.
    """
    return tuple(each for each in applications().values() if each.of_aws)


def check_application(name: object) -> str | None:
    """Return the short name of an application profile;
    :class:`InvalidInput` with the nearest names if unknown.
    """
    if name is None:
        return None
    known = applications()
    word = str(name).strip().lower()
    found = next((key for key, each in known.items() if word in (key, each.name.lower())), None)
    if found is None:
        raise InvalidInput(
            f"There is no application profile {str(name)[:40]!r}.",
            next_step=did_you_mean(word, known, form="{!r}"),
            field="application",
            value=name,
        )
    return found
