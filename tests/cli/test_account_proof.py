"""Exposure and proof with what the account has, in the sandbox."""

from __future__ import annotations

import json

from gt_secure import Restriction, connect
from gt_secure.cli.main import main
from gt_secure.restriction.files import dump_restriction


def test_a_guard_is_proved_after_it_is_applied(sandbox, tmp_path, monkeypatch, capsys):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    gt = connect()
    wanted = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
    assert gt.prove(wanted).proved is False
    assert "203.0.113.0/24" not in gt.who_can_open("gt-images", "scans/").rows[0].opened.cidrs
    plan = gt.plan(wanted)
    gt.apply(plan, confirm=[each.code for each in plan.asks])
    assert gt.prove(wanted).proved is True
    row = gt.who_can_open("gt-images", "scans/").rows[0]
    assert row.opened.cidrs == ("203.0.113.0/24",)
    path = dump_restriction(wanted, tmp_path / "restriction.json")
    assert main(["prove", "-f", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["proved"] is True
    capsys.readouterr()
    assert main(["prove", "s3://gt-images", "--allow", "203.0.113.0/24", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["proved"] is True
    assert main(["prove"]) == 64
    assert main(["prove", "-f", str(path), "--account", "111122223333"]) == 64, (
        "nothing reads the account"
    )
