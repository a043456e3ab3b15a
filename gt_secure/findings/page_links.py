"""Links to S3 that a worker's page holds without ``grant_read_access``, by rendering the template
of a labeling job.

The input of a task is the line of the manifest, and what AWS's own pre-annotation functions add to
it. Whether these add a field that is not documented is unknown, and so is the input that another
function returns: it is not called.
Filters of Ground Truth: Developer Guide, *Adding automation with Liquid*.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ..base import budget, task_liquid
from ..base.optional import install_command
from ..base.text import Texts, count
from ..engine.access.part import asked_in_vain
from ..presign.inspect import object_place

if TYPE_CHECKING:  # what renders imports little
    from ..account.state import TaskTemplate

_S3_URI = re.compile(r"s3[an]?://([^/\s\"'<>`]+)/([^\s\"'<>`]+)")
_URL = re.compile(r"(?:https?:)?//([^/?#\s\"'<>`]+)(/[^\s\"'<>`]*)")
_S3_HOST = re.compile(r"(?:.*[.-])?s3[.-].*\.?amazonaws\.com(?:\.cn)?")
_JSON_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
_GRANTED = "https://granted.invalid/"
_AFTER_LINK = ".,;:]}"
_FIELD = re.compile(r"task\.input(?:\.|\[['\"])([\w-]+)")
_WEBSITE = re.compile(r"(.+)\.s3-website[.-].*")


class PageLinks(NamedTuple):
    """The links, as ``s3://`` URIs; without one, why it is not certain that there is none,
    and what that depends on.
    """

    links: Texts = ()
    doubt: str = ""
    place: str = ""


def links_of(template: TaskTemplate, text: str, account_id: str) -> PageLinks:
    """Return the links to S3 that the pages of a job hold without the filter."""
    if find_spec("liquid") is None:
        command = install_command("python-liquid")
        return PageLinks(
            (),
            f"python-liquid, which renders templates, is missing. Run: {command}.",
            template.place,
        )
    # a page that shows nothing of its tasks needs neither: nobody asks for them in vain
    with asked_in_vain():
        manifest, labels = template.tasks.if_read, template.labels.if_read
    doubt, place = "", template.input_place or template.place
    lines = manifest.lines if manifest else ()
    parts = template.function.split(":")
    is_of_aws = len(parts) > 6 and parts[4] != account_id and parts[6].startswith("PRE-")
    if template.function and not is_of_aws:
        lines, place = (), template.function
        doubt = f"The function {template.function} makes the input of its tasks, and is not called."
    elif template.tasks.missing is not None:
        doubt = f"The input of its tasks is not known: {template.tasks.missing.text}."
    elif not manifest or not manifest.whole:
        doubt = f"Only {count(len(lines), 'task')} of its manifest can be rendered."
    tasks = [task_liquid.task_input(line, labels or ()) for line in lines]
    shown = {*_FIELD.findall(text)}
    if template.labels.missing is not None and "labels" in shown:
        doubt = doubt or f"The labels of its tasks are not known: {template.labels.missing.text}."
    added = sorted(each for task in tasks for each in shown - task.keys())
    if template.function and added:
        doubt = doubt or f"Whether {template.function} adds {added[0]} to its tasks is not known."
    try:
        result = budget.call(
            links_within, text, [*template.buckets], tasks, doubt, [template.place, place]
        )
    except OSError as error:
        return PageLinks((), f"Its template was not rendered: {error}.", template.place)
    links, doubt, place = result
    return PageLinks(tuple(links), doubt, place)


def links_within(
    text: str, of_job: Collection[str], tasks: Iterable[Any], doubt: str, places: tuple[str, str]
) -> PageLinks:
    """Return the links of a template and its tasks, by evaluating text from outside: to be called
    within a budget.

    Each task is rendered, and once more with other buckets: what else depends on them is a doubt. A
    filter ends in any error, such as that of a number or a text that is too large.
    """
    try:
        parsed = task_liquid.environment(lambda _: _GRANTED).from_string(text)
        plain = "".join(str(node) for node in parsed.nodes if type(node).__name__ == "ContentNode")
        links = dict.fromkeys(_links_in(plain, of_job, text))
        if not links and _all_granted(parsed, of_job):
            return PageLinks()
    except Exception as error:
        return PageLinks(
            (), f"Its template is not known Liquid: {task_liquid.reason(error)}.", places[0]
        )
    for number, task in enumerate(tasks, 1):
        try:
            buckets = {*of_job, *(bucket for bucket, _ in _places(json.dumps(task)))}
            page = str(parsed.render(task={"input": task}))
            unsigned = _links_of_page(page, task, buckets, text)
            links |= dict.fromkeys(unsigned)
            if (
                not unsigned
                and str(parsed.render(task={"input": _with_other_buckets(task, buckets)})) != page
            ):
                doubt = (
                    doubt
                    or f"A bucket of task {number} reaches the page in another form than a link."
                )
        except Exception as error:
            doubt = doubt or f"Task {number} cannot be rendered: {task_liquid.reason(error)}."
    return PageLinks(tuple(links), doubt, places[1])


_STRUCTURE = {
    "IfNode",
    "UnlessNode",
    "CaseNode",
    "ForNode",
    "BlockNode",
    "ConditionalBlockNode",
    "CommentNode",
    "MultiExpressionBlockNode",
    "AssignNode",
}
"""Nodes of Liquid whose own expressions put nothing into the page."""


def _all_granted(parsed: Any, buckets: Collection[str]) -> bool:
    """Return whether whatever a template shows of its input passes the filter,
    and no text of it links to the job.
    """
    from liquid import RenderContext

    context, left = RenderContext(parsed), [*parsed.nodes]
    while left:
        node = left.pop()
        kind = type(node).__name__
        if kind == "OutputNode":
            if str(node.expression).partition("|")[2].strip() != "grant_read_access":
                return False
        elif kind == "ContentNode":
            if [*_links_in(str(node), buckets, str(node))]:
                return False
        elif kind not in _STRUCTURE:
            return False
        left += node.children(context)
    return True


def _places(text: str) -> Iterator[tuple[str, str]]:
    """Yield bucket and key of each link to S3 in a text."""
    for link in _S3_URI.finditer(text):
        yield link[1], _end(link[2])
    for link in _URL.finditer(text):
        host = urlsplit(f"//{link[1]}").netloc.rpartition("@")[2].partition(":")[0].lower()
        if _S3_HOST.fullmatch(host):
            path = unquote(_end(link[2].partition("?")[0]))
            if website := _WEBSITE.fullmatch(host):
                yield website[1], path[1:]
                continue
            place = object_place(host, path)
            yield place.bucket or place.access_point, place.key


def _end(link: str) -> str:
    """Return a link without the punctuation of the text around it,
    such as the bracket that closes ``url(``.
    """
    link = link.rstrip(_AFTER_LINK)
    return link.removesuffix(")") if link.count(")") > link.count("(") else link


def _links_in(page: str, buckets: Collection[str], template: str) -> Iterator[str]:
    """Yield the links of a page to a bucket of the job,
    and those to others that the template does not hold itself.
    """
    for text in _readings(page):
        for bucket, key in _places(text):
            if bucket in buckets or bucket not in template:
                yield f"s3://{bucket}/{key}"


def _readings(page: str) -> Iterable[str]:
    """Return a page as a browser reads its attributes,
    with and without the escapes of URLs and of JSON.
    """
    text = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)), html.unescape(page)).replace(
        "\\/", "/"
    )
    return dict.fromkeys((text, unquote(text)))


def _links_of_page(page: str, task: object, buckets: Collection[str], template: str) -> list[str]:
    """Return the links of a page, each as the input writes it,
    also where its key has a blank or a quotation mark.
    """
    written = {
        each.replace(" ", "+"): each
        for each in task_liquid.strings_in(task)
        if each.startswith("s3://")
    }
    odd = [each for each in written.values() if not _S3_URI.fullmatch(each)]
    whole = [each for each in odd if any(each in text for text in _readings(page))]
    cut = [link[0] for each in whole if (link := _S3_URI.match(each))]
    others = (each for each in _links_in(page, buckets, template) if each not in cut)
    return whole + [written.get(each, each) for each in others]


def _with_other_buckets(value: Any, buckets: Iterable[str]) -> Any:
    """Return an input whose links name other buckets of the same length."""
    text = json.dumps(value)
    for bucket in buckets:
        text = re.sub(rf"(?<=[/@]){re.escape(bucket)}(?=[/.])", "q" * len(bucket), text)
    return json.loads(text)
