"""Managed prefix lists of EC2: create, modify, and read their entries."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable

from .ec2_parameters import Ec2Error, Record, entries, page
from .settings import account_id
from .state import Region

_VERSIONS = {"IPv4": 4, "IPv6": 6}
_MOST_ENTRIES = 1000


def record(region: str, name: str, list_id: str, ranges: list[str], *, family: str = "IPv4", most: int = 20) -> Record:
    """Return a prefix list as DescribeManagedPrefixLists returns it; its entries have a key of our own."""
    return {
        "PrefixListId": list_id,
        "AddressFamily": family,
        "State": "create-complete",
        "PrefixListArn": f"arn:aws:ec2:{region}:{account_id()}:prefix-list/{list_id}",
        "PrefixListName": name,
        "MaxEntries": most,
        "Version": 1,
        "OwnerId": account_id(),
        "Tags": [],
        "_versions": {"1": [{"Cidr": each, "Description": ""} for each in ranges]},
    }


def _create(region: Region, parameters: dict[str, str]) -> Record:
    family, name, most = (parameters.get(each, "") for each in ("AddressFamily", "PrefixListName", "MaxEntries"))
    if family not in _VERSIONS or not name or not most.isdigit() or not 1 <= int(most) <= _MOST_ENTRIES:
        raise Ec2Error("InvalidParameterValue", "PrefixListName, MaxEntries and AddressFamily are required.")
    if name.startswith("com.amazonaws"):
        raise Ec2Error("InvalidParameterValue", "The name of a prefix list cannot start with com.amazonaws.")
    made = record(region.name, name, f"pl-{secrets.token_hex(9)[:17]}", [], family=family, most=int(most))
    made["_versions"]["1"] = _changed(made, [], parameters, "Entry")
    region.prefix_lists.append(made)
    return {"PrefixList": made}


def _modify(region: Region, parameters: dict[str, str]) -> Record:
    found = _find(region, parameters)
    if parameters.get("CurrentVersion") != str(found["Version"]):
        raise Ec2Error("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    changed = _changed(found, found["_versions"][str(found["Version"])], parameters, "AddEntry")
    found["Version"] += 1
    found["_versions"][str(found["Version"])] = changed
    found["State"] = "modify-complete"
    return {"PrefixList": found}


def _entries(region: Region, parameters: dict[str, str]) -> Record:
    found = _find(region, parameters)
    version = parameters.get("TargetVersion", str(found["Version"]))
    if version not in found["_versions"]:
        raise Ec2Error("InvalidPrefixListVersion", f"The prefix list has no version {version}.")
    shown, token = page(found["_versions"][version], parameters, most=100, least=1)
    return {"Entries": shown, "NextToken": token}


def _find(region: Region, parameters: dict[str, str]) -> Record:
    wanted = parameters.get("PrefixListId", "")
    for each in region.prefix_lists:
        if each["PrefixListId"] == wanted:
            return each
    raise Ec2Error("InvalidPrefixListID.NotFound", f"The prefix list ID '{wanted}' does not exist.")


def _changed(about: Record, before: list[Record], parameters: dict[str, str], added: str) -> list[Record]:
    gone = {value for _, value in entries(parameters, "RemoveEntry", "Cidr")}
    new = entries(parameters, added, "Cidr")
    for _, cidr in new:
        try:
            version = ipaddress.ip_network(cidr).version
        except ValueError:
            raise Ec2Error("InvalidParameterValue", f"The CIDR '{cidr}' is not valid.") from None
        if version != _VERSIONS[about["AddressFamily"]]:
            raise Ec2Error("InvalidParameterValue", f"The CIDR '{cidr}' has another address family than the list.")
    after = {each["Cidr"]: each for each in before if each["Cidr"] not in gone}
    for number, cidr in new:
        description = parameters.get(f"{added}.{number}.Description", "")
        after[cidr] = {"Cidr": cidr, "Description": description}
    if len(after) > about["MaxEntries"]:
        raise Ec2Error("PrefixListMaxEntriesExceeded", "The prefix list cannot hold more entries.")
    return list(after.values())


OPERATIONS: dict[str, Callable[[Region, dict[str, str]], Record]] = {
    "CreateManagedPrefixList": _create,
    "ModifyManagedPrefixList": _modify,
    "GetManagedPrefixListEntries": _entries,
}
"""Operations beside DescribeManagedPrefixLists."""
