"""The data buckets of a region: those that its teams use or a guard of ours protects,
tagged, named, or all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from .. import changes
from ..account.bucket import Bucket, read_part
from ..aws.buckets import buckets_here, check_bucket, read_policy
from ..aws.teams import (
    LabelingJob,
    Review,
    TeamJobs,
    Workteam,
    buckets_of,
    jobs_of_team,
    list_reviews,
)
from ..base.errors import GtSecureError, InvalidInput
from ..base.text import Texts, TextsLike, some
from ..engine.policies.bucket_guard import OWN

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..changes import Journal

T = TypeVar("T")
Passes: TypeAlias = "type[GtSecureError] | tuple[type[GtSecureError], ...]"
"""Errors that end a reading."""
_TAG = "tag:"
_THREADS = 8


@dataclass
class UnreadNotes:
    """A list of what could not be read. ``passes`` are errors that end the reading instead."""

    passes: Passes
    lines: list[str] = field(default_factory=list)

    def attempt(self, subject: str, read: Callable[[], T], otherwise: T) -> T:
        """Return what is read, or note the error and return something else."""
        try:
            return read()
        except GtSecureError as error:
            if isinstance(error, self.passes):
                raise
            self.lines.append(f"{subject}: {error}")
            return otherwise


class BucketChoice(NamedTuple):
    """The buckets to report on: used or guarded ones, or else those with a tag, or named ones,
    or all of the region.
    """

    names: Texts = ()
    tag: tuple[str, str] | None = None
    every: bool = False

    @classmethod
    def parse(cls, choice: TextsLike) -> BucketChoice:
        """Read ``used``, ``all``, ``tag:KEY=VALUE``, or names with commas;
        else raises :class:`InvalidInput`.
        """
        words = choice.split(",") if isinstance(choice, str) else [str(each) for each in choice]
        listed = [word.strip() for word in words if word.strip()]
        if listed in ([], ["used"]):
            return cls()
        if listed == ["all"]:
            return cls(every=True)
        key, equals, value = listed[0].removeprefix(_TAG).partition("=")
        if listed[0].startswith(_TAG) and len(listed) == 1 and key and equals:
            return cls(tag=(key, value))
        if any(word in ("used", "all") or word.startswith(_TAG) for word in listed):
            raise InvalidInput(
                f"'{some([word[:70] for word in listed])}' is no choice of buckets.",
                next_step="Write used, all, or tag:KEY=VALUE, or the names of buckets with commas.",
                field="buckets",
            )
        return cls(tuple(dict.fromkeys(map(check_bucket, listed))))

    @property
    def nothing(self) -> str:
        """The sentence for a place where it has no bucket."""
        if self.every:
            return "the region has no bucket"
        if self.tag is not None:
            return f"no bucket has the tag {'='.join(self.tag)}"
        return (
            f"no bucket is named {' or '.join(self.names)}"
            if self.names
            else "no bucket of a team is known"
        )

    def here(
        self, aws: Aws, journal: Journal, own: Sequence[str] | None, notes: UnreadNotes
    ) -> list[str]:
        """Return those of the region's ``own`` buckets that have the tag or a name; by default the
        guarded ones.

        Where they could not be listed, the names, or the buckets that the journal names as guarded,
        are what is known.
        """
        if self.names:
            return [name for name in self.names if own is None or name in own]
        if self.every:
            return list(own or ())
        if self.tag is None:
            return _guarded(aws, journal, own)
        key, wanted = self.tag

        def tagged(name: str) -> bool:
            def read() -> bool:
                tags = read_part(aws, Bucket(name, aws.region), "tags", raises=GtSecureError)
                return (tags.value or {}).get(key) == wanted

            return notes.attempt(f"tags of {name}", read, False)

        return _chosen(own or (), tagged)


def own_buckets(aws: Aws, notes: UnreadNotes) -> list[str] | None:
    """Return the buckets of the account in the region; None if they could not be listed."""
    return notes.attempt("buckets", lambda: buckets_here(aws), None)


def _guarded(aws: Aws, journal: Journal, own: Sequence[str] | None) -> list[str]:
    """Return those of some buckets that a restriction in the journal names,
    or whose policy has a statement of ours.
    """
    wishes = (wish for _, wish in changes.wishes_of(journal, aws.account_id, aws.region))
    named = {wish.bucket for wish in wishes if wish.guard and wish.bucket}
    if own is None:
        return sorted(named)

    def is_guarded(name: str) -> bool:
        # a bucket whose policy cannot be read is not known to be guarded
        quiet = UnreadNotes(passes=InvalidInput)
        return name in named or quiet.attempt(
            name, lambda: OWN in (read_policy(aws, name, aws.region) or ""), False
        )

    return _chosen(own, is_guarded)


def _chosen(names: Sequence[str], test: Callable[[str], bool]) -> list[str]:
    """Return the names that pass a test, which calls AWS."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gt_secure-buckets") as pool:
        return [name for name, has in zip(names, pool.map(test, names), strict=True) if has]


class TeamBuckets:
    """The buckets of teams: of their labeling jobs and human-review workflows, and of restrictions
    in the journal.

    ``waiting`` has the jobs of each team, by its ARN, that wait for workers.
    """

    def __init__(self, aws: Aws, journal: Journal, passes: Passes) -> None:
        self._aws = aws
        self.waiting: dict[str, tuple[LabelingJob, ...]] = {}
        self._workflows = UnreadNotes(passes)
        self._reviews: list[Review] = self._workflows.attempt(
            "human-review workflows", lambda: list_reviews(aws), []
        )
        self._wishes = [wish for _, wish in changes.wishes_of(journal, aws.account_id, aws.region)]

    def of(self, team: Workteam, notes: UnreadNotes) -> list[str]:
        """Return the buckets that are known, and note what may name more."""
        notes.lines += self._workflows.lines
        known = notes.attempt(
            f"jobs of {team.name}", lambda: jobs_of_team(self._aws, team, past=True), TeamJobs()
        )
        self.waiting[team.arn] = tuple(job for job in known.jobs if job.name in known.waiting)
        if known.left_out:
            notes.lines.append(f"jobs of {team.name}: the {known.left_out:,} oldest were not read")
        for job in known.jobs:
            if job.topic_arn:
                notes.lines.append(
                    f"job {job.name}: its objects come with messages, so their buckets are not"
                    " known"
                )
        uris = {uri for job in known.jobs for uri in (job.input_uri, job.output_uri)}
        uris |= {each.output_uri for each in self._reviews if each.workteam_arn == team.arn}
        named = {
            restriction.bucket
            for restriction in self._wishes
            if restriction.team in (team.name, team.arn) and restriction.bucket
        }
        return sorted(buckets_of(uris) | named)
