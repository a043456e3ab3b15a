"""The accounts and regions of a report: from a list, a file or the organization.

Sources: AWS Organizations API Reference, *ListAccounts* (only the management account and delegated
administrators may call it); AWS Account Management Reference Guide, *Enable or disable AWS Regions
in your account*: the regions that are enabled in every account. Others are named one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ..aws.client import Aws, all_items, aws_errors
from ..base import files as textfiles
from ..base.errors import InvalidInput
from ..base.text import JsonLike, Texts, TextsLike

_ID = re.compile(r"[0-9]{12}")
MAX_ACCOUNTS = 20_000
TEXT_SUFFIXES = frozenset({".txt", ".csv", ".list", ""})
Accounts: TypeAlias = "tuple[Account, ...]"


class Account(NamedTuple):
    """An account: its id, and its name if it is known."""

    id: str
    name: str = ""


AccountsLike: TypeAlias = "str | Path | Iterable[str | Account | JsonLike]"
"""Accounts: a file, or ids."""


def read_accounts(given: AccountsLike) -> Accounts:
    """Return the accounts of a file or list, each once.

    A text file has an id, and a name if wanted, on each line. A JSON or YAML file has a list of
    ids, or of mappings with ``id`` and ``name``, such as ``aws organizations list-accounts``
    prints.
    """
    items = _of_file(Path(given)) if isinstance(given, (str, Path)) else list(given)
    accounts = {account.id: account for account in map(_account, items)}
    if not accounts:
        raise _bad(
            "No account is given.", "List one account id on each line, for example 111122223333."
        )
    if len(accounts) > MAX_ACCOUNTS:
        raise _bad(
            f"{len(accounts):,} accounts are given.", f"Divide them: at most {MAX_ACCOUNTS:,} fit."
        )
    return tuple(accounts.values())


def _of_file(file: Path) -> list[Any]:
    if file.suffix.lower() not in TEXT_SUFFIXES:
        data = textfiles.load(file)
        listed = data.get("Accounts", data.get("accounts")) if isinstance(data, Mapping) else data
        if not isinstance(listed, list):
            raise _bad(f"{file.name} has no list of accounts.", "Write a list of account ids.")
        return listed
    rows = [line.split("#", 1)[0].strip() for line in textfiles.read_text(file).splitlines()]
    titles = 1 if rows and not re.search(r"\d", rows[0]) else 0
    return [row for row in rows[titles:] if row]


def _account(item: object) -> Account:
    if isinstance(item, Account):
        identifier, name = item
    elif isinstance(item, Mapping):
        identifier, name = item.get("Id", item.get("id")), item.get("Name", item.get("name"))
    else:
        identifier, *words = re.split("[, ]", str(item).strip(), maxsplit=1)
        name = "".join(words)
    digits = str(identifier).strip('"').replace("-", "")
    if not _ID.fullmatch(digits):
        hint = (
            "Write twelve digits. In YAML and JSON put an id into quotes: a leading zero would be"
            " lost."
        )
        raise _bad(f"'{str(identifier)[:40]}' is not an account id.", hint)
    return Account(digits, str(name or "").strip('" '))


def organization_accounts(aws: Aws) -> Accounts:
    """List the active accounts of the organization."""
    with aws_errors("organizations:ListAccounts"):
        accounts = all_items(aws, "organizations", "list_accounts", "Accounts")
    return read_accounts(
        [account for account in accounts if account.get("Status", "ACTIVE") == "ACTIVE"]
    )


_COMMON = """
us-east-1 us-east-2 us-west-1 us-west-2 ap-south-1 ap-northeast-1 ap-northeast-2 ap-northeast-3
ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 eu-west-1 eu-west-2 eu-west-3
eu-north-1 sa-east-1
"""
DEFAULT_REGIONS: Mapping[str, Texts] = {
    "aws": tuple(_COMMON.split()),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
}
"""The regions that ``all`` stands for, by partition."""


def parse_regions(given: TextsLike, partition: str = "aws") -> Texts:
    """Return regions, each once: ``all``, a list with commas, or several names;
    ``all,ap-east-1`` adds one.
    """
    names: list[str] = []
    for word in (given if isinstance(given, str) else ",".join(given)).lower().split(","):
        if (name := word.strip()) == "all":
            names += DEFAULT_REGIONS.get(partition, ())
        elif name:
            names.append(_checked(name, partition))
    if not names:
        raise InvalidInput(
            "No region is given.", next_step="Write all, or us-east-1,eu-west-1.", field="regions"
        )
    return tuple(dict.fromkeys(names))


def _checked(name: str, partition: str) -> str:
    from boto3.session import Session

    try:
        where = Session().get_partition_for_region(name)
    except Exception as error:
        raise _bad(
            f"'{name[:40]}' is not an AWS region.",
            "Write a region such as us-east-1, or all.",
            "regions",
        ) from error
    if where != partition:
        raise _bad(
            f"{name} is in the partition {where}.",
            f"Name regions of {partition}: a role serves one partition.",
            "regions",
        )
    return name


def _bad(message: str, fix: str, field: str = "accounts") -> InvalidInput:
    return InvalidInput(message, next_step=fix, field=field)
