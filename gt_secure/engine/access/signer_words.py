"""Names of the signers whose requests are opened, where not those of every signer are: a user, role
or pattern that the policies name, else a kind of signer.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..iam.request_space import RequestSpace
from ..iam.statement_table import DimensionValue
from ..iam.three_valued import conditions_on
from ..iam.variables import Keys, split_wildcards
from ..iam.wildcards import glob

_KINDS = {
    "session": "a role",
    "user": "an IAM user",
    "root": "the root user",
    "federated-user": "a federated user",
}
_UNNAMED = ("/some-role", "/some-user", ":root")
"""Ends of the ARNs of signers that stand for all of their kind whom no policy names."""
SESSION = "some-session"
_ARN, _USERNAME = "aws:principalarn", "aws:username"


def signers_of(
    space: RequestSpace, settings: Sequence[DimensionValue], usable: Sequence[DimensionValue]
) -> tuple[bool, list[str]]:
    """Return the names of those who open, of all signers that the policies tell apart; True with
    the names of all others, where these are fewer.
    """
    names = _Names(space, settings, usable)
    refused = {names.short(each) for each in names.others if names.is_named(each)}
    is_all = names.whole >= {*_KINDS.values()} and all(map(names.is_named, names.others))
    if is_all and not refused & {names.short(each) for each in usable}:
        return True, sorted(refused)
    return False, sorted({names.name(each) for each in usable})


class _Names:
    """Names of the signers of a space, as short as they can be in the bucket's account."""

    def __init__(
        self,
        space: RequestSpace,
        settings: Sequence[DimensionValue],
        usable: Sequence[DimensionValue],
    ) -> None:
        self.account = _value(space.base.keys, "aws:resourceaccount")
        opening = set(map(id, usable))
        self.others = [each for each in settings if id(each) not in opening]
        self.refused = {_arn(each) for each in self.others}
        self.whole = {self.kind(each) for each in usable if _arn(each).endswith(_UNNAMED)}
        self.texts = [
            (key, text)
            for key in (_ARN, _USERNAME)
            for condition in conditions_on(space.table, key)
            for text in condition.values
        ]
        entries = (entry for each in space.table.every_statement for entry in each.principals or ())
        self.texts += [(_ARN, entry.text) for entry in entries]

    def is_named(self, setting: DimensionValue) -> bool:
        """Return whether a policy names exactly this signer."""
        own = {(_ARN, _arn(setting)), (_USERNAME, _value(setting.values, _USERNAME))}
        return not own.isdisjoint(self.texts)

    def name(self, setting: DimensionValue) -> str:
        text = kind = self.kind(setting)
        if self.is_named(setting) and kind not in self.whole:
            text = self.short(setting)
        elif kind not in self.whole:
            text = self.pattern(setting) or f"{kind} such as {self.short(setting)}"
        ids = setting.values.get("aws:userid")
        return (
            f'{text} with an aws:userid such as "{ids[0]}"'
            if ids and _arn(setting) in self.refused
            else text
        )

    def kind(self, setting: DimensionValue) -> str:
        assert setting.caller is not None
        account = setting.caller.account
        of = "" if account in ("", self.account) else f" of account {account}"
        return f"{_KINDS[setting.caller.kind]}{of}"

    def pattern(self, setting: DimensionValue) -> str:
        """Return the pattern of a policy that a signer matches and nobody who is refused does."""
        for key, text in self.texts:
            matches = glob(split_wildcards(text))
            refused = (_value(each.values, key) for each in self.others)
            if matches(_value(setting.values, key)) and not any(map(matches, refused)):
                return self.cut(text) if key == _ARN else f"user/{text}"
        return ""

    def short(self, setting: DimensionValue) -> str:
        return self.cut(_arn(setting))

    def cut(self, arn: str) -> str:
        parts = arn.split(":", 5)
        return parts[-1][:120] if parts[4:5] == [self.account] else arn[:120]


def _arn(setting: DimensionValue) -> str:
    """Return the ARN of a signer, of a session whose name policies tell apart that of the
    session.
    """
    text = "" if setting.caller is None else setting.caller.text
    return _value(setting.values, _ARN) or text if text.endswith(f"/{SESSION}") else text


def _value(keys: Keys, key: str) -> str:
    return next(iter(keys.get(key, ())), "")
