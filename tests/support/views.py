"""Results of Python as people see them: repr, str, HTML, JSON and the public attributes of each.

Only the public face of the package is used: ``tools/compare_outputs.py`` reads these results from
other versions of it.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import pydoc
import traceback
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import gt_secure

RESULTS = {
    "wish": (
        "Restriction('open-team', addresses=['203.0.113.0/24'], bucket='gt-images',"
        " prefix='scans/', expectations=[expect.allowed('203.0.113.7'),"
        " expect.refused('198.51.100.9')])"
    ),
    "wider": (
        "Restriction('radiology-team', addresses=['203.0.113.0/24', '2001:db8::/32'], "
        "endpoints=['vpce-0a1b2c3d4e5f60718'], bucket='gt-images')"
    ),
    "gt": "connect()",
    "teams": "gt.workteams()",
    "team": "gt.workteam('radiology-team')",
    "no_team": "gt.workteam('nobody')",
    "workforce": "gt.workforce()",
    "jobs": "gt.jobs('radiology-team')",
    "endpoints": "gt.endpoints()",
    "state": "gt.state(team='open-team', bucket='gt-images')",
    "no_bucket": "gt.state(bucket='nothing')",
    "keys": "gt.keys('gt-images', 'scans/', most=3)",
    "plan": "gt.plan(wish)",
    "plan_of_more": "gt.plan(wider, logs='log', reason='TICKET-7')",
    "plan_text": "plan_of_more.to_text(full=True)",
    "plan_page": "plan_of_more.to_html(standalone=True)",
    "plan_cli": "plan_of_more.to_cli()",
    "plan_terraform": "plan_of_more.to_terraform()",
    "revocation": "gt.revoke(before=now - dt.timedelta(hours=1), bucket='gt-images', logs='log')",
    "undo_plan": "gt.plan_undo(list(gt.journal)[-1].id)",
    "history": "gt.history('open-team', 'gt-images')",
    "current": "gt.export('open-team', 'gt-images')",
    "url": "gt.sign('gt-images', 'scans/0001.png', bound_to='203.0.113.7')",
    "origins": "gt.probe_origins()",
    "opened": "gt.probe(url, '203.0.113.7')",
    "refused": "gt.probe(url, '198.51.100.9')",
    "why_opened": "gt.explain(opened, url=url)",
    "why_refused": "gt.explain(refused, url=url)",
    "exposure": "gt.who_can_open('gt-images', 'scans/0001.png', team='open-team')",
    "exposure_of_bucket": "gt.who_can_open('gt-images')",
    "answers": "exposure.at('203.0.113.7')",
    "answers_of_two": "exposure_of_bucket.at(['203.0.113.7', '198.51.100.9'])",
    "signers": "exposure.signers",
    "exposure_picture": "gt.plot(exposure)",
    "proof": "gt.prove(wish)",
    "no_proof": "gt.prove(wider)",
    "findings": "gt.findings(team='radiology-team')",
    "findings_of_bucket": "gt.findings(bucket='gt-images', logs='log', principals=True)",
    "report": "gt.report(buckets='gt-images')",
    "hits": "gt.hits(logs='s3://gt-logs/compared/')",
    "rows": "hits.rows()",
    "predicted": "gt.hits(logs='requests.log', predict=True).count('refused_by')",
    "counts": "hits.count('remote_ip,http_status')",
    "counts_of_all": "gt.count_hits(logs='requests.log', by='hour,network,refused_by')",
    "leaks": "hits.leaks()",
    "leak": "leaks[0]",
    "stop_leak": "gt.revoke(leak)",
    **{
        f"plot_{kind}": f"gt.plot(hits, kind={kind!r})"
        for kind in ("ip", "network", "time", "age", "refused")
    },
    "no_logs": "gt.hits('nothing')",
    "help_on_errors": "pydoc.plain(pydoc.render_doc(errors))",
    "diagnosis": "doctor.examine(gt, team='open-team', bucket='gt-images')",
    "guard_check": "check.guard_is_in_place.look(gt, 'gt-images')",
    "drift_check": "check.nothing_drifted.look(gt, wish)",
    "proof_check": "check.is_proved.look(gt, wider)",
    "allowed": "Restriction(addresses=['203.0.113.0/24'], bucket='gt-images')",
    "foreign_check": "check.no_foreign_hits.look(hits, allowed)",
    "leak_check": "check.no_leaked_urls.look(hits)",
    "consistent_check": "check.urls_are_consistent.look(hits, team=gt.workteam('radiology-team'))",
    "report_of_accounts": (
        "gt.report(role='GtSecureReport', accounts=['111122223333'], regions='us-east-1')"
    ),
    "panel_of_team": (
        "panel(gt, team='open-team', bucket='gt-images', addresses=['203.0.113.0/24'])"
    ),
    "panel_of_bucket": "panel(gt, bucket='ml-artifacts')",
    "inspected": "inspect(open('url.txt').read().strip())",
    "redacted": (
        "redact(open('url.txt').read() + 'AKIAIOSFODNN7EXAMPLE"
        " wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')"
    ),
}
"""Expressions by the name that later ones use. None of them writes to the account."""


def views(now: dt.datetime) -> Iterator[tuple[str, str]]:
    """Yield each expression with all views of its result, or of its error."""
    names = {name: getattr(gt_secure, name) for name in gt_secure.__all__} | {
        "now": now,
        "dt": dt,
        "pydoc": pydoc,
    }
    for name, expression in RESULTS.items():
        try:
            names[name] = eval(expression, names)
        except Exception as error:
            names[name] = error
        yield f"{name} = {expression}", "\n".join(_views_of(names[name]))


def _views_of(value: Any, depth: int = 0) -> Iterator[str]:
    yield f"repr: {value!r}"
    yield f"str: {value}"
    if isinstance(value, Exception):
        yield "".join(traceback.format_exception_only(value))
    for method in ("to_dict", "to_dicts", "to_text", "_repr_html_", "_repr_mimebundle_"):
        if callable(getattr(value, method, None)):
            yield f"{method}: {_lines(getattr(value, method)())}"
    if hasattr(value, "savefig"):
        yield f"SVG: {_picture(value)}"
        return
    if hasattr(value, "comm"):
        yield f"widgets: {_widgets(value)}"
    ours = type(value).__module__.startswith("gt_secure") and not hasattr(value, "comm")
    for name in dir(value) if ours else ():
        attribute = None if name.startswith("_") else _attribute(value, name)
        if attribute is not None and not callable(attribute):
            yield f".{name}: {attribute!r}"
    if (
        depth == 0
        and isinstance(value, Iterable)
        and isinstance(value, Sized)
        and not isinstance(value, str | dict)
    ):
        for number, item in enumerate(value):
            yield from (f"[{number}] {line}" for line in _views_of(item, depth + 1))


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except Exception as error:
        return error


def _lines(value: Any) -> str:
    """Return JSON, and break HTML between its elements, so that a difference is a line."""
    text = value if isinstance(value, str) else json.dumps(value, indent=1, default=repr)
    return text.replace("><", ">\n<")


def _picture(figure: Any) -> str:
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "same"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _widgets(view: Any) -> str:
    """Return the state of a widget and of those in it, which its page shows;
    ids are numbers in their order.
    """
    from ipywidgets.embed import dependency_state

    states = dependency_state([view])
    text = _lines(states)
    for number, model in enumerate(states):
        text = text.replace(model, f"{number}")
    return text
