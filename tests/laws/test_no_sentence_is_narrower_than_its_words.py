"""No sentence is narrower than its words: all surfaces, asked about the same objects, sources and
signers, form a ladder.

A signer that is listed as opened from a source leaves no row refused there. Where a row is not
refused no expectation of a refusal holds, nothing is proved, no word is green and no check passes.
Accounts are drawn with everything switched that answers used to assume: users, the root user and
roles as signers, ownership and ACLs, who pays, the key of the default encryption, access points and
endpoints with policies, tags. What people get is decided by an evaluator that shares no code with
the engine, and for some accounts by the sandbox over HTTP, so that the surfaces cannot agree and be
wrong.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agreement.test_guard_forms import send_form
from gt_secure import Connection, Restriction, check, expect
from gt_secure.account import access_under
from gt_secure.changes.render.html import plan_html
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.matrix import matrix_of
from gt_secure.engine.access.proof import Proof
from gt_secure.sandbox.gateway.source_mapping import SOURCE_HEADER
from gt_secure.widgets import Panel, testing
from support.answers import answer_of
from support.rig import Rig
from support.second_evaluator import EVERYBODY, Asker, opens
from support.surveyed_account import (
    BUCKET,
    KEYS,
    OFFICE,
    SOURCES,
    TAGS,
    VPCE,
    Drawn,
    Sent,
    SurveyedAccount,
    draw,
    requests,
    sent as made,
)

USERS_SPARED, PUBLIC_OBJECTS = 5, 0
"""The account in which each fault is noticed."""
SENDERS = ("user", "root", "assumed-role", "federated-user", "another user", "nobody")
KINDS = ("presigned", "header", "post-form", "anonymous", "other-account")
OF_SIGNED = ("presigned", "post-form")
SAMPLES = 30
"""The number of requests that the evaluator decides for each account."""


@dataclass
class Surfaces:
    """The answers of all surfaces about one account; each surface is asked once."""

    gt: Connection
    drawn: Drawn
    kept: dict[str, Any] = field(default_factory=dict)
    matrices: dict[str, Any] = field(default_factory=dict)
    said: dict[tuple[str, str, str], dict[str, bool]] = field(default_factory=dict)

    def here(self, key: str = "") -> Any:
        if key not in self.kept:
            self.kept[key] = self.gt.who_can_open(BUCKET, key=key)
        return self.kept[key]

    @cached_property
    def wish(self) -> Restriction:
        return Restriction(
            bucket=BUCKET, guard=None, expectations=[expect.refused(*self.drawn.outside)]
        )

    @cached_property
    def plan(self) -> Any:
        return self.gt.plan(self.wish, logs=False)

    @cached_property
    def claim(self) -> Restriction:
        """Return the claim that nothing outside is opened."""
        is_wide = any(each.startswith(("0.", "128.")) for each in self.drawn.listed)
        listed = [OFFICE] if is_wide or not self.drawn.listed else [*self.drawn.listed]
        return Restriction(bucket=BUCKET, addresses=listed, endpoints=[VPCE])

    @cached_property
    def findings(self) -> Any:
        return self.gt.findings(bucket=BUCKET)

    @cached_property
    def proved(self) -> bool | None:
        found: bool | None = self.gt.prove(self.claim).proved
        return found

    @cached_property
    def green(self) -> dict[str, bool]:
        """The surfaces with a coloured word, and whether it is a good one."""
        clean = {each.code for each in self.findings.checked if each.outcome == "clean"}
        text = self.plan.to_text()
        return {
            "headline": access_under(self.here().locks).tone == "good",
            "findings": self.findings.access.tone == "good",
            "finding": "presigned-from-anywhere" in clean,
            "plan": "Today and after: Only " in text or "Today and after: Nobody" in text,
        }

    @cached_property
    def passed(self) -> dict[str, bool]:
        """The checks about the whole bucket, and whether each passes."""
        looks = {
            "no-findings": check.no_findings.look(self.gt, bucket=BUCKET, severity="high"),
            "guard-is-in-place": check.guard_is_in_place.look(self.gt, bucket=BUCKET),
        }
        return {name: found.passed is True for name, found in looks.items()}

    def refused(self, key: str, source: str, kind: str) -> dict[str, bool]:
        """Return for each part of the answer to a question who can open something whether it says
        that a kind of request is refused from a source.
        """
        if (key, source, kind) not in self.said:
            self.said[key, source, kind] = self._refused(key, source, kind)
        return self.said[key, source, kind]

    def _refused(self, key: str, source: str, kind: str) -> dict[str, bool]:
        asked, row = self.here(key), self.here(key).row(kind)
        if key not in self.matrices:
            self.matrices[key] = matrix_of((row, row) for row in asked)
        line = next(each for each in self.matrices[key].lines if kind in each.requests)
        said = {
            "at": asked.at(source, kind).answer == "refused",
            "JSON": answer_of(row.to_dict(), source) == "refused",
            "row": row.word == "refused",
            "matrix": all(cell.after == "refused" for cell in line.cells),
        }
        if "via" in source:
            del said["JSON"]  # a set names an endpoint and no address behind it
        return said


def who(sent: Sent) -> str:
    """Return the kind of somebody who sends a request."""
    kind = sent.asker.arn.partition("::")[2].partition(":")[2].partition("/")[0]
    return f"{'another ' if sent.kind == 'other-account' else ''}{kind or 'nobody'}"


def shown_in_panel(gt: Connection) -> tuple[bool, bool]:
    """Return whether the headline of the panel is green, and the guard in its status bar."""
    with testing():
        panel = Panel(gt, bucket=BUCKET)
        tones = [each["tone"] for each in panel.locks["locks"] if each["name"] == "Bucket guard"]
        headline = "gts-says-ok" in panel.heading.value
    ipywidgets.Widget.close_all()
    return headline, tones == ["ok"]


def lists(opened: Any, source: str, *, any_endpoint: bool = False) -> bool:
    """Return whether sources from which a signer opens name one; ``any_endpoint`` are those that no
    policy names, for which a set has one word.
    """
    places = opened.places()
    if "via" in source:
        named = places["endpoints"]
        return any_endpoint if named == "any" else source.partition(" via ")[2] in named
    none: dict[str, Any] = {"cidrs": [], "endpoints": []}
    rest = {"refused": {"cidrs": [], "endpoints": "any"}, "unknown": none}
    return answer_of({**rest, "opened": {**places, "endpoints": []}}, source) == "opened"


@dataclass
class Ladder:
    """The inversions of one account, and how often each surface had each outcome."""

    surfaces: Surfaces
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)

    def note(self, words: Iterable[str], what: str) -> None:
        self.wrong += [f"{each}: {what}" for each in words]

    def climb(self, seed: int) -> None:
        """Ask everything, from who signs up to the checks."""
        drawn = self.surfaces.drawn
        dice = random.Random(seed)
        for each in requests(drawn, dice, SAMPLES):
            self._requests(each)
        for key in KEYS:
            self._signers(key)
            for source in SOURCES:
                for kind in KINDS:
                    self._rows(key, source, kind)
        self._above(seed)

    def _requests(self, sent: Sent) -> None:
        """Note each request that is answered and that a surface calls refused."""
        place = self.surfaces.drawn.place
        opened = opens(replace(place, kms=""), sent.asker, sent.action, sent.key, sent.keys)
        self.met[f"request {'opened' if opened else 'refused'}"] += 1
        if opened:
            self.met[f"opened by {who(sent)}"] += 1
            said = self.surfaces.refused(sent.key, sent.source, sent.kind)
            self.note(
                [name for name, refused in said.items() if refused],
                f"{sent.kind} of {sent.key} from {sent.source} by {sent.asker.arn or 'nobody'} is answered; {sent.keys}",
            )
        if not sent.asker.arn or sent.kind == "other-account":
            self._lists(sent)
        listed = sent.asker.arn in self.surfaces.drawn.askers or sent.asker.role
        is_own = sent.asker in self.surfaces.drawn.askers.values()
        if not (listed and is_own and sent.kind == "presigned"):
            return
        if opens(place, sent.asker, sent.action, sent.key, sent.keys):
            found = {
                each.arn: each
                for each in self.surfaces.here(sent.key).signers
                if each.signing == "signs"
            }
            one = found.get(sent.signer)
            if one is None or not (
                one.depends_on or lists(one.opened, sent.source, any_endpoint=True)
            ):
                self.note(
                    ["signers"], f"{sent.signer} opens {sent.key} from {sent.source}; {sent.keys}"
                )

    def _lists(self, sent: Sent) -> None:
        """Whom the ACL of the bucket lets list it, the row of these requests does not refuse."""
        keys = {name: value for name, value in sent.keys.items() if "objecttag" not in name}
        if opens(self.surfaces.drawn.place, sent.asker, "s3:ListBucket", "", keys):
            self.met["request listed"] += 1
            answer = self.surfaces.here().at(sent.source, sent.kind).answer
            self.note(["at"] if answer == "refused" else [], f"{sent.kind} LIST from {sent.source}")

    def _signers(self, key: str) -> None:
        """A signer that is listed as opened leaves no row refused."""
        signers = self.surfaces.here(key).signers
        for each in (*signers, *signers.refused):
            self.met[f"signer {each.answer}"] += 1
            for source in SOURCES:
                if (
                    each.signing == "signs"
                    and each.answer == "opened"
                    and lists(each.opened, source)
                ):
                    said = self.surfaces.refused(key, source, "presigned")
                    self.note(
                        [name for name, refused in said.items() if refused],
                        f"{each.arn} signs {key} from {source}",
                    )

    def _rows(self, key: str, source: str, kind: str) -> None:
        """A row that is not refused at a source is nowhere refused, for the object and the bucket;
        no expectation of a refusal holds.
        """
        answer = self.surfaces.here(key).at(source, kind).answer
        self.met[f"row {answer}"] += 1
        said = self.surfaces.refused(key, source, kind)
        if answer == "refused":
            return
        of_bucket = {
            f"bucket {name}": value
            for name, value in self.surfaces.refused("", source, kind).items()
        }
        place = f"{kind} of {key} from {source} is {answer}"
        self.note([name for name, refused in {**said, **of_bucket}.items() if refused], place)
        if kind == "presigned":
            held = {
                name: asked.holds(expect.refused(source)).proved is True
                for name, asked in (
                    ("expectation", self.surfaces.here(key)),
                    ("bucket expectation", self.surfaces.here()),
                )
            }
            self.note([name for name, holds in held.items() if holds], place)

    def _above(self, seed: int) -> None:
        """Where something outside is not refused, nothing is expected, proved, green or passed."""
        it = self.surfaces
        open_for = {
            kind: [
                source
                for source in it.drawn.outside
                for key in KEYS
                if it.here(key).at(source, kind).answer != "refused"
            ]
            for kind in KINDS
            if kind != "header"
        }
        [result] = it.plan.expectations
        expected = {"plan's expectation": result.proved is True}
        proved = {"prove": it.proved is True}
        if seed % 3 == 0:  # the checks of the same questions
            expected["expectations-hold"] = (
                check.expectations_hold.look(it.gt, it.wish).passed is True
            )
            proved["is-proved"] = check.is_proved.look(it.gt, it.claim).passed is True
        self._count("expectation", expected["plan's expectation"])
        if open_for["presigned"]:
            self.note(
                [name for name, held in expected.items() if held],
                f"presigned from {open_for['presigned'][0]}",
            )
        self._count("prove", proved["prove"])
        signed = [f"{kind} from {open_for[kind][0]}" for kind in OF_SIGNED if open_for[kind]]
        if signed:
            self.note([name for name, held in proved.items() if held], signed[0])
        if seed % 3 == 0:
            shown = plan_html(it.plan).split("Nothing to change")[0]
            it.green["plan as HTML"] = '"gts-notice gts-ok' in shown
            it.green["panel"], it.passed["status bar"] = shown_in_panel(it.gt)
        for name, good in it.green.items():
            self._count(name, good)
        every = [f"{kind} from {sources[0]}" for kind, sources in open_for.items() if sources]
        whole = every or ([] if proved["prove"] else ["not proved"])
        if whole:
            self.note([name for name, good in it.green.items() if good], whole[0])
        for name, passes in it.passed.items():
            self._count(name, passes)
        if not it.green["headline"]:
            why = whole[0] if whole else "no good headline"
            self.note([name for name, passes in it.passed.items() if passes], why)

    def _count(self, surface: str, good: bool) -> None:
        self.met[f"{surface} {'good' if good else 'not good'}"] += 1


def climbed(seed: int, journal: Path) -> Ladder:
    """Return the ladder of the account of a seed."""
    drawn = draw(seed)
    ladder = Ladder(Surfaces(SurveyedAccount(drawn).connected(journal), drawn))
    ladder.climb(seed)
    return ladder


def law(seeds: Iterable[int], journal: Path) -> Counter[str]:
    """Check accounts; returns how often each surface had each outcome."""
    met: Counter[str] = Counter()
    for seed in seeds:
        ladder = climbed(seed, journal)
        met += ladder.met
        drawn = ladder.surfaces.drawn
        about = (
            drawn.spared,
            drawn.place.ownership,
            drawn.place.acl,
            drawn.place.pays,
            drawn.statements,
        )
        assert not ladder.wrong, (seed, ladder.wrong[:6], about)
    return met


QUICK = (3, USERS_SPARED, 12)


def test_a_few_accounts(tmp_path: Path) -> None:
    met = law(QUICK, tmp_path)
    assert (
        min(met["request opened"], met["row opened"], met["row refused"], met["row unknown"]) >= 10
    )
    assert min(met["signer opened"], met["expectation good"], met["prove good"]) >= 1


FLOORS = {
    **{f"request {word}": 2500 for word in ("opened", "refused")},
    **{f"opened by {kind}": 50 for kind in SENDERS},
    **{f"row {word}": 1000 for word in ("opened", "refused", "unknown")},
    **{f"signer {word}": 500 for word in ("opened", "refused")},
    **{
        f"{name} not good": 150
        for name in ("expectation", "prove", "headline", "findings", "finding", "plan")
    },
    **{
        f"{name} good": 50
        for name in ("expectation", "prove", "headline", "findings", "finding", "plan")
    },
    **{f"guard-is-in-place {word}": 20 for word in ("good", "not good")},
    **{f"no-findings {word}": 20 for word in ("good", "not good")},
}
"""How often the accounts of the check tier have each outcome, at least."""
OF: dict[str, Counter[str]] = {"check": Counter(), "slow": Counter()}
PARTS = 10


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_of_three_hundred_accounts(tmp_path: Path, part: int) -> None:
    OF["check"] += law(range(1000 + 30 * part, 1030 + 30 * part), tmp_path)
    if part == PARTS - 1:
        print(dict(OF["check"]))
        short = {
            name: OF["check"][name] for name, least in FLOORS.items() if OF["check"][name] < least
        }
        assert not short


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_of_two_thousand_accounts(tmp_path: Path, part: int) -> None:
    OF["slow"] += law(range(10_000 + 100 * part, 10_100 + 100 * part), tmp_path)
    if part == 19:
        print(dict(OF["slow"]))


# Over HTTP: the sandbox answers as the evaluator, and nobody is said to be refused whom it answers.


class Bench:
    """A sandbox with the users and roles of the accounts, whose policies and tags change."""

    def __init__(self, rig: Rig) -> None:
        rig.sandbox.reset()
        self.rig, self.s3, self.iam = rig, rig.client("s3"), rig.client("iam")
        people = draw(0).people
        for each in people["UserDetailList"]:
            self.iam.create_user(UserName=each["UserName"])
        for each in people["RoleDetailList"]:
            trusted = json.dumps(each["AssumeRolePolicyDocument"])
            self.iam.create_role(RoleName=each["RoleName"], AssumeRolePolicyDocument=trusted)
        self.credentials = {
            each["Arn"]: self.iam.create_access_key(UserName=each["UserName"])["AccessKey"]
            for each in people["UserDetailList"]
        } | {each["Arn"]: self.rig.assume(role=each["Arn"]) for each in people["RoleDetailList"]}

    def make(self, drawn: Drawn) -> None:
        """Make the account as it was drawn."""
        s3, place = self.s3, drawn.place
        s3.delete_bucket_policy(Bucket=BUCKET)
        s3.delete_public_access_block(Bucket=BUCKET)  # it refuses policies and ACLs that are public
        s3.put_bucket_acl(Bucket=BUCKET, ACL="private") if self._has_acls() else None
        rules = {"Rules": [{"ObjectOwnership": place.ownership}]}
        s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=rules)
        for key in KEYS:
            tags = "&".join(f"{name}={value}" for name, value in TAGS[key].items())
            acl = {"ACL": "public-read"} if key in place.public_objects else {}
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", Tagging=tags, **acl)
        everybody = {each for _, each in place.acl if _ == EVERYBODY}
        canned = {
            frozenset(): "private",
            frozenset({"READ"}): "public-read",
            frozenset({"WRITE"}): "public-read-write",
        }
        if self._has_acls():
            s3.put_bucket_acl(Bucket=BUCKET, ACL=canned[frozenset(everybody)])
        if drawn.policy is not None:
            s3.put_bucket_policy(Bucket=BUCKET, Policy=drawn.policy)
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict(place.block))
        for kind in ("User", "Role"):
            for each in drawn.people[f"{kind}DetailList"]:
                name = {f"{kind}Name": each[f"{kind}Name"]}
                [policy] = each[f"{kind}PolicyList"]
                self._call("put", kind, "policy")(
                    **name, PolicyName="own", PolicyDocument=json.dumps(policy["PolicyDocument"])
                )
                self._call("untag", kind)(**name, TagKeys=["team"])
                if each["Tags"]:
                    self._call("tag", kind)(**name, Tags=each["Tags"])

    def _has_acls(self) -> bool:
        found = self.s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
        return bool(found[0]["ObjectOwnership"] != "BucketOwnerEnforced")

    def _call(self, *words: str) -> Any:
        return getattr(self.iam, "_".join(words).lower())

    def answers(self, sent: Sent) -> bool:
        """Send a request; return whether it was let through."""
        headers = {"Referer": sent.keys["aws:referer"]} if "aws:referer" in sent.keys else {}
        if not sent.asker.arn:
            return (
                self.rig.fetch(f"/{BUCKET}/{sent.key}", sent.source, headers=headers).status == 200
            )
        keys = self.credentials[sent.signer]
        version = "s3" if sent.keys["s3:signatureversion"] == "AWS" else "s3v4"
        client = self.rig.session_of(keys).client(
            "s3", endpoint_url=self.rig.url, config=Config(signature_version=version)
        )
        if sent.kind == "post-form":
            form = client.generate_presigned_post(BUCKET, f"{sent.key}.form")  # the object stays
            return send_form(self.rig, form, sent.source, headers=headers).status == 204
        if sent.kind == "presigned":
            url = client.generate_presigned_url(
                "get_object", Params={"Bucket": BUCKET, "Key": sent.key}
            )
            return self.rig.fetch(url, sent.source, headers=headers).status == 200
        origin = {SOURCE_HEADER: sent.source, **headers}
        client.meta.events.register(
            "before-sign",
            lambda request, **_: [request.headers.add_header(*each) for each in origin.items()],
        )
        try:
            client.get_object(Bucket=BUCKET, Key=sent.key)
        except ClientError:
            return False
        return True


def plain(drawn: Drawn) -> Drawn:
    """Return the account without what the sandbox does not have."""
    acl = tuple(each for each in drawn.place.acl if each[0] == EVERYBODY)
    on_objects = {"Action": ["s3:GetObject", "s3:PutObject"]}  # the administrator keeps the rest
    statements = [
        {**each, **(on_objects if each["Sid"] == "Second" else {})} for each in drawn.statements
    ]
    place = replace(
        drawn.place, policy=statements, acl=acl, pays=False, points={}, endpoint=None, kms=""
    )
    return replace(drawn, place=place, statements=statements, abac=False)


@pytest.fixture(scope="module")
def bench(running_rig: Rig) -> Iterator[Bench]:
    yield Bench(running_rig)
    running_rig.sandbox.reset()


def over_http(bench: Bench, seed: int) -> Counter[str]:
    """Compare evaluator, sandbox and rows on some requests of an account."""
    drawn, dice, met = plain(draw(seed)), random.Random(seed), Counter[str]()
    bench.make(drawn)
    here = {key: replace(bench.rig.gt, others=False).who_can_open(BUCKET, key=key) for key in KEYS}
    askers = (*drawn.askers.values(), Asker())
    for _ in range(10):
        asker = dice.choice(askers)
        kind = (
            dice.choice(("presigned", "presigned", "header", "post-form"))
            if asker.arn
            else "anonymous"
        )
        source = dice.choice(SOURCES)
        one = made(drawn, dice, kind, dice.choice(KEYS), asker, source, tls=False)
        answered = bench.answers(one)
        about = (seed, kind, one.key, source, asker.arn, dict(one.keys), drawn.statements)
        assert answered == opens(drawn.place, asker, one.action, one.key, one.keys), about
        assert not answered or here[one.key].at(source, kind).answer != "refused", about
        met["answered" if answered else "refused"] += 1
    return met


def test_the_sandbox_decides_as_the_evaluator(bench: Bench) -> None:
    met = sum((over_http(bench, seed) for seed in range(3)), Counter())
    assert min(met["answered"], met["refused"]) >= 3


def test_the_sandbox_decides_as_the_evaluator_for_forty_accounts(bench: Bench) -> None:
    met = sum((over_http(bench, seed) for seed in range(2000, 2040)), Counter())
    print(dict(met))
    assert min(met["answered"], met["refused"]) >= 80


# The faults that this law is for, put back.


def locks_with(**values: Any) -> Callable[..., EffectiveLocks]:
    return lambda **given: EffectiveLocks(**{**given, **values})


@pytest.mark.parametrize(
    ("fault", "seed"),
    [({"by": "role"}, USERS_SPARED), ({"acls": {}}, PUBLIC_OBJECTS)],
    ids=["roles alone", "no ACLs"],
)
def test_a_fault_is_noticed(
    fault: dict[str, Any], seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    law([seed], tmp_path)
    monkeypatch.setattr("gt_secure.account.locks.EffectiveLocks", locks_with(**fault))
    with pytest.raises(AssertionError, match="at: "):
        law([seed], tmp_path)


def test_a_proof_that_asks_nobody_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gt_secure.engine.access.exposure.prove", lambda *_, **__: Proof(True))
    with pytest.raises(AssertionError, match="prove: "):
        law([USERS_SPARED], tmp_path)
