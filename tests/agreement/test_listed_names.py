"""A guard of a folder leaves LIST of the bucket alone: every surface says that names are listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gt_secure import Restriction
from gt_secure.cli.main import main
from support.box import ELSEWHERE, OFFICE
from support.rig import Rig as Box

WORDS = 'A presigned LIST of the bucket lists the names under "scans/" from elsewhere.'
NETWORK = "203.0.113.0/24"


def lists(box: Box, source: str) -> int:
    wanted = {"Bucket": "gt-images", "Prefix": "scans/"}
    url = box.client("s3").generate_presigned_url("list_objects_v2", Params=wanted)
    return box.fetch(url, source).status


def said(text: str) -> str:
    return " ".join(text.split()).replace("&quot;", '"')


def test_every_surface_says_that_names_can_be_listed(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gt = box.gt
    box.use_environment(monkeypatch, GT_SECURE_JOURNAL=str(tmp_path))
    folder = Restriction(bucket="gt-images", prefix="scans/", addresses=[NETWORK])
    plan = gt.plan(folder)
    assert WORDS in said(plan.to_text(full=True))
    assert WORDS in said(plan._repr_html_())
    gt.apply(plan, confirm=[each.code for each in plan.asks])
    assert (lists(box, OFFICE), lists(box, ELSEWHERE)) == (200, 200)
    who = gt.who_can_open("gt-images", "scans/")
    assert WORDS in said(str(who))
    assert WORDS in said(who._repr_html_())
    assert WORDS in who.to_dict()["names"][0]
    assert gt.prove(folder).text.endswith(WORDS)
    assert main(["prove", "s3://gt-images/scans/", "--allow", NETWORK, "--json"]) == 0
    assert WORDS in json.loads(capsys.readouterr().out)["names"][0]
    assert "LIST" not in str(gt.who_can_open("gt-images", "scans/0001.png"))

    whole = gt.plan(Restriction(bucket="gt-images", addresses=[NETWORK]))
    gt.apply(whole, confirm=[each.code for each in whole.asks])
    assert (lists(box, OFFICE), lists(box, ELSEWHERE)) == (200, 403)
    assert "LIST" not in str(gt.who_can_open("gt-images", "scans/"))
    assert gt.prove(folder).names == ()
