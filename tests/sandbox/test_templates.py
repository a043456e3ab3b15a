"""Worker task templates: Liquid, the URLs that grant_read_access signs, tasks of several objects,
RenderUiTemplate.
"""

from __future__ import annotations

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings, strategies as st

from gt_secure.base import task_liquid
from gt_secure.sandbox.sagemaker import templates
from support.box import BUCKET, OPEN_TEAM, job_request

from .conftest import ELSEWHERE, OFFICE, ROLE, Box

JSON = {"Accept": "application/json"}
PAGES, SCAN, CHART = "reports/0001.pdf", "scans/0001.png", "scans/0002.png"
TASK = {
    "source-ref": f"s3://{BUCKET}/{SCAN}",
    "more": [f"s3://{BUCKET}/{CHART}", f"s3://{BUCKET}/{PAGES}"],
}
LOOP = (
    '<img src="{{ task.input.taskObject | grant_read_access }}">{% for each in task.input.more %}'
    '<a href="{{ each | grant_read_access }}">{{ forloop.index }}</a>{% endfor %}'
)
MANY_URLS = "{% for i in (1..2000) %}{{ i | prepend: 's3://b/' | grant_read_access }}{% endfor %}"


@pytest.fixture(scope="module")
def sm(box: Box) -> Any:
    return box.client("sagemaker")


def put_template(
    box: Box, text: str, team: str = OPEN_TEAM, *, name: str = "own", task: Any = TASK
) -> None:
    """Start a job with one task and this template, instead of the former one."""
    s3, sm = box.client("s3"), box.client("sagemaker")
    s3.put_object(Bucket=BUCKET, Key=f"templates/{name}", Body=text.encode())
    s3.put_object(Bucket=BUCKET, Key=f"manifests/{name}", Body=json.dumps(task).encode())
    s3.put_object(Bucket=BUCKET, Key=PAGES, Body=b"%PDF-1.7")
    if name not in [
        each["LabelingJobName"] for each in sm.list_labeling_jobs()["LabelingJobSummaryList"]
    ]:
        request = job_request(name, team)
        request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"] = (
            f"s3://{BUCKET}/manifests/{name}"
        )
        request["HumanTaskConfig"]["UiConfig"]["UiTemplateS3Uri"] = (
            f"s3://{BUCKET}/templates/{name}"
        )
        sm.create_labeling_job(**request)


def task_of(box: Box, team: str = "open-team", key: str = SCAN, source: str = OFFICE) -> Any:
    return box.fetch(f"/_gt_secure/portal/tasks/{team}?key={key}", source, headers=JSON)


def render(sm: Any, content: str, task: Any) -> Any:
    return sm.render_ui_template(
        UiTemplate={"Content": content}, Task={"Input": json.dumps(task)}, RoleArn=ROLE
    )


def test_a_team_without_a_job_has_no_task(box: Box) -> None:
    answer = task_of(box, "vpc-team")
    assert (answer.status, answer.json()["error"]) == (404, "NoTask")
    assert box.fetch("/_gt_secure/portal", headers=JSON).json()["tasks"]["vpc-team"] == []
    assert "vpc-team: no task" in box.fetch("/_gt_secure/portal").text
    assert task_of(box, "radiology-team").status == 200


def test_each_object_of_a_task_has_its_own_url_and_its_own_kind_of_figure(box: Box) -> None:
    put_template(box, LOOP)
    task = task_of(box, key=PAGES).json()
    assert task["object"] == f"s3://{BUCKET}/{PAGES}"
    assert [*task["urls"]] == [f"s3://{BUCKET}/{key}" for key in (SCAN, CHART, PAGES)]
    assert [box.fetch(url, ELSEWHERE).status for url in task["urls"].values()] == [200, 200, 200]
    assert html.unescape(task["page"]).count("X-Amz-Signature=") == 3
    page = box.fetch(f"/_gt_secure/portal/tasks/open-team?key={SCAN}").text
    assert (page.count("<img "), page.count('type="application/pdf"')) == (2, 1)
    for where in re.findall('data="([^"]+)"', page):
        assert box.fetch(html.unescape(where)).body.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('<img src="{{ task.input.taskObject }}">', f"s3://{BUCKET}/{SCAN}"),
        (
            (
                "{% comment %}{{ task.input.taskObject | grant_read_access }}{% endcomment"
                " %}<p>none</p>"
            ),
            "<p>none</p>",
        ),
        (
            f'<img src="https://{BUCKET}.s3.us-east-1.amazonaws.com/{SCAN}">',
            f"https://{BUCKET}.s3.us-east-1",
        ),
        ("{% if false %}{{ task.input.taskObject | grant_read_access }}{% endif %}", ""),
    ],
)
def test_without_the_filter_the_page_holds_what_the_template_says(
    box: Box, text: str, holds: str
) -> None:
    put_template(box, text)
    task = task_of(box).json()
    assert task["urls"] == {}
    assert holds in task["page"]
    assert "X-Amz-Signature" not in json.dumps(task)
    assert "signed no URL" in box.fetch(f"/_gt_secure/portal/tasks/open-team?key={SCAN}").text


def test_only_what_passes_the_filter_is_signed(box: Box) -> None:
    put_template(
        box,
        '<img src="{{ task.input.taskObject | grant_read_access }}"><img src="{{ task.input.more[0]'
        ' }}">',
    )
    task = task_of(box).json()
    assert [*task["urls"]] == [f"s3://{BUCKET}/{SCAN}"]
    assert f's3://{BUCKET}/{CHART}"' in task["page"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% if %}", "missing expression"),
        ("{{ 'x' | grant_read_access }}", "needs an s3:// URI"),
        (MANY_URLS, "The template was not rendered: it asks for more than 1,000 URLs."),
    ],
)
def test_a_template_that_cannot_be_rendered_shows_no_task(box: Box, text: str, reason: str) -> None:
    put_template(box, text)
    answer = task_of(box)
    assert (answer.status, answer.json()["error"]) == (500, "TemplateError")
    assert reason in answer.json()["message"]
    assert html.escape(reason) in box.fetch(f"/_gt_secure/portal/tasks/open-team?key={SCAN}").text


def test_render_ui_template_signs_a_url_that_works(box: Box, sm: Any) -> None:
    answer = render(
        sm, "{{ task.input.src | grant_read_access }}", {"src": f"s3://{BUCKET}/scans/0003.png"}
    )
    assert answer["Errors"] == []
    url = html.unescape(answer["RenderedContent"])
    assert url.startswith(f"{box.url}/gt-images/scans/0003.png?X-Amz-Algorithm=")
    assert box.fetch(url, ELSEWHERE).status == 200, "it carries no constraint of a workteam"


@pytest.mark.parametrize(
    ("content", "task", "code"),
    [
        ("{{ task.input.src | grant_read_access }}", {}, "InvalidS3Uri"),
        ("{{ task.input.src | grant_read_access }}", {"src": "https://x/y"}, "InvalidS3Uri"),
        ("{{ task.input.src | explode }}", {"src": "x"}, "UnknownFilter"),
        ("{% explode %}", {}, "UnsupportedTag"),
        ("{% include 'other' %}", {}, "TemplateError"),
        ("{% if task.input.x %}", {"x": 1}, "TemplateSyntaxError"),
        ("{{ task.input.x", {"x": 1}, "TemplateSyntaxError"),
        ("{% for x in (1..1000000) %}x{% endfor %}", {}, "TemplateError"),
        ("{% assign x = (1..999999999) | reverse %}", {}, "TemplateError"),
        ("{{ '9e999' | ceil }}", {}, "TemplateError"),
        (MANY_URLS, {}, "TemplateTooCostly"),
    ],
)
def test_template_errors_come_back_with_200(sm: Any, content: str, task: Any, code: str) -> None:
    answer = render(sm, content, task)
    assert answer["RenderedContent"] == ""
    assert code in {error["Code"] for error in answer["Errors"]}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{% for x in task.input.l %}{{ forloop.index }}{{ x }} {% endfor %}", "1x 2y&lt; "),
        ("{% if task.input.none %}a{% elsif task.input.n == 0 %}b{% else %}c{% endif %}", "b"),
        ("{% assign a = task.input.l | first %}{{ a | upcase }}", "X"),
        ("{% capture c %}<b>{{ task.input.n }}</b>{% endcapture %}{{ c }}", "<b>0</b>"),
        ("{% unless task.input.none %}u{% endunless %}{% comment %}x{% endcomment %}", "u"),
        (
            "{% case task.input.n %}{% when 0 %}zero{% endcase %}{% raw %}{{ x }}{% endraw %}",
            "zero{{ x }}",
        ),
        ("{{ task.input.h | skip_autoescape }} {{ task.input.h }}", "<i> &lt;i&gt;"),
        ("{{ task.input.l[1] | escape }}", "y&lt;"),
        ("{{ task.input.none | default: 'x' }}", "x"),
        ("{%- if true -%} a {%- endif -%}", "a"),
        ("{{ task.input.l | to_json }}", "[&#34;x&#34;, &#34;y&lt;&#34;]"),
        ("<{{ task.input.none }}{{ task.input.none.x | upcase }}>", "<>"),
        ("{% for x in task.input.none %}x{% endfor %}{{ task.input.none | to_json }}", "null"),
        ("{{ task.input.l | to_json | escape }}", "[&#34;x&#34;, &#34;y&lt;&#34;]"),
    ],
)
def test_templates_are_liquid(content: str, text: str) -> None:
    assert templates.fill(content, {"l": ["x", "y<"], "n": 0, "h": "<i>"}, {}) == (text, [], [])


OF_PYTHON = re.compile(
    r"[a-z][A-Z]|__|\b(str|int|bool|dict|NoneType|float|Decimal|datetime|argument|object|codec|None)\b"
)
VALUES = {"n": 1, "f": 1.5, "s": "x", "l": [1, "a", None, {"a": 1}], "d": {"a": 1}, "z": None}


def test_no_error_names_a_type_of_python() -> None:
    """A filter fails in its own way on each kind of value and argument."""
    environment = task_liquid.environment(lambda uri: uri)
    starts = [*(f"task.input.{name}" for name in (*VALUES, "absent")), "(1..3)", "empty", "'9e999'"]
    tries = [
        f"{{{{ {start} | {name}{arguments} | to_json }}}}"
        for name in environment.filters
        for start in starts
        for arguments in ("", ": 1", ": 'x'", ": a: 1")
    ]
    tries += ["{% assign 'x' = 1 %}", "{% include 1 %}", "{% if task.input.d < 'a' %}{% endif %}"]
    tries += ["{% for x in task.input.l limit: 'a' %}{% endfor %}", "{{ forloop | to_json }}"]
    messages = set()
    for template in tries:
        try:
            environment.from_string(template).render(task={"input": VALUES})
        except Exception as error:
            messages.add(task_liquid.reason(error))
    assert len(messages) > 5
    assert [each for each in messages if OF_PYTHON.search(each)] == []


@settings(max_examples=20)
@given(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=3))
def test_any_template_renders_or_says_why(template: str, task: dict[str, str]) -> None:
    text, _, errors = templates.fill(template, task, {})
    assert isinstance(text, str)
    assert all(error["Code"] and error["Message"] for error in errors)


@pytest.mark.check
def test_other_requests_are_answered_while_a_costly_template_is_rendered(box: Box, sm: Any) -> None:
    loops = "{% for i in (1..9999) %}" + "{% if true %}{% endif %}" * 20 + "{% endfor %}"
    with ThreadPoolExecutor() as pool:
        costly = pool.submit(render, sm, loops * 200, {})
        for _ in range(20):
            assert sm.list_workteams()["Workteams"]
        assert not costly.done()
        assert costly.result()["Errors"][0]["Code"] == "TemplateTooCostly"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Task": {"Input": "{}"}}, "UiTemplate must be given"),
        ({"Task": {"Input": "[]"}, "UiTemplate": {"Content": "x"}}, "JSON object"),
        ({"Task": {"Input": "no"}, "UiTemplate": {"Content": "x"}}, "JSON document"),
        (
            {"Task": {"Input": "{}"}, "UiTemplate": {"Content": "{{ 's3://gt-images/a' | grant_read_access }}"},
             "RoleArn": ROLE.replace("GroundTruthExecution", "mlflow-server")},
            "sagemaker.amazonaws.com",
        ),
    ],
)  # fmt: skip
def test_requests_that_render_nothing(sm: Any, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        sm.render_ui_template(**{"RoleArn": ROLE} | request_)


def test_to_render_is_a_permission_and_to_pass_the_role_another(box: Box) -> None:
    clerk = box.keys({"Effect": "Allow", "Action": "sagemaker:RenderUiTemplate", "Resource": "*"})
    with pytest.raises(ClientError, match="iam:PassRole"):
        render(box.client("sagemaker", clerk), "x", {})
    nobody = box.keys({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})
    with pytest.raises(ClientError, match="sagemaker:RenderUiTemplate"):
        render(box.client("sagemaker", nobody), "x", {})
