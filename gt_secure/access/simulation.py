"""Lock-out simulation: for sample sources, what they get now and what they would get, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..account.snapshot import State
from ..network import IPAddress, IPNetwork, Source, contains, parse_address, scope
from ..policies.session_policy import BACK_END_ACTIONS, back_end_endpoint
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from .locks import READ_BY, EffectiveLocks, Outcome, example_key
from .log_sources import labelers

Scene: TypeAlias = Literal[
    "worker", "forwarded", "presigned", "S3 console", "Object Lambda", "Ground Truth", "log delivery", "caller"
]

LOGGED = "seen in the access log"
MAX_NETWORKS = 25
"""Number of ranges sampled; the others get what these get, since all of them are in the same two lists."""

_ELSEWHERE = Source(parse_address("198.51.100.9"))
_ANYBODY = Source(parse_address("203.0.113.7"))


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """One sample: where it comes from, why it was chosen, what it does, and what it gets now and after.

    Attributes
    ----------
    scene : str
        ``worker``: opens the portal and an image there; ``forwarded``: opens a URL made for a worker elsewhere;
        ``presigned``: opens a plain presigned URL of the bucket; ``S3 console`` and ``Object Lambda``: fetch by
        presigned URLs of their own; ``Ground Truth``: the back end; ``log delivery``;
        ``caller``: reads or writes the bucket policy.
    """

    source: str
    why: str
    scene: Scene
    now: Outcome
    after: Outcome

    @property
    def is_sample(self) -> bool:
        """True if the source stands for others, and no log or service names it."""
        return self.scene in ("worker", "forwarded", "presigned") and self.why != LOGGED

    @property
    def changes(self) -> bool:
        """Return whether the answer changes."""
        return self.now.decision != self.after.decision

    @property
    def shut_out(self) -> bool:
        """Return whether something that may work now would surely be refused."""
        return self.now.decision != "refused" and self.after.decision == "refused"

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-able data."""
        return {
            "source": self.source,
            "why": self.why,
            "scene": self.scene,
            "now": self.now.to_dict(),
            "after": self.after.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """Return whether one expectation holds for one source after the changes."""

    kind: str
    source: str
    of: str
    prefix: str
    observed: str
    holds: bool
    lock: str
    reason: str = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data."""
        return {
            "kind": self.kind,
            "source": self.source,
            "of": self.of,
            "prefix": self.prefix,
            "observed": self.observed,
            "holds": self.holds,
            "lock": self.lock,
            "reason": self.reason,
        }


def simulate(
    wish: Restriction, state: State, planned: Mapping[str, Any], hits: object = None
) -> tuple[tuple[SimulatedRequest, ...], list[Notice]]:
    """Return the rows of the simulation, and the notices that stop a plan."""
    now = EffectiveLocks.of(state)
    after = now.after(planned)
    rows = [
        *_people(wish, now, after),
        *_labelers(wish, now, after, hits),
        *(_services(wish, state, now, after) if state.bucket is not None else ()),
    ]
    return tuple(rows), _stops(rows, now.facts.missing)


def _people(wish: Restriction, now: EffectiveLocks, after: EffectiveLocks) -> Iterator[SimulatedRequest]:
    team = now.has_portal
    for source, why, inside in _samples(wish):
        scenes: tuple[Scene, ...] = ("presigned",)
        if team:
            scenes = ("worker",) if inside and not source.is_endpoint else ("worker", "forwarded")
        for scene in scenes:
            yield SimulatedRequest(
                str(source), why, scene, _play(now, scene, source, wish), _play(after, scene, source, wish)
            )


def _play(locks: EffectiveLocks, scene: Scene, source: Source, wish: Restriction) -> Outcome:
    scenes = {"worker": locks.worker, "forwarded": locks.forwarded, "presigned": locks.presigned}
    return scenes[scene](source, example_key(wish.prefix))


def _samples(wish: Restriction) -> Iterator[tuple[Source, str, bool]]:
    for network in wish.addresses[:MAX_NETWORKS]:
        first, last = network.network_address, network.broadcast_address
        yield Source(first), f"first address of {network}" if first != last else "listed address", True
        if first != last:
            yield Source(last), f"last address of {network}", True
    seen: set[IPAddress] = set()
    for network in wish.addresses[:MAX_NETWORKS]:
        for neighbour in _neighbours(network):
            if neighbour not in seen and not contains(wish.addresses, neighbour) and scope(neighbour) == "public":
                seen.add(neighbour)
                yield Source(neighbour), f"just outside {network}", False
    for endpoint in wish.endpoints:
        yield Source(None, endpoint), "listed VPC endpoint", True
    if not wish.addresses and _ANYBODY.address is not None:
        yield _ANYBODY, "a worker at an address of their own", True
    if _ELSEWHERE.address is not None and not contains(wish.addresses, _ELSEWHERE.address):
        yield _ELSEWHERE, "somewhere else", False


def _neighbours(network: IPNetwork) -> Iterator[IPAddress]:
    for start, step in ((network.network_address, -1), (network.broadcast_address, 1)):
        try:
            yield start + step
        except ValueError:  # the first or last address there is
            continue


def _labelers(
    wish: Restriction, now: EffectiveLocks, after: EffectiveLocks, hits: object
) -> Iterator[SimulatedRequest]:
    scene: Scene = "worker" if now.has_portal else "presigned"
    for source in labelers(hits, wish.bucket, wish.prefix):
        yield SimulatedRequest(
            str(source),
            LOGGED,
            scene,
            _play(now, scene, source, wish),
            _play(after, scene, source, wish),
        )


def _presigners(wish: Restriction, now: EffectiveLocks, after: EffectiveLocks) -> Iterator[SimulatedRequest]:
    """Yield what AWS itself fetches by presigned URLs, from an address outside the list."""
    outside = next((each for each in (_ELSEWHERE, _ANYBODY) if not _is_listed(wish, each)), _ELSEWHERE)
    place = "from an address of the list" if _is_listed(wish, outside) else "from outside the list"
    services: tuple[tuple[Scene, str, str], ...] = (
        ("S3 console", "S3 console", f"downloads by a presigned URL, {place}"),
        ("Object Lambda", "S3 Object Lambda", f"its function fetches by a presigned URL, {place}"),
    )
    key = example_key(wish.prefix)
    for scene, name, why in services:
        yield SimulatedRequest(name, why, scene, now.presigned(outside, key), after.presigned(outside, key))


def _is_listed(wish: Restriction, source: Source) -> bool:
    return source.address is not None and contains(wish.addresses, source.address)


def _services(
    wish: Restriction, state: State, now: EffectiveLocks, after: EffectiveLocks
) -> Iterator[SimulatedRequest]:
    yield from _presigners(wish, now, after)
    endpoint = back_end_endpoint(state.region)
    for action in BACK_END_ACTIONS:
        yield SimulatedRequest(
            f"Ground Truth in {state.region}",
            f"{action}, signed in the header, through {endpoint}",
            "Ground Truth",
            now.ground_truth(endpoint, example_key(wish.prefix), action),
            after.ground_truth(endpoint, example_key(wish.prefix), action),
        )
    delivery = now.log_delivery(example_key(wish.prefix))
    if delivery.decision != "refused":  # most buckets take no logs
        row = after.log_delivery(example_key(wish.prefix))
        yield SimulatedRequest(
            "logging.s3.amazonaws.com", "delivers access logs into the bucket", "log delivery", delivery, row
        )
    for action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"):
        yield SimulatedRequest(
            state.caller_arn,
            f"{action}, to undo",
            "caller",
            now.caller(state.caller_arn, action),
            after.caller(state.caller_arn, action),
        )


def unknown_keys(rows: Iterable[SimulatedRequest]) -> tuple[str, ...]:
    """Return the condition keys on which answers depend; a policy that could not be read is reported as such."""
    named = {key for row in rows for key in (*row.after.depends_on, *row.now.depends_on)}
    return tuple(sorted(named - set(READ_BY.values())))


def _doubts(rows: list[SimulatedRequest], missing: Sequence[str]) -> Iterator[Notice]:
    """Yield what shows that the prediction is wrong, or may be."""
    wrong = [row.source for row in rows if row.why == LOGGED and row.now.decision == "refused"]
    if wrong:
        yield Notice(
            "prediction-contradicts-log",
            "blocker",
            f"The access log shows opened requests from {', '.join(wrong[:10])}, which the policies seem to refuse.",
            "The prediction is wrong, or the policies have changed since: compare the log with the locks first.",
            "addresses",
        )
    keys = unknown_keys(rows)
    if keys:
        yield Notice(
            "depends-on-facts",
            "warning",
            f"Some answers are unknown: they depend on {', '.join(keys)}, which cannot be read here.{_lacks(missing)}",
            "Add the values as facts of the restriction, or with --context KEY=VALUE.",
            "guard",
        )


def _lacks(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    return f" Missing permission{'s' if len(missing) > 1 else ''}: {', '.join(missing)}."


def _stops(rows: Iterable[SimulatedRequest], missing: Sequence[str]) -> list[Notice]:
    rows = list(rows)
    shut = [row for row in rows if row.shut_out]
    found: list[Notice] = []
    logged = [row.source for row in shut if row.why == LOGGED]
    if logged:
        named = ", ".join(logged[:10]) + (f" and {len(logged) - 10} more" if len(logged) > 10 else "")
        found.append(
            Notice(
                "refuses-labeler",
                "blocker",
                f"The access log shows workers at {named}, and they would be refused.",
                "Add their addresses, or confirm that they will be refused.",
                "addresses",
            )
        )
    found += _doubts(rows, missing)
    if any(row.scene == "Ground Truth" for row in shut):
        found.append(
            Notice(
                "refuses-ground-truth",
                "blocker",
                "Ground Truth itself could no longer read or write the bucket, and labeling jobs would fail.",
                "Look at the row of Ground Truth in the simulation.",
                "guard",
            )
        )
    if any(row.scene == "log delivery" for row in shut):
        found.append(
            Notice("refuses-log-delivery", "blocker", "Access logs could no longer be delivered.", "", "guard")
        )
    if any(row.scene == "caller" for row in shut):
        found.append(
            Notice(
                "loses-undo",
                "blocker",
                "You would lose the right to change the bucket policy, and with it the right to undo.",
                "Only the root user of the account could then delete the policy.",
                "guard",
            )
        )
    return found


def check(wish: Restriction, state: State, planned: Mapping[str, Any]) -> tuple[ExpectationResult, ...]:
    """Check every expectation against the locks as the changes would leave them."""
    after = EffectiveLocks.of(state).after(planned)
    found: list[ExpectationResult] = []
    for one in wish.expectations:
        of = one.of or ("team" if wish.team is not None else "bucket")
        prefix = wish.prefix if one.prefix is None else one.prefix
        for source in one.sources:
            outcome = _expected(after, source, prefix, of, one.kind)
            found.append(
                ExpectationResult(
                    one.kind,
                    str(source),
                    of,
                    prefix,
                    outcome.decision,
                    outcome.decision == one.kind,
                    outcome.lock,
                    outcome.reason,
                )
            )
    return tuple(found)


def _expected(locks: EffectiveLocks, source: Source, prefix: str, of: str, kind: str) -> Outcome:
    """A source is refused only if neither a worker there nor the receiver of a forwarded URL is opened."""
    key = example_key(prefix)
    if of == "bucket":
        return locks.presigned(source, key)
    worker = locks.worker(source, key)
    if kind == "allowed" or worker.decision != "refused":
        return worker
    return locks.forwarded(source, key)
