"""Text of the first glance: the words on screen, and the ideas that they name."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Warnings that need a tick are not counted, and so they may never be folded away to save words.
WORDS = """root => {
  const found = [], shown = e => e.checkVisibility({ visibilityProperty: true });
  const no = '.gts-ask, .gts-unseen, .gts-style, style, script, svg, code, .gts-mono, [aria-hidden=true], option';
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const parent = node.parentElement;
    if (node.data.trim() && shown(parent) && !parent.closest(no)) found.push(node.data.trim());
  }
  for (const e of root.querySelectorAll('input, textarea, select')) {
    if (!shown(e) || e.closest('.gts-ask')) continue;
    if (e.matches('select[size]')) continue;  // the names of teams, with the state of each
    if (e.matches('select')) found.push(e.selectedOptions[0]?.text ?? '');
    else if (!e.value) found.push(e.placeholder);
  }
  return found.filter(Boolean);
}"""
"""Collects the visible text of a panel: labels, buttons, hints, placeholders and choices."""

NAMES = frozenset(
    ("open-team", "radiology-team", "vpc-team", "gt-images", "ml-artifacts", "us-east-1", "sandbox")
)

IDEAS: dict[str, str] = {
    "team or bucket": "team|workteam|bucket(?! guard| policy| lock)",
    "allowed addresses": "allowed|addresse?s?",
    "who can open": "open|opens|opened|refuse[ds]?",
    "apply": "apply|applies|changes?",
    "test": "test",
    "requests": "requests?",
    "locks": "url lock|bucket guard|portal lock|locks?|guard",
    "workforce": "workforce|member groups?|portals?",
    "labeling jobs": "labeling jobs?",
    "setting": "sourceip|vpcsourceip|settings?",
    "role": "features?|roles?|permissions?",
    "policy": "policy|policies|statements?",
    "form": "forms?",
    "signature": "header-signed|signed|signature",
    "endpoint": "endpoints?|vpc",
    "prefix": "prefix|prefixes",
    "age": "age limit|age",
    "drift": "drift(?:ed)?",
    "journal": "journal|reason|ticket",
    "undo": "undone|undo",
    "probe": "probes?|kernel",
    "log": "logs?",
}
"""Ideas by the words that name them: those of the glossary,
and what else a panel has shown before the first Apply.
"""

WANTED = ("team or bucket", "allowed addresses", "who can open", "apply", "test", "requests")


def counted(texts: Sequence[str]) -> list[str]:
    """Return the words, without names and addresses."""
    tokens = re.findall(r"[^\s·→|]+", " ".join(texts))
    plain = [token.strip("().,:;?!\"'…×✕✓") for token in tokens]
    return [
        word for word in plain if re.fullmatch(r"[A-Za-z][A-Za-z'’-]*", word) and word not in NAMES
    ]


def nouns(texts: Sequence[str]) -> set[str]:
    """Return the ideas that the words name."""
    text = " ".join(counted(texts)).lower()
    return {idea for idea, words in IDEAS.items() if re.search(rf"\b(?:{words})\b", text)}
