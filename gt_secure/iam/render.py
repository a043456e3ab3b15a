"""A verdict as data, text and HTML. Everything that a policy or a request holds may be hostile: it is escaped."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import Protocol

from ..text import printable
from .explanation import LayerExplanation, StatementExplanation
from .request import Request


class Explained(Protocol):
    """A decision with its explanation, such as :class:`~gt_secure.iam.Verdict`."""

    @property
    def request(self) -> Request: ...  # noqa: D102
    @property
    def decision(self) -> str: ...  # noqa: D102
    @property
    def allowed(self) -> bool: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def policy(self) -> str: ...  # noqa: D102
    @property
    def statement(self) -> str: ...  # noqa: D102
    @property
    def depends_on(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def layers(self) -> tuple[LayerExplanation, ...]: ...  # noqa: D102


def verdict_dict(verdict: Explained) -> dict[str, object]:
    """Return JSON-able data; the names are those of the Python attributes."""
    return {
        "decision": verdict.decision,
        "allowed": verdict.allowed,
        "reason": verdict.reason,
        "policy": verdict.policy,
        "statement": verdict.statement,
        "depends_on": list(verdict.depends_on),
        "request": {
            "action": verdict.request.action,
            "resource": verdict.request.resource,
            "principal": verdict.request.principal,
        },
        "layers": [asdict(layer) for layer in verdict.layers],
    }


def verdict_text(verdict: Explained) -> str:
    """Return plain text, one policy a paragraph."""
    lines = [f"{verdict.decision}: {verdict.reason}"]
    for layer in verdict.layers:
        lines.append(f"  {layer.name}: {layer.outcome}")
        for statement in layer.statements:
            lines.append(f"    {statement.label}, {statement.effect}: {_applies(statement)}")
            lines += [f"      {condition}" for condition in statement.conditions]
    return "\n".join(printable(line) for line in lines)


def _applies(statement: StatementExplanation) -> str:
    if statement.decides:
        return "applies and decides"
    if statement.applies:
        return "applies"
    parts = [name for name in ("action", "resource", "principal") if not getattr(statement, name)]
    parts += ["condition"] if not all(each.matched for each in statement.conditions) else []
    return "does not apply: other " + ", ".join(parts)


def verdict_html(verdict: Explained) -> str:
    """Return an HTML fragment of nested lists, with class names and no script or style."""
    body = "".join(_layer_html(layer) for layer in verdict.layers)
    return (
        f'<div class="gts-verdict gts-{escape(verdict.decision)}"><p><strong>{escape(verdict.decision)}</strong> '
        f"{escape(printable(verdict.reason))}</p>" + (f"<ul>{body}</ul>" if body else "") + "</div>"
    )


def _layer_html(layer: LayerExplanation) -> str:
    statements = "".join(_statement_html(statement) for statement in layer.statements)
    inner = f"<ul>{statements}</ul>" if statements else ""
    return f"<li>{escape(layer.name)}: <em>{escape(layer.outcome)}</em>{inner}</li>"


def _statement_html(statement: StatementExplanation) -> str:
    rows = "".join(
        f"<tr><td>{escape(printable(each.operator))}</td><td>{escape(printable(each.key))}</td>"
        f"<td>{escape(printable(', '.join(each.expected)))}</td>"
        f"<td>{'<em>absent</em>' if each.actual is None else escape(printable(', '.join(each.actual)))}</td>"
        f"<td>{'matches' if each.matched else 'does not match'}</td></tr>"
        for each in statement.conditions
    )
    head = "<tr><th>operator</th><th>key</th><th>policy</th><th>request</th><th></th></tr>"
    table = f"<table>{head}{rows}</table>" if rows else ""
    mark = ' class="gts-decides"' if statement.decides else ""
    label = escape(printable(f"{statement.label}, {statement.effect}: {_applies(statement)}"))
    return f"<li{mark}>{label}{table}</li>"
