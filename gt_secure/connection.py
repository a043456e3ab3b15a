"""One connection to an account: every step of the main job as a method that returns values.

The panel, the command line and notebooks all call these. Each method hands its work to the package
that owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import getfullargspec
from typing import TYPE_CHECKING, Any, Literal, Never, TypeAlias

from . import account, changes, explain, findings, logs as access_logs, presign
from .aws import teams
from .aws.buckets import place_of
from .aws.client import Aws, aws_errors, connect_aws
from .aws.teams import TeamLike, team_here
from .base.copies import NotCopied
from .base.errors import InvalidInput, refuse_keywords, refuse_url
from .base.network import ProbeOrigin, Source
from .base.text import Json, TextsLike, did_you_mean
from .changes import Journal
from .check.ledger import claimed, open_file, record, recorded_place
from .connection_arguments import (
    Logs,
    RunningSandbox,
    SparkSession,
    change_id,
    engine_options,
    log_of,
    sandbox_client,
    sandbox_variables,
)
from .engine import access, iam
from .findings import listings
from .logs import plots

if TYPE_CHECKING:
    import datetime as dt
    import threading
    from pathlib import Path

    import boto3
    from matplotlib.figure import Figure

    from .account import AccountExposure, State
    from .aws.sdk_session import SageMakerSession
    from .aws.teams import Workforce, Workteam
    from .changes.applied import Applied
    from .changes.plan import Plan, UndoPlan
    from .engine.access.exposure import Context, Exposure
    from .engine.access.proof import Proof
    from .explain.explanation import Explanation
    from .findings.accepted import AcceptedLike
    from .findings.listings import Endpoints, Findings, History, Jobs, Workteams
    from .findings.model import Acceptance
    from .logs import Athena, Coverage, Hits, Table, Viewers
    from .logs.leaks import Leak
    from .logs.named_networks import Networks, NetworksLike
    from .logs.plots import PlotKind, Theme
    from .logs.read import EngineName
    from .logs.time_range import ProgressCallback, TimeLike
    from .presign import Probe, TestUrl
    from .report import AccountReport
    from .report.accounts import AccountsLike
    from .report.role import RoleLike
    from .restriction.messages import Notice
    from .restriction.model import Restriction


_MEANT = {"profile_name": "profile", "region_name": "region", "session": "boto3_session"}
_GUESSES = {
    "check": "Write gt_secure.check.guard_is_in_place(gt, ...).",
    "leaks": "Write gt.hits(...).leaks().",
    "restrict": "Write gt.apply(gt.plan(Restriction(...))).",
    "teams": "Write gt.workteams().",
    "who": "Write gt.who_can_open(...).",
}
"""First guesses at methods, and what to write."""
"""Arguments of boto3, and ours."""


def connect(
    *,
    profile: str | None = None,
    region: str | None = None,
    boto3_session: boto3.session.Session | None = None,
    sagemaker_session: SageMakerSession | None = None,
    endpoint_url: str | None = None,
    sandbox: bool | RunningSandbox = False,
    journal: str | Path | Journal | None = None,
    cache: bool | str | Path = True,
    networks: NetworksLike | None = None,
    context: Context | None = None,
    accepted: AcceptedLike | None = None,
    viewers: Viewers | None = None,
    **unknown: Never,
) -> Connection:
    """Connect to the account of the current credentials. Calls nothing yet.

    Parameters
    ----------
    profile : str, optional; a profile of the AWS configuration
    region : str, optional; the region of the workteams
    boto3_session : boto3.session.Session, optional; used instead of the default credentials
    sagemaker_session : sagemaker.core.helper.session_helper.Session, optional
        A session of the SageMaker SDK, version 2 or 3: its credentials, region and endpoints are
        used.
    endpoint_url : str, optional; an endpoint to use instead of AWS
    sandbox : bool or Sandbox
        A running :class:`~gt_secure.sandbox.Sandbox`, or True for the one that ``AWS_ENDPOINT_URL``
        names, else for one that ends with this process. Never reaches AWS, and uses the sandbox's
        own journal and cache.
    journal : path, optional; folder that records changes (default: ``GT_SECURE_JOURNAL``,
    ``~/.gt_secure/journal``)
    cache : bool or path, whether to keep what is parsed from logs of S3 on disk, or the folder for
    it
    networks : Networks or path, or several paths, optional
        Networks files, which name networks.
    context : mapping, optional; known values of condition keys, such as
    ``{"aws:PrincipalOrgID": "o-abc123"}``
    accepted : path or iterable, optional; a check file with a list ``accepted``, or the entries:
    known findings
    viewers : Viewers, optional
        How URLs name their viewers (default: ``x-viewer``), the secret that hashes them, and whose
        signatures count.

    Raises
    ------
    InvalidInput
        If arguments contradict each other, a file cannot be used, or changes would be written
        elsewhere than the session reads.
    Unreachable
        If the sandbox that ``AWS_ENDPOINT_URL`` names does not answer.

    Examples
    --------
    >>> import gt_secure
    >>> gt = gt_secure.connect(region="us-east-1")  # doctest: +SKIP
    >>> gt.workteams()  # doctest: +SKIP
    """
    refuse_keywords("connect()", unknown, getfullargspec(connect).kwonlyargs, _MEANT)
    open_file()
    if sandbox is not False:
        named = sandbox_variables(
            sandbox, others=(profile, boto3_session, sagemaker_session, endpoint_url)
        )
        journal = journal or named.get("GT_SECURE_JOURNAL")
        cache = named.get("GT_SECURE_CACHE", True) if cache is True else cache
        aws = sandbox_client(named, region)
    elif sagemaker_session is not None:
        if boto3_session is not None or profile is not None:
            raise InvalidInput(
                "A SageMaker session has its own credentials, and others are given too.",
                next_step="Give sagemaker_session, boto3_session or profile: one of them.",
                field="sagemaker_session",
            )
        from .aws.sdk_session import connect_sdk_session

        aws = connect_sdk_session(sagemaker_session, region, endpoint_url)
    elif boto3_session is not None and not hasattr(boto3_session, "region_name"):
        raise InvalidInput(
            f"{type(boto3_session).__name__} is not a boto3 session.",
            next_step=(
                "Pass a boto3.Session, or a session of the SageMaker SDK as sagemaker_session=."
            ),
            field="boto3_session",
        )
    else:
        aws = connect_aws(
            profile=profile, region=region, boto3_session=boto3_session, endpoint_url=endpoint_url
        )
    kept: Any = {
        "journal": journal,
        "cache": cache,
        "networks": networks,
        "context": context,
        "accepted": accepted,
    }
    return Connection(aws, **kept, viewers=viewers or access_logs.Viewers())


def connection_of(given: ConnectionLike) -> Connection:
    """Return a connection unchanged, or connect with a session of the SageMaker SDK."""
    if isinstance(given, Connection):
        return given
    if hasattr(given, "boto_session"):
        return connect(sagemaker_session=given)
    raise InvalidInput(
        f"{type(given).__name__} is not a connection.",
        next_step="Pass what gt_secure.connect() returns, or a session of the SageMaker SDK.",
        field="connection",
    )


def with_facts(
    given: ConnectionLike, context: Context | None, accepted: AcceptedLike | None = None
) -> Connection:
    """Return the connection with more known values and accepted findings, as one check has them."""
    gt = connection_of(given)
    known = (*gt.accepted, *findings.read_accepted(accepted))
    return replace(gt, context={**gt.context, **(context or {})}, accepted=known)


ConnectionLike: TypeAlias = "Connection | SageMakerSession"
"""A connection: one of ours, or a session of the SageMaker SDK."""


@dataclass(frozen=True, eq=False, repr=False)
class Connection(NotCopied):
    """The main job on one account and region: workteams, restriction, plan and apply, test URL and
    probe, hits.

    Arguments have one meaning in all methods:

    * ``team``: name or ARN of a workteam, a ``Workteam`` of ours or of sagemaker.core; ``bucket``:
      the name of a bucket
    * ``logs``: hits, or the places of access logs: one or several paths or ``s3://`` prefixes
    * ``since``, ``until``: a UTC time, or an age such as ``7d``, ``24h`` or a timedelta; ``until``
      is not included
    * ``change``: what :meth:`apply` returned, the id of a change in the journal, or the beginning
      of the id
    * ``progress``: a callable that gets a sentence for each step; ``timeout_s``: seconds for the
      whole call

    All raise :class:`~gt_secure.errors.AccessDenied` with the missing permission,
    :class:`~gt_secure.errors.NotFound` for a team, bucket or change that does not exist, and
    :class:`~gt_secure.errors.InvalidInput` for a value that cannot be used, or where neither a team
    nor a bucket is given.

    Attributes
    ----------
    aws : Aws, the client factory, with region and identity
    journal : Journal, the changes that were applied and undone; ``journal.path`` is its folder
    cache, networks, context, accepted, viewers : the arguments of :func:`connect`, read and checked
    others : bool, whether answers about a bucket have a row for each other workteam that uses it

    Examples
    --------
    >>> gt = gt_secure.connect(region="us-east-1")  # doctest: +SKIP
    >>> tags = {"aws:PrincipalTag/stage": "test"}
    >>> in_test = dataclasses.replace(gt, context=tags)  # doctest: +SKIP
    """

    _stays = "A connection holds credentials and cannot be pickled or copied. Call connect() there."

    aws: Aws
    journal: Journal = field(default_factory=Journal)
    cache: bool | Path = True
    networks: Networks | None = None
    context: Context = field(default_factory=dict)
    accepted: tuple[Acceptance, ...] = ()
    others: bool = True
    viewers: Viewers = field(default_factory=lambda: access_logs.Viewers())
    _logs: dict[str, account.Sightings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read files and check values now: a bad one is no error in the middle of a plan."""
        given: Any = self.journal
        refuse_url(given, "journal", "the folder of a journal")
        # One for each connection: undo without a change undoes what this one has applied.
        object.__setattr__(self, "journal", Journal(getattr(given, "path", given)))
        if self.networks is not None:
            from .logs.named_networks import networks_from

            object.__setattr__(self, "networks", networks_from(self.networks))
        object.__setattr__(self, "context", dict(self.context or {}))
        if self.context:
            iam.supplied_facts(self.context)
        given = self.accepted or None if isinstance(self.accepted, tuple) else self.accepted
        object.__setattr__(self, "accepted", () if given is None else findings.read_accepted(given))

    if not TYPE_CHECKING:  # a type checker knows the names that there are

        def __getattr__(self, name: str) -> Never:
            """Answer a first guess, such as a command of ``gt-secure``, with what to write."""
            methods = [each for each in dir(Connection) if not each.startswith("_")]
            near = _GUESSES.get(name) or did_you_mean(name, methods, form="gt.{}(...)")
            said = f"A connection has no '{name}'. "
            raise AttributeError(said + near if name[:1] != "_" else name)

    def __repr__(self) -> str:
        where = "sandbox" if self.aws.is_local else "AWS"
        return f"<gt_secure connection to {where}, {self.aws.region}>"

    # 1. Workteam

    def workteams(self) -> Workteams:
        """List private and vendor workteams of the region.

        Examples
        --------
        >>> [team.name for team in gt.workteams()]  # doctest: +SKIP
        ['open-team', 'radiology-team']
        """
        return listings.Workteams(teams.list_workteams(self.aws))

    def workteam(self, name: TeamLike) -> Workteam:
        """Read one private workteam.

        Examples
        --------
        >>> gt.workteam("radiology-team").url_lock.mode  # doctest: +SKIP
        'SourceIp'
        """
        team = teams.get_workteam(self.aws, name)
        if team.url_lock_text.startswith("on "):
            subject = f"{team.name}: {team.url_lock_text}"
            record("workteam", subject, "passed", recorded_place(self.aws))
        return team

    def workforce(self) -> Workforce | None:
        """Read the private workforce, which all workteams of the region share; None if there is
        none.

        Examples
        --------
        >>> gt.workforce().cidrs  # doctest: +SKIP
        ('203.0.113.0/24',)
        """
        workforces = teams.list_workforces(self.aws)
        return workforces[0] if workforces else None

    def jobs(self, team: TeamLike) -> Jobs:
        """List the labeling jobs of a team that still wait for workers.

        Examples
        --------
        >>> [(job.name, job.pending) for job in gt.jobs("radiology-team")]  # doctest: +SKIP
        [('chest-scans', 40)]
        """
        team_here(self.aws, team)
        return listings.Jobs(
            teams.jobs_of_team(
                self.aws, team if isinstance(team, teams.Workteam) else self.workteam(team)
            ).jobs
        )

    # 2. Allow

    def endpoints(self) -> Endpoints:
        """List the VPC endpoints for S3 of the region.

        Examples
        --------
        >>> gt.endpoints()[0].id  # doctest: +SKIP
        'vpce-0a1b2c3d4e5f60718'
        """
        from .aws import endpoints

        return listings.Endpoints(endpoints.list_s3_endpoints(self.aws))

    def state(self, *, team: TeamLike | None = None, bucket: str | None = None) -> State:
        """Read the account as far as a team and a bucket are concerned: each part read, absent, or
        not read and why.

        Examples
        --------
        >>> gt.state(bucket="gt-images").bucket.policy.value  # doctest: +SKIP
        '{"Version": "2012-10-17", "Statement": []}'
        """
        return account.read_state(
            self.aws,
            team=team,
            bucket=bucket,
            supplied=iam.supplied_facts(self.context),
            needs=account.EVERYTHING,
        )

    def keys(self, bucket: str, prefix: str = "", *, most: int = 200) -> list[str]:
        """List at most ``most`` object keys of a bucket that begin with ``prefix``.

        Examples
        --------
        >>> gt.keys("gt-images", "scans/", most=1)  # doctest: +SKIP
        ['scans/0001.png']
        """
        from .aws import buckets

        return buckets.list_keys(self.aws, *place_of(bucket, prefix), most=most)

    # 3. Review and apply

    def plan(
        self,
        restriction: Restriction,
        *,
        logs: Logs | Hits | Literal[False] | None = None,
        reason: str = "",
    ) -> Plan:
        """Compare a restriction with the account, and return the changes as a plan. Writes nothing.

        Parameters
        ----------
        restriction : Restriction
        logs : optional
            Recent requests: a plan that refuses a worker who appears in them has a blocker. By
            default the newest part of the bucket's access log is read for ``plan.evidence``, once
            for each bucket of a connection; False reads no log.
        reason : str, such as the number of a ticket; for the approver, and for the journal when it
        is applied

        Examples
        --------
        >>> office = Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")
        >>> plan = gt.plan(office)  # doctest: +SKIP
        >>> [change.kind for change in plan.changes]  # doctest: +SKIP
        ['bucket-guard', 'url-lock']
        """
        unread = account.Sightings(missing=("The access log was not read, as asked.",))
        look = self._newest_log if logs is not False else lambda _: unread
        with self._hits_of(None if logs is False else logs) as hits:
            return changes.plan(
                self.aws.remembering(),
                restriction,
                hits=hits,
                look=look,
                context=self.context,
                accepted=self.accepted,
                journal=self.journal,
                reason=reason,
            )

    def apply(
        self,
        plan: Plan | UndoPlan,
        *,
        confirm: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
        digest: str | None = None,
    ) -> Applied:
        """Apply a plan: read again, change, read back, try the expectations, and roll back if a
        step fails.

        Parameters
        ----------
        confirm : sequence of str, codes of the notices in ``plan.asks`` that the person accepts
        timeout_s : float, seconds; rolling back may take 120 s more
        digest : str, optional; ``plan.digest`` of the plan that was approved: another plan is
        refused

        Raises
        ------
        InvalidInput
            For a notice that asks and is not confirmed. Nothing was changed.
        Conflict
            If somebody changed the same thing since the plan was made, or the digest is that of
            another plan.

        Examples
        --------
        >>> gt.apply(plan).outcome  # doctest: +SKIP
        'applied'
        """
        if not hasattr(plan, "asks"):
            raise InvalidInput(
                f"apply() needs a plan, not a {type(plan).__name__}.",
                next_step="Write gt.apply(gt.plan(restriction)).",
                field="plan",
            )
        if isinstance(plan, changes.UndoPlan) or getattr(plan, "undoes", False):
            changes.check_confirmed(plan, confirm)
            return changes.undo(
                self.aws, plan.undoes, journal=self.journal, progress=progress, timeout_s=timeout_s
            )
        return changes.apply(
            self.aws,
            plan,
            journal=self.journal,
            confirm=confirm,
            progress=progress,
            timeout_s=timeout_s,
            digest=digest,
            probe=explain.expectation_probe(self.aws, plan.restriction.team, self.journal.test_urls)
            if plan.restriction.expectations
            else None,
        )

    def revoke(
        self,
        leak: Leak | None = None,
        *,
        before: dt.datetime | str | None = None,
        bucket: str | None = None,
        signer: str | None = None,
        viewer: str | None = None,
        logs: Logs | Hits | None = None,
    ) -> Plan:
        """Plan to stop a leaked URL, or all URLs signed with older credentials. Writes nothing:
        :meth:`apply` does.

        Parameters
        ----------
        leak : Leak, optional
            One of ``gt.hits(...).leaks()``: its object (or the bucket, where the URL names none) is
            refused to its signer's older credentials.
        before : datetime or str in UTC, optional
            Instead of a leak: credentials issued before this time open nothing by presigned
            requests.
        bucket : str, where ``before`` holds; ``s3://bucket/prefix`` for the objects under a prefix
        signer : str, optional
            ARN of the role or user, for ``before``. Long-term keys have no time of issue: all they
            sign is refused.
        viewer : str, optional
            Instead of a leak: what :meth:`sign` signed for this viewer with older credentials. No
            policy sees the tag: where the log shows URLs that others signed for the viewer, add
            their signer.
        logs : optional; recent requests: the plan then names who else loses access

        Raises
        ------
        InvalidInput
            If neither a leak nor a time is given, a leak and what it names itself, or the URLs have
            expired already.

        Examples
        --------
        >>> leak = gt.hits("gt-images").leaks()[0]  # doctest: +SKIP
        >>> gt.apply(gt.revoke(leak)).outcome  # doctest: +SKIP
        'applied'
        """
        tag = None if viewer is None else self.viewers.tag(viewer)
        if leak is None:
            with aws_errors("sts:GetCallerIdentity"):  # its answer has the time of AWS
                self.aws.client("sts").get_caller_identity()
        revoked = changes.revoked(leak, before=before, bucket=bucket, signer=signer, viewer=tag)
        with self._hits_of(logs) as hits:
            return changes.plan_revoke(
                self.aws.remembering(), revoked, hits=hits, context=self.context
            )

    def resume(
        self,
        change: str | Applied = "last",
        *,
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
    ) -> Applied:
        """Complete a change that was interrupted, for example by a killed kernel.

        Parameters
        ----------
        change : str or Applied
            An id of the journal. By default the last interrupted change that this connection has
            begun; nothing is done if no change of the account and region is interrupted.

        Raises
        ------
        NotFound
            If no change is named and those that were interrupted are of others. The error lists
            them.
        InvalidInput
            If ``change`` is None, empty, or no change.

        Examples
        --------
        >>> gt.resume("20261124-101500").outcome  # doctest: +SKIP
        'applied'
        """
        named = change_id(change)
        return changes.resume(
            self.aws, named, journal=self.journal, progress=progress, timeout_s=timeout_s
        )

    def plan_undo(self, change: str | Applied = "last") -> UndoPlan:
        """Show what :meth:`undo` would change, and what it asks. Writes nothing.

        The parameter and the errors are those of :meth:`undo`. :meth:`apply` carries it out, with
        what you confirm.

        Examples
        --------
        >>> [change.title for change in gt.plan_undo(done).changes]  # doctest: +SKIP
        ['Bucket guard of gt-images']
        """
        return changes.plan_undo(
            self.aws, change_id(change), journal=self.journal, look=self._newest_log
        )

    def undo(
        self,
        change: str | Applied = "last",
        *,
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
    ) -> Applied:
        """Undo a change. Later edits by others stay.

        Parameters
        ----------
        change : str or Applied
            By default the last change that this connection applied and that is not undone. A change
            of anybody else is undone by its id.

        Raises
        ------
        NotFound
            If no change is named and this connection has none to undo. The error lists the changes
            of others, with what an undo of each brings back.
        InvalidInput
            If ``change`` is None, empty, or no change; or if workers of a workteam may lose access.
            The error names what confirms it.
        Conflict
            If somebody has changed the same statement or setting since; also of :meth:`plan_undo`.

        Examples
        --------
        >>> gt.undo(done).outcome  # doctest: +SKIP
        'undone'
        """
        named = change_id(change)
        if named:
            plan = self.plan_undo(change)
            named = plan.undoes
            how = f"To undo anyway, call gt.apply(gt.plan_undo('{named}'), confirm=['{{}}'])."
            changes.check_confirmed(plan, (), how)
        return changes.undo(
            self.aws, named, journal=self.journal, progress=progress, timeout_s=timeout_s
        )

    def history(
        self,
        team: TeamLike | None = None,
        bucket: str | None = None,
        *,
        since: TimeLike | None = "30d",
    ) -> History:
        """List who changed the locks of a team, its workforce and a bucket: the journal, merged
        with CloudTrail.

        CloudTrail's event history keeps 90 days.

        Examples
        --------
        >>> history = gt.history("open-team")  # doctest: +SKIP
        >>> [(entry.operation, entry.by_gt_secure) for entry in history]  # doctest: +SKIP
        [('UpdateWorkteam', True)]
        """
        return listings.History(
            *changes.read_history(self.aws, team, bucket, journal=self.journal, since=since)
        )

    def export(
        self,
        team: TeamLike | None = None,
        bucket: str | None = None,
        *,
        lists: TextsLike = (),
    ) -> tuple[Restriction, list[Notice]]:
        """Read the current locks of a team and a bucket as a restriction, with notices of what it
        cannot express.

        Parameters
        ----------
        bucket : str, optional
            A bucket; ``s3://bucket/prefix`` names one of several guards.
        lists : str or iterable of str
            Names of lists that AWS keeps (``pl-…``, ``wafv2:ipset/…``), written in place of their
            ranges.

        Raises
        ------
        NotFound
            If the bucket has no guard.
        InvalidInput
            If a list has a range that the current locks do not list, or which of several guards is
            meant is not clear.

        Examples
        --------
        >>> restriction, notices = gt.export("radiology-team", "gt-images")  # doctest: +SKIP
        >>> gt.plan(restriction).empty  # doctest: +SKIP
        True
        """
        return account.current_restriction(
            self.aws, None if team is None else team_here(self.aws, team), bucket, lists
        )

    # 4. Test URL

    def sign(
        self,
        bucket: str,
        key: str = "",
        *,
        expires_in: int | None = None,
        bound_to: Source | str | None = None,
        role_arn: str | None = None,
        version_id: str | None = None,
        sign_with: presign.SignWith = "session",
        viewer: str | None = None,
        trial: TeamLike | None = None,
        method: str = "GET",
    ) -> TestUrl:
        """Sign a presigned URL for one object, bound to a source as the URL lock would bind it. It
        shows itself masked.

        Always with signature version 4 and for the regional host. A viewer's URL never lives longer
        than the age limit of the bucket's guard, where the bucket policy can be read.

        Parameters
        ----------
        bucket, key : str, or both as ``s3://bucket/key``
        expires_in : int, seconds (default: 600)
        bound_to : Source or str, optional; such as ``203.0.113.7`` or
        ``10.0.3.4 via vpce-0a1b2c3d4e5f60718``
        role_arn : str, optional; the role to assume (default: the caller's own)
        version_id : str, optional; one version of the object
        sign_with : {"session", "own-keys", "ground-truth"}
            ``session`` signs under the condition of the URL lock. ``own-keys`` signs with the
            caller's own keys: it tests the guard only. ``ground-truth`` lets Ground Truth sign with
            ``grant_read_access``, by RenderUiTemplate and the role: the URL is a worker's in
            everything but the URL lock.
        viewer : str, optional
            The person who gets the URL, as a tag that nobody can remove from it: ``hits`` then
            counts by ``viewer``, and :meth:`revoke` stops the URLs of one viewer. Such a URL is no
            test URL.
        trial : optional
            The workteam whose people open the URL once from where they work. ``hits`` names it as
            the viewer ``trial:TEAM`` (``trial:TEAM:PERSON`` with ``viewer``), and ``plan`` counts
            its sources as those of the team. It lives for an hour by default.
        method : str
            ``GET``, ``HEAD`` or ``PUT``.

        Raises
        ------
        AccessDenied
            If the role cannot be assumed; with the trust statement to add.
        InvalidInput
            For a tag that the log could not give back, and for a POST form, which cannot carry one.
        LogError
            For a trial, if the bucket keeps no access log: nobody would see who opened the URL.

        Examples
        --------
        >>> url = gt.sign("gt-images", "scans/0001.png", bound_to="203.0.113.7")  # doctest: +SKIP
        """
        team = None
        if trial is not None:
            team = self.workteam(trial).name
            access_logs.find_logs(self.aws, place_of(bucket, key)[0])
        return presign.sign(
            self.aws,
            bucket,
            key,
            expires_in=expires_in,
            bound_to=bound_to,
            role_arn=role_arn,
            version_id=version_id,
            sign_with=sign_with,
            viewer=viewer,
            viewers=self.viewers,
            trial=team,
            method=method,
            test_urls=self.journal.test_urls,
        )

    def probe_origins(self) -> tuple[ProbeOrigin, ...]:
        """List the origins of a probe: the kernel alone on AWS, several sources in the sandbox.

        Examples
        --------
        >>> len(gt.probe_origins()) >= 1  # doctest: +SKIP
        True
        """
        return presign.probe_origins(self.aws)

    def probe(
        self,
        url: TestUrl | str,
        source: Source | str | ProbeOrigin | None = None,
        *,
        method: str = "",
    ) -> Probe:
        """Send a presigned request, from the kernel or, in the sandbox, from another ``source``.

        Parameters
        ----------
        url : TestUrl or str
        source : Source, str or ProbeOrigin, optional
        method : str
            ``GET``, ``HEAD``, ``LIST``, ``PUT`` or ``DELETE``; by default the one that the URL
            shows, if it reads, or GET. A method that writes is sent to a sandbox only.

        Raises
        ------
        InvalidInput
            If the URL is not presigned, or the method would write on AWS.

        Examples
        --------
        >>> gt.probe(url, "198.51.100.9").status  # doctest: +SKIP
        403
        """
        from .check.proof import RecordedProbe

        origin = presign.KERNEL
        if source is not None:
            origin = (
                source
                if isinstance(source, ProbeOrigin)
                else presign.probe_origin_for(self.aws, source)
            )
        answer = presign.probe(url, origin, method=method, test_urls=self.journal.test_urls)
        return RecordedProbe.of(answer, recorded_place(self.aws))

    def explain(
        self, probe: Probe, *, url: TestUrl | str | None = None, origin: str = ""
    ) -> Explanation:
        """Explain the answer to a probe: which lock opened or refused, and what to do next.

        Parameters
        ----------
        probe : Probe
        url : TestUrl or str, optional; the URL of the probe, which names its signer and expiry
        origin : str, the web origin of a browser's probe

        Examples
        --------
        >>> gt.explain(gt.probe(url), url=url).headline  # doctest: +SKIP
        """
        if not hasattr(probe, "status"):
            raise InvalidInput(
                f"explain() needs a probe, not {type(probe).__name__}.",
                next_step=(
                    "Pass gt.probe(url). For an object write gt.who_can_open(bucket,"
                    ' key).at("203.0.113.7").'
                ),
                field="probe",
            )
        return explain.explain_probe(self.aws.remembering(), probe, url=url, origin=origin)

    def who_can_open(
        self,
        bucket: str,
        key: str = "",
        *,
        team: TeamLike | None = None,
        signer: str | None = None,
    ) -> AccountExposure:
        """Show the exact sets of sources from which each kind of request is opened, refused, or
        unknown.

        Parameters
        ----------
        bucket, key : str, or both as ``s3://bucket/key``
            An object, or the beginning of keys that ends with a slash: then all keys under it
            count.
        team : optional; its workers' URLs are decided too
        signer : str, optional
            ARN of the one user, role or root user of the account whose URLs are asked about, under
            its own policies.

        Examples
        --------
        >>> who = gt.who_can_open("gt-images", "scans/0001.png", team="a-team")  # doctest: +SKIP
        >>> who.at("203.0.113.7")  # doctest: +SKIP
        """
        refuse_url(key, "key", "the key of an object")
        bucket, key = place_of(bucket, key)
        if team is not None and signer is not None:
            raise InvalidInput(
                "A signer is asked about alone, without a team.",
                next_step="Leave out team or signer.",
                field="signer",
            )
        is_prefix = not key or key.endswith("/")
        supplied = iam.supplied_facts(self.context)
        one = None if is_prefix else key
        state = self._beside(
            team=team, bucket=bucket, key=one, supplied=supplied, needs=account.LOCKS
        )
        return account.AccountExposure(
            account.locks_as(self.aws, state, signer),
            key,
            partial(account.with_signers, self.aws, state),
            is_prefix=is_prefix,
            listing=account.listing_of(self.aws, bucket),
        )

    def _beside(self, *, bucket: str | None, needs: frozenset[str], **scope: Any) -> State:
        """Read a state, and the other workteams of the bucket with what they were given."""
        aws = self.aws.remembering()
        if bucket is None or not self.others:
            return account.read_state(aws, bucket=bucket, needs=needs, **scope)
        state = account.read_state(aws, bucket=bucket, needs=needs | account.OTHERS, **scope)
        return changes.with_wishes(aws, self.journal, state)

    def prove(self, restriction: Restriction) -> Proof:
        """Prove that no presigned request from elsewhere is opened, or return one that is.

        The restriction's bucket, prefix, addresses and endpoints are the claim.

        Examples
        --------
        >>> gt.prove(restriction).proved  # doctest: +SKIP
        True
        """
        from .check.proof import RecordedProof
        from .engine.access.proof import with_locked_out
        from .restriction.claim import claim_from

        wish = account.with_lists(self.aws, restriction)
        if wish.bucket is None:
            raise InvalidInput(
                "The restriction names no bucket.", next_step="Add the bucket.", field="bucket"
            )
        supplied = iam.supplied_facts(self.context).with_defaults(iam.supplied_facts(wish.facts))
        state = account.read_state(self.aws, bucket=wish.bucket, supplied=supplied)
        locks, claim = account.locks_of(state), claim_from(wish)
        proof = access.Exposure(locks, wish.prefix, is_prefix=True).proves(claim)
        proof = with_locked_out(proof, locks, claim)
        told = {**vars(proof), "subject": f"s3://{wish.bucket}/{wish.prefix}"}
        wanted = "; ".join(filter(None, map(claimed, (wish, {"context": self.context}))))
        return RecordedProof.of(told, recorded_place(self.aws), wanted)

    @property
    def conditions(self) -> Json:
        """The known values and accepted findings of the connection, which are a part of claims."""
        return {"context": self.context, "accepted": self.accepted}

    def findings(
        self,
        *,
        team: TeamLike | None = None,
        bucket: str | None = None,
        logs: Logs | Hits | None = None,
        principals: bool | str | Path = False,
    ) -> Findings:
        """Look for what defeats, weakens or breaks a restriction of a team, its workforce and a
        bucket.

        Each guard is compared with the restriction that the journal has as applied to its prefix of
        the bucket.

        Parameters
        ----------
        bucket : str, optional
            A bucket, or ``s3://bucket``: all its objects. ``s3://bucket/prefix`` asks about those
            under a prefix.
        logs : optional; requests that show whether URLs live long
        principals : bool or path
            Users and roles, to see whether many can sign: read from the account, or from a file
            with the output of ``aws iam get-account-authorization-details``.

        Examples
        --------
        >>> [finding.code for finding in gt.findings(team="radiology-team")]  # doctest: +SKIP
        ['portal-public-beside-vpc']
        """
        supplied = iam.supplied_facts(self.context)
        name, prefix = (None, "") if bucket is None else place_of(bucket)
        state = self._beside(team=team, bucket=name, supplied=supplied, needs=account.FINDINGS)
        wanted, *others = *changes.wanted_on(self.aws, self.journal, state), None
        state = replace(state, wanted=wanted, wishes=tuple(filter(None, others)), prefix=prefix)
        with self._hits_of(logs) as hits:
            state = findings.with_url_ages(state, hits)
            state = account.with_whereabouts(state, hits, self.aws)
            if principals is not False:
                state = account.with_signers(
                    self.aws, state, None if principals is True else principals
                )
            found = findings.examine(state)
        access = None if name is None else account.access_to(state, prefix)
        listed = findings.accept(found.findings, self.accepted)
        result = listings.Findings(listed, found.checked, found.evidence, access)
        result.place, result.state = recorded_place(self.aws), state
        result.wanted = claimed(self.conditions)
        return result

    def report(
        self,
        *,
        buckets: TextsLike | None = None,
        since: str | None = "7d",
        accounts: AccountsLike | None = None,
        regions: TextsLike | None = None,
        role: RoleLike = "",
    ) -> AccountReport:
        """Report who can open each bucket, its locks, findings and leaked URLs. Writes nothing.

        What was not looked at has the reason, and a number that would rest on it is unknown.

        Parameters
        ----------
        buckets : str or iterable of str, optional
            Beside the buckets of teams, those that a guard of gt_secure protects: ``used`` (the
            default for one region), ``all``, ``tag:KEY=VALUE`` or names. By default many accounts
            are asked for those of teams.
        since : str, optional
            Read the access logs from here; None leaves them out. The logs of many accounts are
            never read.
        accounts : path or iterable, optional
            ``organization`` for all active accounts of it, or a file of account ids, or ids.
        regions : str or iterable of str, optional
            Regions to read instead of the connection's; ``all`` stands for those that are enabled
            in every account, and is the default of many accounts.
        role : str or (str, str)
            The role to assume in each account, with the external id that it asks for, if any.

        Raises
        ------
        InvalidInput
            For arguments that cannot be used. What could not be read is in ``unread``.

        Examples
        --------
        >>> gt.report(buckets="gt-images").require("high")  # doctest: +SKIP
        """
        from .report import report

        return report(
            self, buckets=buckets, since=since, accounts=accounts, regions=regions, role=role
        )

    # 5. Requests

    def hits(
        self,
        bucket: str | None = None,
        *,
        logs: Logs | None = None,
        since: TimeLike | None = None,
        until: TimeLike | None = None,
        filters: Mapping[str, object] | None = None,
        engine: EngineName | Athena | SparkSession = "auto",
        dedupe: bool = False,
        memory_limit: str | None = None,
        predict: bool = False,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
        wait_for: int | Callable[[Hits], bool] = 0,
        wait_s: float = 60,
    ) -> Hits:
        """Read the access log of a bucket.

        Parameters
        ----------
        bucket : str, optional; its log is found from its logging configuration
        logs : optional; access logs to read instead
        filters : mapping, optional; arguments of :meth:`~gt_secure.logs.Hits.filter`, applied where
        the query runs
        engine : str, Athena or pyspark.sql.SparkSession
            ``duckdb`` reads here, ``spark`` and ``athena`` elsewhere, ``auto`` chooses by size; or
            its settings.
        dedupe : bool, whether to leave out records that were delivered twice
        memory_limit : str, optional; memory that reading here may use, such as ``2GB``
        predict : bool
            Fill ``refused_by`` in where the log does not name the lock, from current policies;
            marked ``(predicted)``.
        progress : callable, optional; gets a :class:`~gt_secure.logs.Progress`, or a
        :class:`~gt_secure.logs.Waiting`
        cancel : threading.Event, optional; set it to stop reading or waiting
        wait_for : int or callable, requests to wait for, or a condition on the hits: S3 delivers
        logs hours late
        wait_s : float, seconds to wait at most

        Raises
        ------
        LogError
            If the bucket keeps no log, or no log object can be read; also of :meth:`count_hits`.

        Examples
        --------
        >>> hits = gt.hits("gt-images", filters={"presigned": True})  # doctest: +SKIP
        >>> hits.count("remote_ip")  # doctest: +SKIP
        """
        options: Json = {
            "since": since,
            "until": until,
            "dedupe": dedupe,
            "progress": progress,
        }
        options |= {"cancel": cancel, **self._keeping(), **engine_options(engine, memory_limit)}
        sources, options["filters"] = log_of(self.aws, bucket, logs, filters)
        if wait_for:
            found = access_logs.wait_for_hits(sources, wait_for, wait_s=wait_s, **options)
        else:
            found = access_logs.read_hits(sources, **options)
        found.place, found.subject = recorded_place(self.aws), bucket or found.subject
        found.owners_of = partial(account.owners_of, self.aws)
        return found.with_refusals(explain.refusal_decider(self.aws)) if predict else found

    def count_hits(
        self,
        bucket: str | None = None,
        by: str | Sequence[str] = ("remote_ip", "http_status"),
        *,
        logs: Logs | None = None,
        since: TimeLike | None = None,
        until: TimeLike | None = None,
        filters: Mapping[str, object] | None = None,
        engine: EngineName | Athena | SparkSession = "auto",
        memory_limit: str | None = None,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[Table, Coverage]:
        """Count requests of the access log of a bucket without loading them: for logs of any size.

        ``by`` names the columns to count by, in a list or with commas; ``filters``, ``engine``,
        ``memory_limit``, ``progress`` and ``cancel`` are as in :meth:`hits`.

        Examples
        --------
        >>> columns = "remote_ip,http_status"
        >>> table, coverage = gt.count_hits("gt-images", columns, since="7d")  # doctest: +SKIP
        """
        sources, wanted = log_of(self.aws, bucket, logs, filters)
        options: Json = {
            "since": since,
            "until": until,
            "progress": progress,
            "cancel": cancel,
        }
        options |= {"filters": wanted, **self._account(), **engine_options(engine, memory_limit)}
        return access_logs.count_hits(sources, by, **options)

    def _account(self) -> Json:
        """Return the options of every reading of logs."""
        return {
            "aws": self.aws,
            "networks": self.networks,
            "test_urls": self.journal.test_urls,
            "viewers": self.viewers,
        }

    def _keeping(self) -> Json:
        """Return the options of every reading that keeps rows."""
        return {"cache": self.cache, **self._account()}

    def _newest_log(self, state: State) -> account.Sightings:
        """Read the newest part of the access log of a bucket, once, if a workteam uses it."""
        bucket = state.bucket
        if bucket is None or (state.team.if_read is None and not state.users):
            return account.Sightings()
        if bucket.name not in self._logs:
            self._logs[bucket.name] = account.newest_sightings(bucket, state.at, self._keeping())
        return self._logs[bucket.name]

    @contextmanager
    def _hits_of(self, logs: Logs | Hits | None) -> Iterator[Hits | None]:
        """Give hits as they are, and read logs."""
        if logs is None or isinstance(logs, access_logs.Hits):
            yield logs
            return
        with access_logs.read_hits(logs, **self._keeping()) as read:
            yield read

    def plot(
        self,
        hits: Hits | Exposure,
        *,
        kind: PlotKind = "ip",
        restriction: Restriction | None = None,
        top: int = 12,
        theme: Theme = "light",
    ) -> Figure:
        """Plot requests, with sources outside the restriction marked; or an exposure, as the matrix
        of who can open.

        Parameters
        ----------
        hits : Hits, or what :meth:`exposure` returned; then ``kind``, ``restriction`` and ``top``
        are not read
        kind : str
            ``ip``, ``network``: bars by source. ``time``: over time. ``age``: ages of URLs, by
            signer. ``refused``: refusals, by lock.
        restriction : Restriction, optional; the allowed addresses and endpoints
        top : int, number of sources with a bar of their own
        theme : str, ``light`` or ``dark``

        Examples
        --------
        >>> figure = gt.plot(gt.hits("gt-images"), restriction=restriction)  # doctest: +SKIP
        >>> figure.savefig("hits.png")  # doctest: +SKIP
        """
        if isinstance(hits, access.Exposure):
            if restriction is not None or (kind, top) != ("ip", 12):
                raise InvalidInput(
                    "A plot of an exposure has one kind.",
                    next_step="Pass the exposure and a theme only.",
                    field="hits",
                )
            return plots.answer_matrix(**access.picture_of(hits), theme=theme)
        if not isinstance(hits, access_logs.Hits):
            raise InvalidInput(
                f"plot() needs hits, not {type(hits).__name__}.",
                next_step="Pass gt.hits(...).",
                field="hits",
            )
        if restriction is not None:
            restriction = account.with_lists(self.aws, restriction)
        allowed = () if restriction is None else restriction.allowed
        return plots.draw(hits, kind, allowed=allowed, top=top, theme=theme)
