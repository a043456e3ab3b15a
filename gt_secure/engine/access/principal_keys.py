"""Keys under a prefix that the policies of one principal tell apart,
and its answer for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ...base.groups import grouped
from ..iam.documents import Pattern, Statement
from ..iam.request_space import spend
from ..iam.variables import (
    Keys,
    Template,
    TemplatePart,
    Variable,
    Wild,
    fill,
    is_fixed,
    split_wildcards,
    variable_keys,
)
from .exposure import Exposure, first_kinds, statements_of, together
from .identities import Principal
from .key_classes import KeyClasses, Signature
from .key_patterns import KeyPattern, behind, patterns_of, shown_keys
from .principal_policies import Statements, cuts, session_values
from .source_sets import EVERYWHERE, NOWHERE, Row, SourceSet

_TOO_MANY = "the key of the object"
OTHER_KEYS = "perhaps for other keys"
"""The last choice that opens a URL where the keys are too many to tell all of them."""
_OF_SESSIONS = {"aws:userid": "sts:rolesessionname", "aws:sourceidentity": "sts:sourceidentity"}
"""Keys of the session of a role, with the key of the request for it that becomes their value."""
_KeysOf: TypeAlias = Callable[[Principal, Iterable[Statement]], Keys]


class PrincipalKeys:
    """The classes of the keys of an exposure, for each principal: its own statements tell keys
    apart as well.

    Parameters
    ----------
    exposure : Exposure
    statements : Statements
    action : str
    points : mapping
        Statements that requests through an access point meet as well, by the start of the ARNs of
        its objects.
    keys_of : callable
        Returns the condition keys of a principal, of those in statements.
    """

    def __init__(
        self,
        exposure: Exposure,
        statements: Statements,
        action: str,
        points: Mapping[str, Sequence[Statement]],
        keys_of: _KeysOf,
    ) -> None:
        self._exposure, self._statements, self._action = exposure, statements, action
        self._points, self._keys_of = points, keys_of
        self._made: dict[object, KeyClasses] = {}
        self._unions: dict[object, tuple[Row, Mapping[Signature, Row]]] = {}
        self._variants: dict[object, Statement] = {}
        self._start = f"{exposure.locks.arn}/"
        self._starts = [each + exposure.key for each in (self._start, *points)]
        shared = statements_of(exposure.locks)
        every = [
            *shared,
            *(self._of_point(s, start) for start, own in points.items() for s in (*shared, *own)),
        ]
        self._shared = [
            each
            for each in every
            if each.covers_action(action.lower())
            and any(cuts(p.text, self._starts[:1]) for p in each.resources)
        ]

    def row(self, principal: Principal, ask: Callable[[str], Row]) -> Row:
        """Return the answer for all keys: opened from where some key is, with the keys that are."""
        if not self._exposure.is_prefix:
            return ask(self._exposure.key)
        classes = self.of(principal)
        rows: dict[Signature, Row] = {}
        every = classes.arns or self._classes(self._shared, {}).arns
        for signature, arn in every.items():
            if not spend(0):
                break  # the work for this question is done
            rows[signature] = ask(self._key_of(arn))
        if classes.arns and len(rows) == len(classes.arns):
            return self._union(classes, rows)
        some = {self._key_of(every[signature]): row for signature, row in rows.items()}
        others = Row("presigned", NOWHERE, NOWHERE, replace(EVERYWHERE, depends_on=(_TOO_MANY,)))
        found = together("presigned", [*some.values(), others], [*some, "any other"])
        certain = tuple(KeyPattern((key,)) for key, row in some.items() if row.word == "opened")
        when = (*found.opened.when, OTHER_KEYS) if certain else found.opened.when
        # another key may open for longer
        opened = replace(found.opened, keys=certain, when=when, oldest_ms=None)
        return replace(found, opened=opened)

    def of(self, principal: Principal) -> KeyClasses:
        """Return the classes of keys for a principal; without any if they are too many."""
        policies = (*principal.policies, *([principal.boundary] if principal.boundary else []))
        cutting = (
            each
            for policy in policies
            for each in self._statements.cutting(policy, self._action, self._starts)
        )
        own = {id(each): each for each in cutting}.values()
        patterns = frozenset(each.resources for each in own)
        # nothing but the patterns counts where none of them has a variable
        if patterns in self._made:
            return self._made[patterns]
        every = [*self._shared, *own]
        every += [self._of_point(each, start) for start in self._points for each in own]
        keys = self._known(principal, every)
        is_open = self._statements.may_trust(principal, "sts:tagsession")
        settled = {
            key: values
            for key, values in keys.items()
            if not (is_open and key.startswith("aws:principaltag/"))
        }
        every = [self._settled(each, settled) for each in every]
        every += [more for each in every for more in self._of_sessions(each, principal)]
        classes = self._classes(
            every, {key: values for key, values in keys.items() if values and key not in settled}
        )
        if (
            all(is_fixed(pattern.template) for each in every for pattern in each.resources)
            and not keys
        ):
            self._made[patterns] = classes
        return classes

    def _classes(self, every: Sequence[Statement], known: Keys) -> KeyClasses:
        asked = (tuple(map(id, every)), *sorted(known.items()))
        if asked not in self._made:
            exposure = self._exposure
            self._made[asked] = KeyClasses(
                every, exposure.locks.arn, exposure.key, known=lambda: [*exposure.known, known]
            )
        return self._made[asked]

    def _key_of(self, arn: str) -> str:
        return arn[len(self._start) :]

    def _known(self, principal: Principal, every: Sequence[Statement]) -> Keys:
        """Return the values of a principal for the variables of statements."""
        patterns = (pattern for statement in every for pattern in statement.resources)
        variables = {key for pattern in patterns for key in variable_keys(pattern.template)}
        known = self._keys_of(principal, every) if variables else {}
        return {key: values for key, values in known.items() if key in variables}

    def _settled(self, statement: Statement, keys: Keys) -> Statement:
        """Return a statement with the values that a principal has in place of variables."""
        templates = [pattern.template for pattern in statement.resources]
        if not any(variable_keys(each) & keys.keys() for each in templates):
            return statement
        filled = [
            fill(each, keys) if variable_keys(each) <= keys.keys() else each for each in templates
        ]
        return self._variant(
            statement, tuple(filled), [each for each in filled if each is not None]
        )

    def _of_point(self, statement: Statement, start: str) -> Statement:
        """Return a statement about objects of the bucket that covers what it covers
        through an access point.
        """
        rests = (
            rest for pattern in statement.resources for rest in behind(pattern.template, start)
        )
        return self._variant(statement, start, ((self._start, *rest) for rest in rests))

    def _of_sessions(self, statement: Statement, principal: Principal) -> Iterator[Statement]:
        """Yield a statement with what the sessions of a role can have for its variables,
        as its trust policy says.
        """
        for pattern in statement.resources if principal.is_role else ():
            for key in variable_keys(pattern.template):
                asked = _OF_SESSIONS.get(key) or key.replace("aws:principaltag/", "aws:requesttag/")
                start = f"{principal.id}:" if key == "aws:userid" else ""
                for text in (
                    *session_values(principal, self._statements, asked),
                    *(["?*"] if start else []),
                ):
                    filled = _with(pattern.template, key, f"{start}{text}")
                    yield self._variant(statement, filled, [filled])

    def _variant(
        self, statement: Statement, name: object, templates: Iterable[Template]
    ) -> Statement:
        """Return a statement with other patterns: the same one each time."""
        if (id(statement), name) not in self._variants:
            patterns = tuple(Pattern("".join(map(_text, each)), each, None) for each in templates)
            self._variants[id(statement), name] = replace(statement, resources=patterns)
        return self._variants[id(statement), name]

    def _union(self, classes: KeyClasses, rows: Mapping[Signature, Row]) -> Row:
        """Return the row of all classes: the same one for the same rows,
        which many principals share.
        """
        asked = (id(classes), *map(id, rows.values()))
        if asked not in self._unions:
            self._unions[asked] = self._united(classes, rows), rows
        return self._unions[asked][0]

    def _united(self, classes: KeyClasses, rows: Mapping[Signature, Row]) -> Row:
        parts = list(rows.values())
        if all(row == parts[0] for row in parts):
            return parts[0]
        found = together("presigned", parts, [""] * len(parts))
        opened = {each: row.opened for each, row in rows.items() if not row.opened.is_empty}
        unknown = [each for each, row in rows.items() if not row.unknown.is_empty]
        return replace(
            found,
            opened=self._opened(classes, opened, found.opened) if opened else found.opened,
            unknown=replace(found.unknown, keys=self._named(classes, unknown))
            if unknown
            else found.unknown,
        )

    def _named(self, classes: KeyClasses, some: Sequence[Signature]) -> tuple[KeyPattern, ...]:
        return patterns_of(classes, some, self._exposure.key)

    def _opened(
        self, classes: KeyClasses, rows: Mapping[Signature, SourceSet], joined: SourceSet
    ) -> SourceSet:
        """Return the sources for some keys, with what else has to be so for which of them."""
        alike = grouped(
            ((opened.where, opened.when), signature) for signature, opened in rows.items()
        )
        when = next(iter(rows.values())).when
        if len(alike) > 1:
            parts = [
                (shown_keys(self._named(classes, some)), rows[some[0]]) for some in alike.values()
            ]
            # from where a part is opened, if that differs from the whole, and under which choices
            said = (
                (keys, () if part.where == joined.where else (part.from_where,), part.when)
                for keys, part in parts
            )
            when = first_kinds([", ".join((f"for {keys}", *at, *own)) for keys, at, own in said])
        return replace(
            joined,
            when=when,
            keys=self._named(classes, list(rows)),
        )


def _text(part: TemplatePart) -> str:
    return (
        part
        if isinstance(part, str)
        else part.value
        if isinstance(part, Wild)
        else f"${{{part.key}}}"
    )


def _with(template: Template, key: str, text: str) -> Template:
    """Return a pattern with a text, which may have wildcards, for one variable."""
    value = split_wildcards(text)
    parts = (
        value if isinstance(each, Variable) and each.key == key else (each,) for each in template
    )
    return tuple(one for part in parts for one in part)
