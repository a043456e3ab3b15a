"""How the panel looks in every state: kept as pictures,
and checked for what a picture would show as broken.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.box import allowing
from support.rig import Rig
from support.sample import sample

from .conftest import open_step

pytestmark = pytest.mark.browser

LONG = "team-with-a-name-that-is-as-long-as-sagemaker-allows-it-to-be-x"
HOSTILE = "\u202e<img src=x onerror=alert(1)> 日本語 العربية 👩‍🔬 $\\frac{1}{2}$"


STICKS_OUT = """() => {
  const panel = document.querySelector('.gts-panel'), edge = panel.getBoundingClientRect().right + 1;
  const inside = '.gts-scroll, .gts-linked, .gts-style, .gts-summary, option';  // these cut or scroll what is too long
  return [...panel.querySelectorAll('*')]
    .filter(e => !e.closest(inside) && e.getBoundingClientRect().right > edge)
    .map(e => e.tagName + ' ' + e.className).slice(0, 5);
}"""


@pytest.fixture
def many_teams(sandbox: Any) -> Any:
    """25 teams, the most that AWS allows, with the longest name and hostile descriptions."""
    sagemaker = Rig(sandbox).client("sagemaker")
    known = sagemaker.list_workteams()["Workteams"]
    made = []
    for i in range(25 - len(known)):
        name = LONG if i == 0 else f"labelers-{i:02d}"
        sagemaker.create_workteam(
            WorkteamName=name, Description=HOSTILE, MemberDefinitions=known[0]["MemberDefinitions"]
        )
        made.append(name)
    yield made
    for name in made:
        sagemaker.delete_workteam(WorkteamName=name)


@pytest.mark.parametrize("width", [600, 1280, 1600])
def test_loading_then_many_teams(open_notebook: Any, many_teams: Any, width: int) -> None:
    show = "import gt_secure\np = gt_secure.panel(); p"
    notebook = open_notebook(f"states_{width}.ipynb", show, width=width, height=3600)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    notebook.shoot(f"loading-{width}")
    panel = notebook.panel
    team = panel.get_by_label("Workteam", exact=True)
    team.locator("option", has_text=LONG).wait_for(state="attached")
    assert team.locator("option").count() == 26
    team.select_option(label=f"{LONG} · private · URL lock off")
    open_step(panel, "Allow")
    box = panel.get_by_label("Allowed addresses", exact=True)
    wrong = "10.0.0.0/16 0.0.0.0/0 203.0.113.7/24 not-an-address"
    single = " ".join(f"198.51.100.{i}" for i in range(1, 7))
    box.fill(f"203.0.113.0/24 203.0.113.0/25 2001:db8:113::/48 {wrong} 11.0.0.0/8 {single}")
    box.press("Enter")
    panel.get_by_text(re.compile(r"\d invalid")).first.wait_for()
    panel.get_by_text("Not ready: see what to correct").wait_for()
    notebook.shoot(f"many-{width}")
    wide = notebook.page.evaluate(STICKS_OUT)
    assert wide == [], "nothing sticks out of the panel"


def test_the_first_line_tells_what_this_role_can_use(
    open_notebook: Any, sandbox: Any, session_of: Any
) -> None:
    session = session_of(Rig(sandbox).keys(*allowing("sagemaker:List*", "sagemaker:Describe*")))
    show = (
        "import gt_secure\ngt = gt_secure.connect(boto3_session=session,"
        " endpoint_url=os.environ['AWS_ENDPOINT_URL'])\np = gt_secure.panel(gt,"
        " team='radiology-team', bucket='gt-images'); p"
    )
    notebook = open_notebook("role.ipynb", session, show, height=3000)
    notebook.run_all()
    line = notebook.panel.locator(".gts-role")
    line.get_by_text("Your role cannot set and undo the bucket guard").wait_for()
    assert line.locator("table").is_hidden(), "one line; the rest is in the fold"
    notebook.click(line.locator("summary").first)
    line.get_by_text("s3:GetBucketPolicy", exact=False).first.wait_for()
    notebook.shoot("role-limited")
    notebook.click(line.get_by_text("One policy for the whole job"))
    line.get_by_text('"s3:PutBucketPolicy"', exact=False).wait_for()
    assert line.get_by_role("alert").count() == 0
    assert notebook.page.evaluate(STICKS_OUT) == []


WIDTHS = [600, 1600]


@pytest.mark.parametrize("width", sample(WIDTHS, 2))
def test_a_region_without_teams_greets_and_leads_to_a_bucket(
    open_notebook: Any, width: int
) -> None:
    show = "import gt_secure\np = gt_secure.panel(gt_secure.connect(region='eu-west-1')); p"
    notebook = open_notebook(f"empty_{width}.ipynb", show, width=width, height=2400)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_text("This region has no private workteam. You can start without one.").wait_for()
    notebook.shoot(f"empty-{width}")
    assert notebook.page.evaluate(STICKS_OUT) == []
    panel.get_by_role("button", name="My app hands out URLs", exact=True).press("Enter")
    notebook.page.wait_for_function(
        "() => document.activeElement.closest('.gts-panel') !== null"
        " && document.activeElement.labels?.[0]?.textContent === 'Bucket'"
    )
    panel.get_by_text("a bucket, without a workteam").wait_for()


@pytest.mark.parametrize("width", sample(WIDTHS, 2))
def test_somebody_without_any_permission(
    open_notebook: Any, sandbox: Any, session_of: Any, width: int
) -> None:
    key = Rig(sandbox).keys()
    session = session_of(key)
    show = (
        "import gt_secure\ngt = gt_secure.connect(boto3_session=session,"
        " endpoint_url=os.environ['AWS_ENDPOINT_URL'])\np = gt_secure.panel(gt, bucket='gt-images',"
        " addresses=['203.0.113.0/24']); p"
    )
    notebook = open_notebook(f"nobody_{width}.ipynb", session, show, width=width, height=4200)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_role("alert").filter(has_text="s3:GetBucketPolicy").first.wait_for()
    open_step(panel, "Team or bucket")
    panel.get_by_role("alert").filter(has_text="sagemaker:ListWorkteams").wait_for()
    for title in ("Test URL", "Requests"):
        open_step(panel, title)
    panel.get_by_text("The log location cannot be read. Enter it here.").wait_for()
    panel.locator(".gts-role").get_by_text(
        "Your role cannot set and undo the bucket guard"
    ).wait_for()
    notebook.click(panel.locator(".gts-role summary").first)
    notebook.shoot(f"nobody-{width}")
    assert notebook.page.evaluate(STICKS_OUT) == []
    assert "Traceback" not in notebook.page.inner_text("body")


SCRIPTS = (
    "صور/مسح الصدر ١.png",
    "scans/👩‍🔬 日本語 x² ﷽.png",
    "scans/" + "long-" * 60 + "name.png",
)


@pytest.fixture
def keys_of_all_scripts(sandbox: Any) -> Any:
    s3 = Rig(sandbox).client("s3")
    for key in SCRIPTS:
        s3.put_object(Bucket="gt-images", Key=key, Body=b"x")
    yield SCRIPTS
    for key in SCRIPTS:
        s3.delete_object(Bucket="gt-images", Key=key)


@pytest.mark.parametrize("width", sample(WIDTHS, 2))
def test_keys_of_all_scripts(open_notebook: Any, keys_of_all_scripts: Any, width: int) -> None:
    show = (
        "import gt_secure\np = gt_secure.panel(bucket='gt-images', prefix='صور/', "
        "addresses=[f'198.51.100.{i}' for i in range(2, 22, 2)]); p"
    )
    notebook = open_notebook(f"scripts_{width}.ipynb", show, width=width, height=5200)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    panel = notebook.panel
    panel.get_by_text("Every case, now and after").wait_for()
    open_step(panel, "Test URL")
    box = panel.get_by_label("Object", exact=True)
    for number, key in enumerate(keys_of_all_scripts, 1):
        box.fill(key)
        box.press("Enter")
        notebook.click(panel.get_by_role("button", name="Sign test URL"))
        panel.get_by_text("•••••••").first.wait_for()
        notebook.click(panel.get_by_role("button", name="Probe", exact=True))
        panel.get_by_text("Probe results").wait_for()
        if number < len(keys_of_all_scripts):
            notebook.click(panel.get_by_role("button", name="Clear", exact=True))
            panel.get_by_text("No test URL.").wait_for()
    notebook.click(panel.get_by_role("button", name="Requests", exact=True))
    notebook.click(panel.get_by_role("button", name="Plot requests"))
    panel.locator(".gts-plot svg").first.wait_for(state="attached")
    notebook.settle()  # a bar that is drawn again loses the focus
    panel.locator("button.gts-bar[title^='203.0.113.7']").first.press("Enter")
    panel.get_by_text("Today a presigned URL from there").wait_for()
    notebook.shoot(f"scripts-{width}")
    assert notebook.page.evaluate(STICKS_OUT) == []


HELD = """
import threading
from gt_secure.logs import activity, hits as module
go, leaks, share = threading.Event(), module.Hits.leaks, [0.4]
def held(hits, *rules):
    with activity.step(activity.LEAKS):
        with activity.statement(lambda: share[0]):
            go.wait(60)
        return leaks(hits, *rules)
module.Hits.leaks = held
p.hits.opened = True
p.hits.plot_hits()
"""


@pytest.mark.parametrize("width", [600, 1280])
def test_a_long_query_shows_its_progress(open_notebook: Any, width: int) -> None:
    name = f"progress_{width}.ipynb"
    show = "import gt_secure\np = gt_secure.panel(team='radiology-team', bucket='gt-images'); p"
    notebook = open_notebook(
        name, show, HELD, "share[0] = 0.41", "go.set()", width=width, height=3000
    )
    notebook.command("application:toggle-left-area")
    run = "notebook:run-cell-and-select-next"
    notebook.command(run)
    notebook.panel.wait_for()
    notebook.settle()
    notebook.command(run)
    row = notebook.panel.locator(".gts-status-row", has=notebook.page.locator(".gts-busy"))
    row.get_by_text("Looking for leaked URLs, 40% done").wait_for()
    assert row.get_by_role("button", name="Cancel").is_visible()
    said = row.get_by_role("status")
    assert said.text_content().strip() in ("Looking for leaked URLs", ""), (
        "the numbers are not announced"
    )
    said.evaluate("node => { node.dataset.kept = 'yes' }")
    height = row.bounding_box()["height"]
    notebook.shoot(f"progress-{width}")
    assert notebook.page.evaluate(STICKS_OUT) == []
    notebook.command(run)
    row.get_by_text("Looking for leaked URLs, 41% done").wait_for()
    assert said.evaluate("node => node.dataset.kept") == "yes", "a new number announces nothing"
    assert row.bounding_box()["height"] == height
    notebook.command(run)
    row.wait_for(state="detached")
    notebook.panel.get_by_label("Plot", exact=True).last.wait_for()
    assert notebook.problems == []
