"""A small evaluator of Terraform's expressions: what the module of the guard uses, and no more.

Source: Terraform, *HCL native syntax specification* and *Built-in functions*.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:#[^\n]*\s*)*("(?:[^"\\]|\\.)*"|=>|==|&&|>=|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*|\d+|[^\s])'
)


def _cidrhost(text: str, number: int) -> str:
    if "/" not in text:
        raise ValueError(text)
    return str(ipaddress.ip_network(text, strict=False)[number])


def _regex(pattern: str, text: str) -> str:
    if (found := re.search(pattern, text)) is None:
        raise ValueError(text)
    return found[0]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "length": len,
    "replace": lambda text, old, new: text.replace(old, new),
    "startswith": lambda text, start: text.startswith(start),
    "endswith": lambda text, end: text.endswith(end),
    "merge": lambda *maps: {key: each for one in maps for key, each in one.items()},
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True),
    "alltrue": all,
    "cidrhost": _cidrhost,
    "regex": _regex,
}


class Expression:
    """Evaluates one expression where its text is read."""

    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.words = _TOKEN.findall(text)
        self.names = dict(names)
        self.at = 0

    def take(self, *wanted: str) -> str:
        """Return the next word, which must be one of those wanted."""
        word = self.words[self.at]
        assert not wanted or word in wanted, (word, wanted, self.words[self.at - 5 : self.at + 5])
        self.at += 1
        return str(word)

    def next_is(self, word: str) -> bool:
        """Return whether a word is next, and step over it."""
        found = self.at < len(self.words) and self.words[self.at] == word
        self.at += found
        return found

    def value(self) -> Any:
        """Evaluate an expression with its operators."""
        found = self.sum()
        if self.next_is("=="):
            found = found == self.sum()
        elif self.next_is(">"):
            found = found > self.sum()
        elif self.next_is("<"):
            found = found < self.sum()
        while self.next_is("&&"):
            right = self.value()
            found = found and right
        if self.next_is("?"):
            yes = self.value()
            self.take(":")
            no = self.value()
            found = yes if found else no
        return found

    def sum(self) -> Any:
        """Evaluate terms with plus signs between them."""
        found = self.term()
        while self.next_is("+"):
            found += self.term()
        return found

    def term(self) -> Any:
        """Evaluate a value, a name or a call."""
        word = self.take()
        if word == "!":
            return not self.term()
        if word == "(":
            found = self.value()
            self.take(")")
            return found
        if word in ("[", "{"):
            return self.collection(word)
        if word.startswith('"'):
            return self.template(word)
        if word.isdigit():
            return int(word)
        if word == "can":
            return self.can()
        if self.next_is("("):
            given = []
            while not self.next_is(")"):
                given.append(self.value())
                self.next_is(",")
            return FUNCTIONS[word](*given)
        return self.names[word]

    def can(self) -> bool:
        """Evaluate a call that may fail."""
        start, depth = self.at, 0
        while True:
            depth += {"(": 1, ")": -1}.get(self.take(), 0)
            if not depth:
                break
        inside = Expression("", self.names)
        inside.words = self.words[start : self.at]
        try:
            inside.value()
        except (ValueError, IndexError):
            return False
        return True

    def collection(self, word: str) -> Any:
        """Evaluate a list or an object, or a ``for`` expression."""
        end = {"[": "]", "{": "}"}[word]
        if self.next_is("for"):
            return self.loop(end)
        listed, members = [], {}
        while not self.next_is(end):
            if word == "[":
                listed.append(self.value())
            else:
                name = self.take()
                self.take("=")
                members[self.template(name) if name.startswith('"') else name] = self.value()
            self.next_is(",")
        return listed if word == "[" else members

    def loop(self, end: str) -> Any:
        """Evaluate a ``for`` expression: its body once for each item."""
        names = [self.take()]
        while self.next_is(","):
            names.append(self.take())
        self.take("in")
        found = self.value()
        self.take(":")
        body = self.at
        listed, members = [], {}
        items = [*(found.items() if len(names) == 2 else ((each,) for each in found))]
        outer = dict(self.names)
        for item in items or [(None,) * len(names)]:
            self.at, self.names = body, {**outer, **dict(zip(names, item, strict=True))}
            if not items:
                self._skip(end)
                break
            key = self.value()
            each = self.value() if end == "}" and self.take("=>") else key
            if not self.next_is("if") or self.value():
                listed.append(each)
                members |= {key: each} if end == "}" else {}
            self.take(end)
        self.names = outer
        return members if end == "}" else listed

    def _skip(self, end: str) -> None:
        start = {"]": "[", "}": "{"}[end]
        depth = 1
        while depth:
            depth += {start: 1, end: -1}.get(self.take(), 0)

    def template(self, word: str) -> str:
        """Return the text of a string, with the values of its templates."""
        text = json.loads(word)

        def filled(found: re.Match[str]) -> str:
            if found[0] in ("$${", "%%{"):
                return found[0][1:]
            return str(Expression(found[1], self.names).value())

        return re.sub(r"\$\$\{|%%\{|\$\{([^}]*)\}", filled, text)


def block(text: str, head: str) -> str:
    """Return what is between the braces of a block."""
    start = text.index(head + " {") + len(head) + 2
    depth, at = 1, start
    quoted = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]')
    while depth:
        found = quoted.search(text, at)
        assert found is not None, head
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        at = found.end()
    return text[start : at - 1]


def arguments(text: str, names: Mapping[str, Any], scope: str = "") -> dict[str, Any]:
    """Evaluate the arguments of a block in their order: each sees those before."""
    reader = Expression(text, names)
    found: dict[str, Any] = {}
    while reader.at < len(reader.words):
        name = reader.take()
        reader.take("=")
        found[name] = reader.value()
        reader.names |= {f"{scope}{name}": found[name]}
    return found
