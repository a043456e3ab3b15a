"""The parts of a state that a rule asks for, watched from outside: parts,
locks and the bucket note who reads them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import pytest

from gt_secure.account import bucket_access
from gt_secure.account.bucket import READINGS, Bucket
from gt_secure.account.locks import locks_of
from gt_secure.account.state import WHAT, State
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.part import Part
from gt_secure.findings import guard_rules
from gt_secure.findings.model import Checked, Rule
from gt_secure.findings.run import _about

T = TypeVar("T")
SETTINGS = (*READINGS, "key_policy", "log_bucket", "log")
BUCKET = "bucket"
"""Stands for which bucket it is: its name and region."""
OF_LOCKS = {
    "policy": ("bucket.policy",),
    "url_lock": ("team",),
    "has_portal": ("team",),
    "cidrs": ("workforce",),
    "portal_vpc": ("workforce",),
    "signer": ("jobs",),
    "endpoints": ("endpoints",),
    "restricts_public": ("bucket.public_access_block",),
    "account_restricts_public": ("account_block",),
    "others": ("teams", "bucket.tags", "bucket.folders"),
}
"""The parts that the fields of the locks are made of.
Access points and the key are parts themselves.
"""
_noted: set[str] = set()


class Watched(Part[T]):
    """A part that notes its name when somebody takes its value."""

    _name: str

    @classmethod
    def named(cls, name: str, part: Part[T]) -> Watched[T]:
        made = cls(part._value, part.missing)
        object.__setattr__(made, "_name", name)
        return made

    @property
    def value(self) -> T | None:
        _noted.add(self._name)
        return super().value

    @property
    def if_read(self) -> T | None:
        _noted.add(self._name)
        return super().if_read

    def map(self, make: Callable[[T], Any]) -> Part[Any]:
        return Watched.named(self._name, super().map(make))


class _Bucket(Bucket):
    def __getattribute__(self, name: str) -> Any:
        if name in ("name", "region"):
            _noted.add(BUCKET)
        return super().__getattribute__(name)


class _Locks(EffectiveLocks):
    def __getattribute__(self, name: str) -> Any:
        if name in OF_LOCKS and not sys._getframe(1).f_code.co_filename.endswith("dataclasses.py"):
            _noted.update(OF_LOCKS[name])
        return super().__getattribute__(name)


def _locks(state: State, **more: Any) -> EffectiveLocks:
    before = set(_noted)
    made = locks_of(state, **more)  # which takes every value, whatever is asked then
    _noted.clear()
    _noted.update(before)
    return _Locks(**{each.name: getattr(made, each.name) for each in fields(made)})


def _watched(state: State) -> State:
    named: dict[str, Any] = {name: Watched.named(name, getattr(state, name)) for name in WHAT}
    bucket = state.bucket
    if bucket is None:
        return replace(state, **named)
    values = {each.name: getattr(bucket, each.name) for each in fields(bucket)}
    values |= {name: Watched.named(f"bucket.{name}", getattr(bucket, name)) for name in SETTINGS}
    held = bucket.log_bucket.if_read
    if held is not None and held.name != bucket.name:
        inner = {
            name: Watched.named(f"bucket.log_bucket.{name}", getattr(held, name))
            for name in SETTINGS
        }
        values["log_bucket"] = Watched.named("bucket.log_bucket", Part.of(replace(held, **inner)))
    return replace(state, bucket=_Bucket(**values), **named)


def asked_by(rule: Rule, state: State) -> frozenset[str]:
    """Return the names of the parts that the evaluation of a rule asks for."""
    watched = _watched(state)
    _noted.clear()
    with pytest.MonkeyPatch.context() as patch:
        for module in (guard_rules, bucket_access):
            patch.setattr(module, "locks_of", _locks)
        about = _about(rule, watched)
        if not isinstance(about, Checked):
            list(rule.run(watched, *about))
    return frozenset(_noted)
