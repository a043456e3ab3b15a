"""Expectations: sources that must be allowed or refused, stated in the restriction and checked on
every run.

    expectations=[expect.allowed("203.0.113.7", "vpce-0a1b2c3d"), expect.refused("198.51.100.9")]

They are unit tests for access: a plan that violates one is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..aws.buckets import check_prefix
from ..base.errors import InvalidInput
from ..base.network import IPAddress, Source, SourceLike, scope
from ..base.text import JsonLike
from ..engine.access.expectation import Expectation, ExpectedAnswer, Of

_HELP = (
    "Write an address (203.0.113.7), a VPC endpoint (vpce-0a1b2c3d), or both (10.0.3.4 via"
    " vpce-0a1b2c3d)."
)


class expect:
    """Make expectations."""

    @staticmethod
    def allowed(
        *sources: SourceLike | IPAddress, of: Of | None = None, prefix: str | None = None
    ) -> Expectation:
        """These sources must be able to open the objects. ``of`` and ``prefix``:
        see :class:`Expectation`.
        """
        return _make("allowed", sources, of, prefix)

    @staticmethod
    def refused(
        *sources: SourceLike | IPAddress, of: Of | None = None, prefix: str | None = None
    ) -> Expectation:
        """Nobody at these sources may open the objects, not even a worker.
        See :class:`Expectation`.
        """
        return _make("refused", sources, of, prefix)


def expectation_from(data: JsonLike) -> Expectation:
    """Read what :meth:`Expectation.to_dict` wrote; raises :class:`InvalidInput`."""
    if not isinstance(data, Mapping):
        raise _bad(f"An expectation must be a mapping, not {type(data).__name__}.", data)
    kinds = [kind for kind in ("allowed", "refused") if kind in data]
    unknown = sorted(str(key) for key in data if key not in {"allowed", "refused", "of", "prefix"})
    if unknown:
        raise _bad(f"Unknown field '{unknown[0][:40]}' in an expectation.", unknown[0])
    if len(kinds) != 1:
        raise _bad("An expectation needs exactly one of 'allowed' and 'refused'.", dict(data))
    sources = data[kinds[0]]
    words = [sources] if isinstance(sources, str) else sources
    if not isinstance(words, list | tuple):
        raise _bad(
            f"The sources of an expectation must be a list, not {type(sources).__name__}.", sources
        )
    return _make(
        "allowed" if kinds[0] == "allowed" else "refused", words, data.get("of"), data.get("prefix")
    )


def _make(
    kind: ExpectedAnswer, sources: Iterable[object], of: object, prefix: object
) -> Expectation:
    parsed = tuple(dict.fromkeys(_source(source) for source in sources))
    if not parsed:
        raise _bad(f"The expectation '{kind}' names no source.", None)
    if of not in (None, "team", "bucket"):
        raise _bad(
            f"'{str(of)[:40]}' is not a valid scope of an expectation.", of, "Write team or bucket."
        )
    if prefix is not None and not isinstance(prefix, str):
        raise _bad(
            f"The prefix of an expectation must be a string, not {type(prefix).__name__}.", prefix
        )
    return Expectation(kind, parsed, of, None if prefix is None else check_prefix(prefix))


def _source(item: object) -> Source:
    if not isinstance(item, str | Source | IPAddress):
        raise _bad(f"A source must be a string, not {type(item).__name__}.", item)
    try:
        source = Source.parse(item if isinstance(item, Source) else str(item))
    except InvalidInput as error:
        raise _bad(error.message, item) from error
    if source.address is not None:
        kind = scope(source.address)
        if kind not in {"public", "private"}:
            raise _bad(f"'{source}' is a {kind} address, which AWS never sees as a source.", item)
        if kind == "private" and not source.is_endpoint:
            raise _bad(
                f"'{source}' is private: S3 sees it only through a VPC endpoint.",
                item,
                f"Write '{source} via vpce-…'.",
            )
    return source


def _bad(message: str, value: object, fix: str = _HELP) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="expectations", value=value)


def check_expectations(items: object) -> tuple[Expectation, ...]:
    """Check a list of expectations: their type, and that no two contradict each other."""
    if isinstance(items, Expectation):
        items = (items,)
    if not isinstance(items, Iterable) or isinstance(items, str | bytes | Mapping):
        raise _bad(f"Expectations must be a list, not {type(items).__name__}.", items)
    found = []
    said: dict[tuple[str, Of | None, str | None], ExpectedAnswer] = {}
    for item in items:
        one = expectation_from(item) if isinstance(item, Mapping) else item
        if not isinstance(one, Expectation):
            raise _bad(
                f"'{str(one)[:40]}' is not an expectation.",
                one,
                "Write expect.allowed(...) or expect.refused(...).",
            )
        for source in one.sources:
            key = (str(source), one.of, one.prefix)
            if said.setdefault(key, one.kind) != one.kind:
                raise _bad(
                    f"'{source}' is expected to be both allowed and refused.",
                    source,
                    "Remove one of the two.",
                )
        found.append(one)
    return tuple(found)
