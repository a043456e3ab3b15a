"""Lists of addresses that AWS keeps: managed prefix lists of EC2 and regional IP sets of WAF. Reads
only.

Sources: Amazon EC2 API reference, *DescribeManagedPrefixLists*, *GetManagedPrefixListEntries*; AWS
WAF API reference, *ListIPSets*, *GetIPSet*.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from ..base.errors import InvalidInput, NotFound
from ..base.network import IPNetwork, collapse, scope
from ..base.pages import followed
from ..base.shown import Shown
from ..base.text import Json, count, did_you_mean
from ..engine.access.address_classes import is_anyone, spans_of
from .client import Aws, all_items, aws_errors

IP_SET = "wafv2:ipset/"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class ManagedList(Shown):
    """A list that AWS keeps, as it was when it was read.

    ``networks`` are its ranges that S3 and the worker portal can see as a source, merged;
    ``left_out`` are the others.
    """

    document = ("name", "title", "version", "addresses: networks", "left_out")

    name: str
    networks: tuple[IPNetwork, ...]
    left_out: tuple[IPNetwork, ...] = ()
    title: str = ""
    version: str = ""
    owner: str = ""

    @property
    def label(self) -> str:
        """The name of the list, its title and number of ranges."""
        about = [self.title] if self.title else []
        return f"{self.name} ({', '.join([*about, count(len(self.networks), 'range')])})"


def read_lists(aws: Aws, names: Iterable[str]) -> tuple[ManagedList, ...]:
    """Read lists by their names, in the region of the connection;
    InvalidInput for one that admits every address.
    """
    wanted = list(names)
    sets = _ip_sets(aws) if any(name.startswith(IP_SET) for name in wanted) else {}
    return tuple(
        _ip_set(aws, name, sets) if name.startswith(IP_SET) else _prefix_list(aws, name)
        for name in wanted
    )


def _prefix_list(aws: Aws, name: str) -> ManagedList:
    client = aws.client("ec2")
    with aws_errors("ec2:DescribeManagedPrefixLists"):  # as a filter, an unknown id is no error
        answer = client.describe_managed_prefix_lists(
            Filters=[{"Name": "prefix-list-id", "Values": [name]}]
        )
    about = next((each for each in answer["PrefixLists"] if each["PrefixListId"] == name), None)
    if about is None:
        raise _missing(aws, name)
    asked: Json = {"PrefixListId": name, "PaginationConfig": {"PageSize": _PAGE}}
    if about.get("Version"):
        asked["TargetVersion"] = int(about["Version"])  # so that all pages are of one version
    with aws_errors("ec2:GetManagedPrefixListEntries"):
        listed = all_items(aws, "ec2", "get_managed_prefix_list_entries", "Entries", **asked)
        entries = [str(entry["Cidr"]) for entry in listed]
    return _made(
        name,
        entries,
        title=str(about.get("PrefixListName") or ""),
        version=str(about.get("Version") or ""),
        owner=str(about.get("OwnerId") or ""),
    )


def _ip_sets(aws: Aws) -> dict[str, str]:
    client = aws.client("wafv2")
    with aws_errors("wafv2:ListIPSets"):
        pages = followed(client.list_ip_sets, {"Scope": "REGIONAL", "Limit": _PAGE}, "NextMarker")
        # WAF returns a marker after the last page too, if that page is full: an empty page ends the
        # list.
        full = takewhile(lambda page: page.get("IPSets"), pages)
        return {str(each["Name"]): str(each["Id"]) for page in full for each in page["IPSets"]}


def _ip_set(aws: Aws, name: str, sets: Mapping[str, str]) -> ManagedList:
    title = name.removeprefix(IP_SET)
    if title not in sets:
        raise _missing(aws, name, sets)
    with aws_errors("wafv2:GetIPSet"):
        found = aws.client("wafv2").get_ip_set(Name=title, Scope="REGIONAL", Id=sets[title])[
            "IPSet"
        ]
    return _made(name, [str(each) for each in found.get("Addresses", ())])


def _made(name: str, entries: Iterable[str], **about: str) -> ManagedList:
    networks = [ipaddress.ip_network(entry, strict=False) for entry in entries]
    if is_anyone(spans_of(networks)):
        raise InvalidInput(
            f"{name} has half of the internet or more, so it would restrict nobody.",
            next_step="Remove the wide ranges from the list, or name another list.",
            field="addresses",
            value=name,
        )
    usable = [network for network in networks if scope(network) == "public"]
    left_out = tuple(network for network in networks if network not in usable)
    return ManagedList(name, collapse(usable), left_out, **about)


def _missing(aws: Aws, name: str, sets: Mapping[str, str] | None = None) -> NotFound:
    word = name.removeprefix(IP_SET)
    kind = "regional IP set" if name.startswith(IP_SET) else "managed prefix list"
    return NotFound(
        f"There is no {kind} {word} in {aws.region}.",
        next_step=did_you_mean(
            word, sets or (), "Check the name and the region.", form=f"{IP_SET}{{}}"
        ),
    )
