"""Names of the signers whose requests are opened, where not those of every signer are: a user, role
or pattern that the policies name, else a kind of signer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..iam.request_space import RequestSpace
from ..iam.statement_table import DimensionValue, StatementTable
from ..iam.three_valued import conditions_on
from ..iam.variables import split_wildcards
from ..iam.wildcards import glob

_SHOWN = 3
_KINDS = {
    "session": "a role",
    "user": "an IAM user",
    "root": "the root user",
    "federated-user": "a federated user",
}
_UNNAMED = ("/some-role", "/some-user")
"""Ends of the ARNs of signers that stand for all whom no policy names."""
SESSION = "some-session"
_ARN, _USERNAME = "aws:principalarn", "aws:username"


def signed_by(
    space: RequestSpace, settings: Sequence[DimensionValue], usable: Sequence[DimensionValue]
) -> str:
    """Return whose requests are opened, of all signers that the policies tell apart."""
    names = _Names(space, settings, usable)
    opening = names.of(usable)
    every = set(_KINDS.values()) <= set(opening)
    refused = list(names.refused_by_name(usable)) if every else []
    if refused:
        return f"unless signed by {_or(refused)}"
    return f"signed by {_or(opening)}"


def _or(names: Sequence[str]) -> str:
    shown = " or ".join(name[:120] for name in names[:_SHOWN])
    return shown + (f" or {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


class _Names:
    """Names of the signers of a space, as short as they can be in the bucket's account."""

    def __init__(
        self,
        space: RequestSpace,
        settings: Sequence[DimensionValue],
        usable: Sequence[DimensionValue],
    ) -> None:
        self.account = next(iter(space.base.keys.get("aws:resourceaccount", ())), "")
        self.literals, self.patterns = _texts(space.table)
        opening = set(map(id, usable))
        self.others = [each for each in settings if id(each) not in opening]
        self.refused = {self.arn(each) for each in self.others}

    def arn(self, setting: DimensionValue) -> str:
        caller = setting.caller
        text = "" if caller is None else caller.text
        if caller is not None and caller.kind == "session" and text.endswith(f"/{SESSION}"):
            return next(iter(setting.values.get(_ARN, ())), text)
        return text

    def of(self, usable: Sequence[DimensionValue]) -> list[str]:
        """Return the names, each once; a kind includes those of its kind."""
        found: dict[str, str] = {}
        for each in usable:
            found.setdefault(self.name(each), self.kind(each))
        return sorted(name for name, kind in found.items() if name == kind or kind not in found)

    def refused_by_name(self, usable: Sequence[DimensionValue]) -> Iterator[str]:
        """Yield the names of those that are refused, if all of them have one."""
        opened = {self.arn(each) for each in usable}
        names = {self.name(each): self.kind(each) for each in self.others}
        if not opened & self.refused and not names.keys() & set(names.values()):
            yield from sorted(names)

    def kind(self, setting: DimensionValue) -> str:
        assert setting.caller is not None
        of = f" of account {setting.caller.account}"
        other = setting.caller.account not in ("", self.account)
        return f"{_KINDS[setting.caller.kind]}{of if other else ''}"

    def name(self, setting: DimensionValue) -> str:
        arn = self.arn(setting)
        text = self.short(arn)
        if arn.endswith(":root") or arn.endswith(_UNNAMED):
            text = self.kind(setting)
        elif arn not in self.literals and _username(setting) not in self.literals:
            text = self.like(setting, arn)
        if arn in self.refused and (ids := setting.values.get("aws:userid")):
            return f'{text} with an aws:userid such as "{ids[0]}"'
        return text

    def like(self, setting: DimensionValue, arn: str) -> str:
        """Return the pattern of a policy that a signer matches, and nobody who is refused;
        else an example of its kind.
        """
        for key, text in self.patterns:
            matches, is_arn = glob(split_wildcards(text)), key == _ARN
            others = (self.arn(each) if is_arn else _username(each) for each in self.others)
            if matches(arn if is_arn else _username(setting)) and not any(map(matches, others)):
                return self.short(text) if is_arn else f"user/{text}"
        return f"{self.kind(setting)} such as {self.short(arn)}"

    def short(self, arn: str) -> str:
        parts = arn.split(":", 5)
        return parts[-1] if len(parts) == 6 and parts[4] == self.account else arn


def _username(setting: DimensionValue) -> str:
    return next(iter(setting.values.get(_USERNAME, ())), "")


def _texts(table: StatementTable) -> tuple[set[str], list[tuple[str, str]]]:
    """Return the names of principals that policies hold, and their patterns with the key."""
    values = [
        (key, text)
        for key in (_ARN, _USERNAME)
        for condition in conditions_on(table, key)
        for text in condition.values
    ]
    patterns = [each for each in dict.fromkeys(values) if set("*?") & set(each[1])]
    entries = [
        entry.text for statement in table.every_statement for entry in statement.principals or ()
    ]
    names = {text for _, text in set(values).difference(patterns)}
    return names.union(entries), [each for each in patterns if "$" not in each[1]]
