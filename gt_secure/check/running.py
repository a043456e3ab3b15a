"""Runs checks that are given as data, reading each log once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..account.whose_urls import owners_of
from ..base.errors import GtSecureError, InvalidInput, NotFound
from ..base.outcome import CheckResult
from ..base.text import Json
from ..connection import Connection, ConnectionLike, connection_of
from ..findings.accepted import AcceptedLike, read_accepted
from ..findings.model import SAVED_SECRET, Acceptances
from ..logs import read_hits
from ..logs.leaks import LeakRules
from ..restriction.files import load_restriction
from ..restriction.model import Restriction
from . import account, applied_locks, logs, notebooks, restrictions  # noqa: F401 - their checks register themselves
from .ledger import recorded
from .report import Report
from .result import CHECKS, of_error
from .spec import RULES, Spec, load_check_file

if TYPE_CHECKING:
    from ..logs import Hits


def run_specs(
    gt: ConnectionLike | Callable[[], Connection],
    specs: Iterable[Spec],
    *,
    source: str = "",
    accepted: AcceptedLike | None = None,
    strict: bool = False,
) -> Report:
    """Run checks one after the other; none stops the others.

    Parameters
    ----------
    gt : Connection, sagemaker.core Session or callable, which is called only if a check needs the
    account
    source : str, the file that the checks come from, for reports
    accepted : path or iterable, optional
        Accepted findings, for ``no_findings``, and secrets, for ``no_secret_saved``. The report
        names the findings that matched nothing.
    strict : bool
        Raise InvalidInput for an argument that cannot be read. By default the check is unknown, and
        the others run.
    """
    known = read_accepted(accepted)
    runner = _Runner(gt, known, strict)
    try:
        results = tuple(runner.run(spec) for spec in specs)
        return Report(results, source, _unused(known, results))
    finally:
        runner.close()


def run_file(gt: ConnectionLike | Callable[[], Connection], path: str | Path) -> Report:
    """Run the checks of a file; see :func:`load_check_file`."""
    file = load_check_file(path)
    return run_specs(gt, file.specs, source=str(path), accepted=file.accepted)


def _unused(accepted: Acceptances, results: Iterable[CheckResult]) -> Acceptances:
    """Return the entries that matched no finding; none where a check did not see everything, and no
    secret.

    A secret may be in a notebook that was not searched: pre-commit passes the changed ones.
    """
    looks = [result.details for result in results if result.name == "no_findings"]
    if not looks or not all(details.get("complete") for details in looks):
        return ()
    pairs = [(str(code), str(subject)) for details in looks for code, subject in details["seen"]]
    findings = (each for each in accepted if each.finding != SAVED_SECRET)
    return tuple(each for each in findings if not any(each.covers(*pair) for pair in pairs))


class _Runner:
    def __init__(
        self,
        gt: ConnectionLike | Callable[[], Connection],
        accepted: Acceptances,
        strict: bool,
    ) -> None:
        self._connect = gt
        self._strict = strict
        self._accepted = accepted
        self._gt: Connection | None = None
        self._hits: dict[tuple[Any, ...], Hits] = {}

    @property
    def gt(self) -> Connection:
        """The connection, made when it is first needed."""
        if self._gt is None:
            self._gt = self._connect() if callable(self._connect) else connection_of(self._connect)
        return self._gt

    def close(self) -> None:
        """Delete the temporary files of the logs."""
        for hits in self._hits.values():
            hits.close()

    def run(self, spec: Spec) -> CheckResult:
        """Run one check; an error that is not the check's own outcome leaves it undecided."""
        try:
            return self._look(spec)
        except GtSecureError as error:
            if self._strict and isinstance(error, InvalidInput) and "path" not in spec.arguments:
                raise
            result = of_error(
                spec.check, _subject(spec), error, False if isinstance(error, NotFound) else None
            )
            return recorded(result)

    def _look(self, spec: Spec) -> CheckResult:
        check, members = CHECKS[spec.check], RULES[spec.check].members
        arguments = {
            name: value
            for name, value in spec.arguments.items()
            if name not in ("logs", "since", "until")
        }
        if "restriction" in arguments:
            arguments["restriction"] = _restriction(spec)
        for name in ("path", "approved"):
            if name in arguments:
                arguments[name] = spec.base / arguments[name]
        if spec.check in ("no_findings", "no_secret_saved"):
            arguments["accepted"] = self._accepted
        if "logs" in members:
            return check.look(self._chosen(spec, arguments), **arguments)
        return check.look(**arguments) if "path" in arguments else check.look(self.gt, **arguments)

    def _chosen(self, spec: Spec, arguments: Json) -> Hits:
        """Read the log of a check, and leave its function the arguments that it has."""
        bucket, prefix = arguments.pop("bucket", None), arguments.pop("prefix", None)
        if "restriction" in arguments:
            bucket = arguments["restriction"].bucket
        hits = self._read(spec, bucket)
        chosen = hits.filter(key_prefix=prefix) if prefix else hits
        chosen.subject = str(bucket or ", ".join(_texts(spec.arguments.get("logs", []))))
        for name in {"kinds", "pools"} & {*arguments}:
            arguments[name] = _texts(arguments[name])
        if spec.check == "no_leaked_urls" and "pools" in arguments:
            arguments["rules"] = LeakRules.make(pools=arguments.pop("pools"))
        if "team" in arguments:
            arguments["team"] = self.gt.workteam(arguments["team"])
            chosen.owners_of = partial(owners_of, self.gt.aws)
        return chosen

    def _read(self, spec: Spec, bucket: str | None) -> Hits:
        """Read a log, or take what was read for another check."""
        files = [
            each if each.startswith("s3://") else str(spec.base / each)
            for each in _texts(spec.arguments.get("logs", []))
        ]
        since, until = spec.arguments.get("since"), spec.arguments.get("until")
        key = (bucket, tuple(files), since, until)
        if key not in self._hits:
            remote = not files or any(each.startswith("s3://") for each in files)
            if remote:
                self._hits[key] = self.gt.hits(bucket, logs=files or None, since=since, until=until)
            else:
                hits = read_hits(files, since=since, until=until)
                self._hits[key] = hits.filter(bucket=bucket) if bucket else hits
        return self._hits[key]


def _restriction(spec: Spec) -> Restriction:
    given = spec.arguments["restriction"]
    return (
        Restriction.from_dict(given)
        if isinstance(given, Mapping)
        else load_restriction(spec.base / given)
    )


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _subject(spec: Spec) -> str:
    given = spec.arguments
    words = [given.get(key) for key in ("team", "bucket", "path", "restriction", "logs")]
    return ", ".join(str(word) for word in words if isinstance(word, str)) or "the restriction"
