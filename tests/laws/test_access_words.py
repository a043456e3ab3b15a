"""No surface says anything good of a bucket that a request from outside opens, and each says it
where none does.

Accounts are drawn: a guard with some prefix, list, action, authentication type and exemption, a
second statement, a public statement, an access point, edits by hand, one to six guards, or no
guard. Requests are sent to a sandbox, which decides with code of its own: presigned GET, PUT,
DELETE, LIST and abort, POST forms and anonymous GET, for an object under the prefix, one beside it
and one at the root. *Outside* are the addresses that no range of the drawn list has, or any where
it has half of IPv4 or of 2000::/3, or more.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Any

import ipywidgets
import pytest
from botocore.exceptions import ClientError

from agreement.test_guard_forms import send_form
from gt_secure import Connection, Restriction, check, expect
from gt_secure.account import BucketAccess, State, access_to, access_under
from gt_secure.base.errors import InvalidInput
from gt_secure.changes.render.html import plan_html
from gt_secure.cli.main import main
from gt_secure.engine.access.exposure import _Question
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.matrix import matrix_of
from gt_secure.engine.access.request_kinds import Kind
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.signer_limit import build_signer_limit
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import BucketChoice
from gt_secure.report.region import read_region
from gt_secure.widgets import Panel, testing
from gt_secure_prowler.plugin import outcomes
from support.box import ACCOUNT, ELSEWHERE
from support.guards import find_guard, merge_guards
from support.rig import Rig

BUCKET, SEED = "gt-images", 20261129
OBJECTS = ("law/part/a.txt", "law/beside/b.txt", "root.txt")
SOURCES = (ELSEWHERE, "8.8.8.8", "77.20.1.9", "192.0.2.77", "10.0.3.4 via vpce-0a1b2c3d4e5f60718")
ON_OBJECTS, ON_ALL = (
    f"arn:aws:s3:::{BUCKET}/*",
    [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
)
OFFICE = "203.0.113.0/24"
NARROW = (
    [OFFICE],
    [OFFICE, "198.51.100.128/25"],
    [OFFICE, "100.64.0.0/24", "9.9.9.9/32"],
    [OFFICE, "2a00::/16"],
)
LISTS = (
    *NARROW, ["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/1"], ["128.0.0.0/1"], ["0.0.0.0/0"],
    ["0.0.0.0/2", "128.0.0.0/2", OFFICE], ["2000::/4", OFFICE],
)  # fmt: skip
PREFIXES = ("", "law/part/", "law/", "nosuch/", "ro", "law/part/a.txt")
ACTIONS: tuple[Any, ...] = ("s3:*",) * 6 + (
    "s3:GetObject", "s3:PutObject", ["s3:GetObject", "s3:PutObject"], ["s3:Get*", "s3:Put*", "s3:List*", "s3:Delete*"],
)  # fmt: skip
TYPES: tuple[Any, ...] = (["REST-QUERY-STRING", "POST"],) * 6 + ("POST", "REST-QUERY-STRING")
EXEMPT: tuple[Any, ...] = (None,) * 7 + (
    ("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/law-exempt"),
    ("StringNotEquals", "aws:username", "law-exempt"),
    ("Bool", "aws:SecureTransport", "true"),
)
PUBLIC: tuple[Any, ...] = (None,) * 12 + (
    {"Resource": ON_OBJECTS}, {"Resource": f"arn:aws:s3:::{BUCKET}/law/beside/*"},
    {"Resource": ON_OBJECTS, "Condition": {"IpAddress": {"aws:SourceIp": OFFICE}}},
    {"Resource": ON_OBJECTS, "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}},
)  # fmt: skip
SECOND: tuple[Any, ...] = (None,) * 5 + (
    {"Action": "s3:*", "Resource": ON_ALL},
    {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/law/beside/*"},
    {"Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/law/*"},
)
KINDS = ("guard",) * 6 + ("edited", "edited", "edited", "none", "other Sid", "other Sid")


@dataclass(frozen=True)
class Drawn:
    """An account: the statements of the bucket policy, the ranges that they list,
    and its access points.
    """

    kind: str
    statements: tuple[dict[str, Any], ...]
    listed: tuple[str, ...] = ()
    delegates: bool = False
    point: bool = False

    @property
    def outside(self) -> list[str]:
        """Sources that no range of the list has; all where it restricts nobody."""
        size = sum(1 << (32 - n.prefixlen) for n in map(ip_network, self.listed) if n.version == 4)
        wide6 = (
            sum(1 << (128 - n.prefixlen) for n in map(ip_network, self.listed) if n.version == 6)
            >= 1 << 124
        )
        everyone = [*SOURCES, "2600:1f14::9", "2000:1::1"]
        if size >= 1 << 31 or wide6:
            return everyone
        return [each for each in everyone if not self._lists(each)]

    def _lists(self, source: str) -> bool:
        return "via" not in source and any(
            ip_address(source) in ip_network(each) for each in self.listed
        )


def draw(seed: int) -> Drawn:
    """Draw an account."""
    dice = random.Random(SEED + seed)
    kind, tight = dice.choice(KINDS), dice.random() < 0.75
    listed, prefix = dice.choice(NARROW if tight else LISTS), "" if tight else dice.choice(PREFIXES)
    statements: list[dict[str, Any]] = []
    guard: dict[str, Any] = json.loads(
        json.dumps(build_guard(BUCKET, prefix=prefix, networks=[OFFICE]))
    )
    condition = guard["Condition"]
    condition["NotIpAddressIfExists"]["aws:SourceIp"] = listed
    if kind == "edited":
        guard["Action"], condition["StringEquals"]["s3:authType"] = (
            dice.choice(ACTIONS),
            dice.choice(TYPES),
        )
        if (exempt := dice.choice(EXEMPT)) is not None:
            condition.setdefault(exempt[0], {})[exempt[1]] = exempt[2]
    if kind == "other Sid":
        guard["Sid"] = "SomebodyWroteThis"
    second, public = dice.choice(SECOND), dice.choice(PUBLIC)
    if kind != "none":
        statements.append(guard)
        if second is not None:
            only = {
                "NotIpAddressIfExists": {"aws:SourceIp": [OFFICE]},
                "StringEquals": {"s3:authType": TYPES[0]},
            }
            statements.append(
                {"Sid": "Second", "Effect": "Deny", "Principal": "*", **second, "Condition": only}
            )
    if public is not None:
        statements.append(
            {
                "Sid": "Public",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                **public,
            }
        )
    delegates = "DataAccessPoint" in json.dumps(public)
    return Drawn(
        kind,
        tuple(statements),
        tuple(listed) if kind != "none" else (),
        delegates,
        dice.random() < 0.2,
    )


def of_guards(lists: Mapping[str, Sequence[str]]) -> Drawn:
    """Return the account whose guards have these prefixes and lists."""
    policy: str | None = None
    for prefix, listed in lists.items():
        policy = merge_guards(policy, build_guard(BUCKET, prefix=prefix, networks=listed), None)
    statements = json.loads(policy or '{"Statement":[]}')["Statement"]
    return Drawn(
        "several", tuple(statements), tuple(dict.fromkeys(chain.from_iterable(lists.values())))
    )


def draw_guards(seed: int) -> Drawn:
    """Draw an account with one to six guards; the whole bucket has one in two of three."""
    dice = random.Random(f"{SEED} guards {seed}")
    inner = dice.sample(PREFIXES[1:], seed % 6)
    prefixes = (
        ["", *inner] if dice.random() < 0.67 or not inner else [*inner, dice.choice(PREFIXES[1:])]
    )
    return of_guards(
        {prefix: dice.choice(NARROW) for prefix in dice.sample(prefixes, len(prefixes))}
    )


_OPENED = (200, 204, 404)
"""Answers to requests that the policies let through; what some of them ask for is not there."""


class Bench:
    """A sandbox with the objects, two signers whose own policies allow everything,
    and requests that they signed.
    """

    def __init__(self, rig: Rig) -> None:
        rig.sandbox.reset()
        self.rig, self.gt = rig, rig.gt
        self.s3 = rig.client("s3")
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        self.signers = [
            rig.client("s3", rig.keys(everything, name=name))
            for name in ("law-signer", "law-exempt")
        ]
        self.urls = [[*self._signed(signer)] for signer in self.signers]
        self.forms = [
            [signer.generate_presigned_post(BUCKET, key, ExpiresIn=3600) for key in OBJECTS]
            for signer in self.signers
        ]
        self.points = rig.gt.aws.client("s3control")
        with suppress(ClientError):
            self.s3.delete_public_access_block(Bucket=BUCKET)
        for key in OBJECTS:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    @staticmethod
    def _signed(signer: Any) -> Iterator[tuple[str, str]]:
        def url(call: str, **more: str) -> str:
            return str(
                signer.generate_presigned_url(
                    call, Params={"Bucket": BUCKET, **more}, ExpiresIn=3600
                )
            )

        for key in OBJECTS:
            yield "GET", url("get_object", Key=key)
            yield "PUT", url("put_object", Key=key)
            yield "DELETE", url("delete_object", Key=f"{key}.gone")
            yield "DELETE", url("abort_multipart_upload", Key=key, UploadId="gone")
        yield "GET", url("list_objects_v2")

    @contextmanager
    def account(self, drawn: Drawn) -> Iterator[None]:
        """Make the account as it was drawn."""
        with ExitStack() as stack:
            if drawn.statements:
                policy = {"Version": "2012-10-17", "Statement": list(drawn.statements)}
                self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
                stack.callback(self.s3.delete_bucket_policy, Bucket=BUCKET)
            if drawn.point:
                named = {"AccountId": ACCOUNT, "Name": "law"}
                self.points.create_access_point(**named, Bucket=BUCKET)
                stack.callback(self.points.delete_access_point, **named)
            yield

    def opens(self, drawn: Drawn, *, unsigned: bool = True) -> str:
        """Return the first request from outside that is opened, or the first signed one;
        empty if none is.
        """
        who = slice(None if "law-exempt" in json.dumps(drawn.statements) else 1)
        urls, forms = (list(chain.from_iterable(each[who])) for each in (self.urls, self.forms))
        for source in drawn.outside:
            for key in OBJECTS if unsigned else ():
                if self.rig.fetch(f"/{BUCKET}/{key}", source).status == 200:
                    return f"anonymous GET of {key} from {source}"
            for method, url in urls:
                body = b"x" if method == "PUT" else None
                if self.rig.fetch(url, source, method, body=body).status in _OPENED:
                    return f"{method} {url.partition('?')[0]} from {source}"
            for form in forms:
                if send_form(self.rig, form, source, b"x").status in _OPENED:
                    return f"form for {form['fields']['key']} from {source}"
        return ""


def command(*words: str) -> str:
    """Return what a command prints."""
    with redirect_stdout(io.StringIO()) as out:
        main(list(words))
    return out.getvalue()


# What surfaces say.

Says = Callable[["Seen"], bool]


@dataclass
class Seen:
    """One account as the surfaces show it, each part read once."""

    gt: Connection
    panel: Panel | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, read: Callable[[], Any]) -> Any:
        if name not in self.kept:
            self.kept[name] = read()
        return self.kept[name]

    @property
    def plan(self) -> Any:
        wish = Restriction(bucket=BUCKET, guard=None, expectations=[expect.refused(ELSEWHERE)])
        return self.once("plan", lambda: self.gt.plan(wish))

    @property
    def findings(self) -> Any:
        return self.once("findings", lambda: self.gt.findings(bucket=BUCKET))

    @property
    def locks(self) -> Any:
        return self.once("locks", lambda: self.gt.who_can_open(BUCKET).locks)

    @property
    def shown(self) -> Panel:
        assert self.panel is not None
        return self.once("panel", self._read_panel)  # type: ignore[no-any-return]

    def _read_panel(self) -> Panel:
        assert self.panel is not None
        self.panel._read_bucket(BUCKET)
        return self.panel

    def look(self, name: str, **more: Any) -> Any:
        return self.once(name, lambda: getattr(check, name).look(self.gt, bucket=BUCKET, **more))

    @property
    def report(self) -> Any:
        return self.once("report", lambda: self.gt.report(buckets=[BUCKET], since=None))

    @property
    def row(self) -> Any:
        choice = BucketChoice.parse(BUCKET)
        rows = self.once(
            "rows", lambda: read_region(self.gt, Account(ACCOUNT), choice, many=True) or []
        )
        [row] = [each for each in rows if each.kind == "bucket" and each.name == BUCKET]
        return row


def card(seen: Seen) -> str:
    [tone] = [each["tone"] for each in seen.shown.locks["locks"] if each["name"] == "Bucket guard"]
    return str(tone)


def outcome(found: Any, code: str) -> str:
    return str({each.code: each.outcome for each in found.checked}[code])


SPEAKS: dict[str, Says] = {
    "headline": lambda seen: "gts-says-ok" in seen.shown.heading.value,
    "plan": lambda seen: (
        "Today and after: Only " in seen.plan.to_text() or "after: Nobody" in seen.plan.to_text()
    ),
    "plan as HTML": lambda seen: (
        '"gts-notice gts-ok' in plan_html(seen.plan).split("Nothing to change")[0]
    ),
    "finding": lambda seen: outcome(seen.findings, "presigned-from-anywhere") == "clean",
    "findings": lambda seen: (
        seen.findings.access.text in str(seen.findings) and seen.findings.access.tone == "good"
    ),
}
"""Surfaces that say who can open a bucket, and whether what they say is good."""
MORE: dict[str, Says] = {
    "report": lambda seen: seen.report.buckets[0].tone == "good",
    "report on many accounts": lambda seen: seen.row.access.startswith(("Only ", "Nobody ")),
    "Prowler": lambda seen: (
        "PASS" in [each for each, *_ in outcomes(seen.row, "presigned-from-anywhere")]
    ),
    "SARIF": lambda seen: (
        "presigned-from-anywhere" not in json.dumps(seen.findings.to_sarif()["runs"][0]["results"])
    ),
    "agents": lambda seen: access_under(seen.locks).tone == "good",
}
PASSES: dict[str, Says] = {
    "status bar": lambda seen: card(seen) == "ok",
    "guard-is-in-place": lambda seen: seen.look("guard_is_in_place").passed is True,
    "no-findings": lambda seen: seen.look("no_findings").passed is True,
    "prove": lambda seen: (
        seen.gt.prove(Restriction(bucket=BUCKET, addresses=OFFICE)).proved is True
    ),
}
"""Surfaces that say less good: they also ask for a guard of ours, unchanged,
or for no other finding.
"""
OF_SIGNED = ("prove",)
"""Surfaces whose words are of presigned requests and forms alone."""


def wrong(
    seen: Seen, drawn: Drawn, opened: str, speaks: dict[str, Says], passes: dict[str, Says]
) -> list[str]:
    """Return the surfaces that do not say what the requests show."""
    if opened:
        return [name for name, says in {**speaks, **passes}.items() if says(seen)]
    if drawn.delegates:
        return []  # the policies of access points are not read, so the answer may be unknown
    return [name for name, says in speaks.items() if not says(seen)]


@pytest.fixture(scope="module")
def bench(running_rig: Rig) -> Iterator[Bench]:
    yield Bench(running_rig)
    running_rig.sandbox.reset()


@pytest.fixture(scope="module")
def shown(bench: Bench) -> Iterator[Panel]:
    with testing():
        yield Panel(bench.gt, bucket=BUCKET)
    ipywidgets.Widget.close_all()


def law(
    bench: Bench,
    panel: Panel,
    seed: int | Drawn,
    speaks: dict[str, Says] = SPEAKS,
    passes: dict[str, Says] = PASSES,
) -> str:
    """Check one account; returns its outcome."""
    drawn = seed if isinstance(seed, Drawn) else draw(seed)
    with bench.account(drawn), testing():
        opened = bench.opens(drawn)
        if opened.startswith("anonymous") and not bench.opens(drawn, unsigned=False):
            passes = {name: says for name, says in passes.items() if name not in OF_SIGNED}
        bad = wrong(Seen(bench.gt, panel), drawn, opened, speaks, passes)
        text = access_under(bench.gt.who_can_open(BUCKET).locks).text if bad else ""
    assert not bad, (
        f"seed {seed}: {bad}; opened: {opened or 'nothing'}; {text}; {json.dumps(drawn.statements)}"
    )
    return "opened" if opened else "delegates" if drawn.delegates else "refused"


FAULTS = {632: "a prefix without objects", 82: "POST alone", 99: "s3:PutObject", 327: "two halves"}
"""Accounts that were shown as protected when the headline counted the ranges of a guard."""
QUICK = (*FAULTS, 1, 15)


@pytest.mark.parametrize("seed", QUICK)
def test_a_good_word_is_true_of_the_whole_bucket(bench: Bench, shown: Panel, seed: int) -> None:
    assert law(bench, shown, seed) == ("opened" if seed in FAULTS else "refused")


REST = "Other objects of gt-images: anyone with a URL."
TWO = of_guards({"law/part/": [OFFICE], "law/beside/": ["198.51.100.128/25"]})
SENTENCES: dict[str, Callable[[Seen], str]] = {
    "headline": lambda seen: seen.shown.heading.value,
    "how it is decided": lambda seen: seen.shown.top.value,
    "plan": lambda seen: seen.plan.to_text(),
    "plan as HTML": lambda seen: plan_html(seen.plan),
    "findings": lambda seen: str(seen.findings),
    "finding": lambda seen: next(
        each.detail for each in seen.findings if each.code == "presigned-from-anywhere"
    ),
    "SARIF": lambda seen: json.dumps(seen.findings.to_sarif()),
    "report": lambda seen: seen.report.buckets[0].access,
    "report on many accounts": lambda seen: seen.row.access,
    "agents": lambda seen: access_under(seen.locks).text,
    "who": lambda _: command("who", f"s3://{BUCKET}"),
    "findings, as a command": lambda _: command("findings", f"s3://{BUCKET}"),
}
"""Surfaces whose words name the objects outside all guards, and these words."""


def test_with_two_guards_each_surface_names_the_objects_outside(
    bench: Bench, shown: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bench.rig.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert law(bench, shown, TWO, SPEAKS | MORE) == "opened"
    with bench.account(TWO), testing():
        seen = Seen(bench.gt, shown)
        texts = {name: " ".join(read(seen).split()) for name, read in SENTENCES.items()}
        assert card(seen) == "warn"
        assert "Bucket guard: part of the bucket." in seen.shown.text_form()
    silent = {name: text for name, text in texts.items() if REST not in text}
    assert not silent


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_good_word_is_true_with_several_guards(bench: Bench, shown: Panel, seed: int) -> None:
    drawn = draw_guards(seed)
    has_whole = any(each["Resource"] == ON_ALL for each in drawn.statements)
    assert law(bench, shown, drawn) == ("refused" if has_whole else "opened")


# No row is refused, and no expectation of a refusal holds, where the URL or form of a signer opens.

LISTED = "the second of two listed signers"
SPARED: dict[str, dict[str, Any]] = {
    "a user": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/law-exempt"}},
    "a user by name": {"StringNotEquals": {"aws:username": "law-exempt"}},
    "users by type": {"StringNotEquals": {"aws:PrincipalType": "User"}},
    "users by pattern": {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}},
    "who has a name": {"Null": {"aws:username": "true"}},
    "users by a part of the name": {"StringNotLikeIfExists": {"aws:username": "law-e*"}},
    "two users": {
        "StringNotEquals": {"aws:username": ["another", "law-exempt"]},
        "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/law-*"},
    },
    "long-term keys": {"Null": {"aws:TokenIssueTime": "false"}},
    LISTED: {"StringNotEquals": {"aws:username": "law-exempt"}},
    "nobody": {},
}
"""Exemptions of some signers from a guard."""


def sparing(name: str) -> Drawn:
    """Return the account whose guard spares some signers."""
    guard: dict[str, Any] = json.loads(json.dumps(build_guard(BUCKET, networks=[OFFICE])))
    for operator, tests in SPARED[name].items():
        guard["Condition"].setdefault(operator, {}).update(tests)
    names = [f"arn:aws:iam::{ACCOUNT}:{each}" for each in ("role/app", "user/law-exempt")]
    limits = (dict(build_signer_limit(BUCKET, names, ACCOUNT)),) if name == LISTED else ()
    return Drawn("edited", (guard, *limits), (OFFICE,))


def rows_say(bench: Bench, kind: str, key: str, source: str) -> dict[str, bool]:
    """Return for each surface of one kind of request whether it says that it is
    refused from a source.
    """
    here, whole = bench.gt.who_can_open(BUCKET, key=key), bench.gt.who_can_open(BUCKET)
    place = next(
        each for each in matrix_of((row, row) for row in here).lines if kind in each.requests
    )
    says = {
        "at": here.at(source, kind).answer == "refused",
        "row": here.row(kind).word == "refused",
        "whole bucket": whole.at(source, kind).answer == "refused",
        "JSON": not next(e for e in here.to_dict()["requests"] if e["request"] == kind)["opened"][
            "cidrs"
        ],
        "matrix": {cell.after for cell in place.cells} == {"refused"},
    }
    if kind == "presigned":
        wish = Restriction(bucket=BUCKET, guard=None, expectations=[expect.refused(source)])
        look = check.expectations_hold.look(bench.gt, wish)
        says |= {
            "expectation": here.holds(expect.refused(source)).proved is True,
            "check": look.passed is True,
        }
    return says


def opened_by_signers(bench: Bench, source: str) -> dict[str, bool]:
    """Return whether the URL or form of some signer opens the first object from a source."""
    urls = [each[0][1] for each in bench.urls]
    forms = [each[0] for each in bench.forms]
    return {
        "presigned": any(bench.rig.fetch(url, source).status == 200 for url in urls),
        "post-form": any(
            send_form(bench.rig, form, source, b"x").status in _OPENED for form in forms
        ),
    }


@pytest.mark.parametrize("name", SPARED)
def test_no_row_is_refused_where_a_signer_opens(bench: Bench, name: str) -> None:
    drawn = sparing(name)
    with bench.account(drawn):
        for kind, opened in opened_by_signers(bench, ELSEWHERE).items():
            assert opened is (name != "nobody")
            says = rows_say(bench, kind, OBJECTS[0], ELSEWHERE)
            assert not [each for each, refused in says.items() if refused and opened], (name, kind)
            assert opened or says["at"]


@pytest.mark.parametrize("name", ["a user", "users by type", LISTED, "nobody"])
def test_what_one_signer_opens_is_what_its_url_gets(bench: Bench, name: str) -> None:
    with bench.account(sparing(name)):
        for number, user in enumerate(("law-signer", "law-exempt")):
            signer, url = f"arn:aws:iam::{ACCOUNT}:user/{user}", bench.urls[number][0][1]
            here = bench.gt.who_can_open(BUCKET, OBJECTS[0], signer=signer)
            for source in (ELSEWHERE, "203.0.113.7"):
                got = "opened" if bench.rig.fetch(url, source).status == 200 else "refused"
                assert here.at(source, "presigned").answer == got, (name, user, source)
        with pytest.raises(InvalidInput, match="No user or role"):
            bench.gt.who_can_open(BUCKET, signer=f"arn:aws:iam::{ACCOUNT}:user/nobody")


OF: dict[str, Counter[str]] = {"check": Counter(), "slow": Counter()}
"""Outcomes of the accounts of each tier."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_of_forty_accounts(bench: Bench, shown: Panel, part: int) -> None:
    OF["check"].update(law(bench, shown, 1000 + 20 * part + n, SPEAKS | MORE) for n in range(20))
    if part == 1:
        print(OF["check"])
        assert min(OF["check"]["opened"], OF["check"]["refused"]) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_of_two_hundred_accounts(bench: Bench, shown: Panel, part: int) -> None:
    OF["slow"].update(law(bench, shown, 20 * part + n, SPEAKS | MORE) for n in range(20))
    if part == 9:
        print(OF["slow"])
        assert min(OF["slow"]["opened"], OF["slow"]["refused"]) >= 60


# The faults that this law is for, put back.


def test_rows_about_roles_alone_are_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gt_secure.account.locks.EffectiveLocks", partial(EffectiveLocks, by="role")
    )
    with pytest.raises(AssertionError, match="a user"):
        test_no_row_is_refused_where_a_signer_opens(bench, "a user")


def test_one_listed_signer_who_speaks_for_all_is_noticed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = _Question.kind

    def first(question: _Question, request: str, **how: bool) -> Kind:
        kind = every(question, request, **how)
        return replace(kind, by="role") if kind.signer == "own" else kind

    monkeypatch.setattr(_Question, "kind", first)
    with pytest.raises(AssertionError, match=LISTED):
        test_no_row_is_refused_where_a_signer_opens(bench, LISTED)


def headline_by_guard(locks: EffectiveLocks, *_: Any, **__: Any) -> BucketAccess:
    """Return what the headline was: it counted the ranges of a guard of ours."""
    guard = find_guard(locks.policy if isinstance(locks.policy, str) else None)
    if guard is None:
        return BucketAccess("open", f"Anyone with a URL can open {locks.bucket}.", "anyone")
    return BucketAccess(
        "good", f"Only {len(guard.networks)} range can open {locks.bucket}.", "1 range"
    )


@pytest.mark.parametrize("seed", FAULTS)
def test_the_headline_that_counts_ranges_is_noticed(
    bench: Bench, shown: Panel, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("gt_secure.widgets.panel"), "access_under", headline_by_guard)
    surfaces = {"headline": SPEAKS["headline"], "status bar": PASSES["status bar"]}
    with pytest.raises(AssertionError, match=r"'headline'.*'status bar'"):
        law(bench, shown, seed, surfaces, {})


def test_a_finding_that_asks_about_the_guarded_objects_is_noticed(
    bench: Bench, shown: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_guard(state: State, _: str = "") -> BucketAccess:
        guard = find_guard(state.bucket.policy.value) if state.bucket is not None else None
        return access_to(state, guard.prefix if guard is not None else "")

    monkeypatch.setattr("gt_secure.findings.guard_rules.access_to", of_guard)
    with pytest.raises(AssertionError, match="'finding'"):
        law(bench, shown, next(iter(FAULTS)), {"finding": SPEAKS["finding"]}, {})
