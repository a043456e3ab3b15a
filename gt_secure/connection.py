"""One connection to an account: every step of the main job as a method that returns values.

The panel, the command line and notebooks all call these. Each method hands its work to the package that owns it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from . import access, account, changes, findings, iam, listings, logs as access_logs, plots, presign, sandbox as local
from .aws import buckets, endpoints, teams
from .aws.client import Aws, connect_aws, session_without_configuration
from .aws.sdk_session import SageMakerSession, connect_sdk_session
from .aws.teams import TeamLike, team_here
from .changes import Journal
from .errors import InvalidInput, refuse_url
from .named_networks import networks_from
from .network import Source

if TYPE_CHECKING:
    import datetime as dt
    import threading
    from pathlib import Path

    import boto3
    from matplotlib.figure import Figure

    from .access.explain.explanation import Explanation
    from .access.exposure import Context, Exposure
    from .access.proof import Proof
    from .account import State
    from .audit import Audit
    from .aws.teams import Workforce, Workteam
    from .changes.plan import Plan
    from .changes.revoke import Revoked
    from .changes.transaction import Applied
    from .changes.undo import UndoPlan
    from .findings.acceptance import Acceptance
    from .findings.accepted import AcceptedLike
    from .listings import Endpoints, Findings, History, Jobs, Workteams
    from .logs import Athena, Coverage, Hits, Table
    from .logs.leaks import Leak
    from .logs.read import EngineName
    from .named_networks import Networks, NetworksLike
    from .plots import PlotKind, Theme
    from .presign import Probe, ProbeOrigin, TestUrl
    from .restriction.messages import Notice
    from .restriction.model import Restriction


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
) -> Connection:
    """Connect to the account of the current credentials. Calls nothing yet.

    Parameters
    ----------
    profile : str, optional
        A profile of the AWS configuration.
    region : str, optional
        The region of the workteams.
    boto3_session : boto3.session.Session, optional
        A session to use instead of the default credentials.
    sagemaker_session : sagemaker.core.helper.session_helper.Session, optional
        A session of the SageMaker SDK, version 2 or 3. Its credentials, its region and the endpoints of its
        SageMaker and S3 clients are used.
    endpoint_url : str, optional
        Endpoint to use instead of AWS, such as the sandbox.
    sandbox : bool or Sandbox
        A running :class:`~gt_secure.sandbox.Sandbox`, or True for the one that ``AWS_ENDPOINT_URL`` names. Where no
        variable names one, True starts a sandbox that ends with this process. The connection never reaches AWS. It uses
        the sandbox's own journal and cache.
    journal : path, optional
        Folder that records changes (default: ``GT_SECURE_JOURNAL``, ``~/.gt_secure/journal``).
    cache : bool or path
        Whether to keep what is parsed from logs of S3 on disk, or the folder for it.
    networks : Networks or path, or several paths, optional
        Files that name networks: a networks file, AWS's ``ip-ranges.json``, MMDB databases. Hits get the columns
        ``network_name``, ``network_source``, ``asn`` and ``country``, and plots and leaks get the names.
    context : mapping, optional
        Values of condition keys that are known, such as ``{"aws:PrincipalOrgID": "o-abc123"}``.
    accepted : path or iterable, optional
        Accepted findings: a file with a list ``accepted``, or its entries. Findings that match are marked with the
        entry (``Finding.accepted``, and ``Finding.ended`` after its last day), and listed apart.

    Raises
    ------
    InvalidInput
        If arguments contradict each other, a file cannot be used, or changes would be written elsewhere than the
        session reads.
    Unreachable
        If the sandbox that ``AWS_ENDPOINT_URL`` names does not answer.

    Examples
    --------
    >>> import gt_secure
    >>> gt = gt_secure.connect(region="us-east-1")  # doctest: +SKIP
    >>> gt.workteams()  # doctest: +SKIP
    """
    kept: dict[str, Any] = {
        "journal": journal, "cache": cache, "networks": networks, "context": context, "accepted": accepted,
    }  # fmt: skip
    if sandbox is not False:
        named = _sandbox_variables(sandbox, others=(profile, boto3_session, sagemaker_session, endpoint_url))
        kept["journal"] = journal or named.get("GT_SECURE_JOURNAL")
        kept["cache"] = named.get("GT_SECURE_CACHE", True) if cache is True else cache
        return Connection(_sandbox_client(named, region), **kept)
    if sagemaker_session is not None:
        if boto3_session is not None or profile is not None:
            raise InvalidInput(
                "A SageMaker session has its own credentials, and others are given too.",
                next_step="Give sagemaker_session, boto3_session or profile: one of them.",
                field="sagemaker_session",
            )
        return Connection(connect_sdk_session(sagemaker_session, region, endpoint_url), **kept)
    if boto3_session is not None and not hasattr(boto3_session, "region_name"):
        raise InvalidInput(
            f"{type(boto3_session).__name__} is not a boto3 session.",
            next_step="Pass a boto3.Session, or a session of the SageMaker SDK as sagemaker_session=.",
            field="boto3_session",
        )
    return Connection(
        connect_aws(profile=profile, region=region, boto3_session=boto3_session, endpoint_url=endpoint_url), **kept
    )


class RunningSandbox(Protocol):
    """A sandbox that is running, as far as a connection needs it."""

    def environment(self) -> dict[str, str]:
        """Return the AWS_* variables that make a client use it."""
        ...


def _sandbox_variables(given: bool | RunningSandbox, others: tuple[object, ...]) -> dict[str, str]:
    """Return the variables of the sandbox that is meant; one is started where none is named."""
    if any(other is not None for other in others):
        raise InvalidInput(
            "sandbox= already says which credentials and which endpoint to use.",
            next_step="Leave out profile=, boto3_session=, sagemaker_session= and endpoint_url=.",
            field="sandbox",
        )
    if given is not True and not hasattr(given, "environment"):
        raise InvalidInput(
            f"sandbox= is True or a running Sandbox, not {type(given).__name__}.",
            next_step="Pass sandbox=True for the sandbox that AWS_ENDPOINT_URL names, or Sandbox().start().",
            field="sandbox",
        )
    if given is True and "AWS_ENDPOINT_URL" in os.environ:
        return dict(os.environ)
    return (local.shared_sandbox() if given is True else given).environment()  # type: ignore[union-attr]


def _sandbox_client(named: Mapping[str, str], region: str | None) -> Aws:
    session = session_without_configuration(
        named.get("AWS_ACCESS_KEY_ID"), named.get("AWS_SECRET_ACCESS_KEY"), region or named.get("AWS_REGION")
    )
    aws = connect_aws(boto3_session=session, endpoint_url=named["AWS_ENDPOINT_URL"])
    if not aws.is_local:
        raise InvalidInput(
            "AWS_ENDPOINT_URL does not name a sandbox on this machine.",
            next_step="Use connect() without sandbox= for an account, or start gt-secure sandbox.",
            field="sandbox",
        )
    local.check_answers(named["AWS_ENDPOINT_URL"])
    return aws


def connection_of(given: ConnectionLike) -> Connection:
    """Return a connection unchanged, or connect with a session of the SageMaker SDK.

    Raises
    ------
    InvalidInput
        For anything else.
    """
    if isinstance(given, Connection):
        return given
    if hasattr(given, "boto_session"):
        return connect(sagemaker_session=given)
    raise InvalidInput(
        f"{type(given).__name__} is not a connection.",
        next_step="Pass what gt_secure.connect() returns, or a session of the SageMaker SDK.",
        field="connection",
    )


def with_facts(given: ConnectionLike, context: Context | None, accepted: AcceptedLike | None = None) -> Connection:
    """Return the connection with more known values and accepted findings, as one check has them."""
    gt = connection_of(given)
    known = (*gt.accepted, *findings.read_accepted(accepted))
    return replace(gt, context={**gt.context, **(context or {})}, accepted=known)


ConnectionLike: TypeAlias = "Connection | SageMakerSession"
"""What stands for a connection: one of ours, or a session of the SageMaker SDK."""


Logs: TypeAlias = "str | Path | Iterable[str | Path]"
"""Access logs: a file, a folder, a glob, an ``s3://`` prefix, or several of them."""


class SparkSession(Protocol):
    """A session of Spark, by its shape."""

    sparkContext: Any


def _names_moved(cls: type[Connection]) -> type[Connection]:
    """Let every method name the new place of an argument that belongs to the connection."""

    def named(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:
            for name in _OF_THE_CONNECTION.keys() & options.keys():
                place = _OF_THE_CONNECTION[name]
                raise TypeError(
                    f"{method.__name__}() has no argument {name}: it belongs to the connection. Use "
                    f"gt_secure.connect({place}=...), or dataclasses.replace(gt, {place}=...)."
                )
            return method(*args, **options)

        return call

    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, named(method))
    return cls


_OF_THE_CONNECTION = {name: name for name in ("journal", "cache", "networks", "context", "accepted")}
_OF_THE_CONNECTION["journal_dir"] = "journal"


@_names_moved
@dataclass(frozen=True, eq=False, repr=False)
class Connection:
    """The main job on one account and region: workteams, restriction, plan and apply, test URL and probe, hits.

    Attributes
    ----------
    aws : Aws
        The client factory, with region and identity.
    journal : Journal
        The changes that were applied and undone: iterate over it, or look at its table. ``journal.path`` is its folder.
    cache : bool or Path
        Whether parsed logs of S3 are kept on disk, or the folder for them.
    networks : Networks or None
        Names of networks: they add columns and names to hits, plots and leaks.
    context : mapping
        Values of condition keys that are known, such as ``{"aws:PrincipalOrgID": "o-abc123"}``.
    accepted : tuple of Acceptance
        Known findings: plans and findings mark them.

    Examples
    --------
    >>> gt = gt_secure.connect(region="us-east-1")  # doctest: +SKIP
    >>> in_test = dataclasses.replace(gt, context={"aws:PrincipalTag/stage": "test"})  # doctest: +SKIP
    >>> gt.plan(Restriction("radiology-team", addresses=["203.0.113.0/24"]))  # doctest: +SKIP
    """

    aws: Aws
    journal: Journal = field(default_factory=Journal)
    cache: bool | Path = True
    networks: Networks | None = None
    context: Context = field(default_factory=dict)
    accepted: tuple[Acceptance, ...] = ()

    def __post_init__(self) -> None:
        """Read files and check values now: a bad one is no error in the middle of a plan."""
        journal: Any = self.journal
        if not isinstance(journal, Journal):
            refuse_url(journal, "journal", "the folder of a journal")
            object.__setattr__(self, "journal", Journal(journal))
        if self.networks is not None:
            object.__setattr__(self, "networks", networks_from(self.networks))
        iam.supplied_facts(self.context)
        object.__setattr__(self, "context", dict(self.context or {}))
        object.__setattr__(self, "accepted", findings.read_accepted(self.accepted))

    def __repr__(self) -> str:
        where = "sandbox" if self.aws.is_local else "AWS"
        return f"<gt_secure connection to {where}, {self.aws.region}>"

    # 1. Workteam

    def workteams(self) -> Workteams:
        """List private and vendor workteams of the region (two SageMaker calls).

        Returns
        -------
        Workteams
            A list of Workteam by name, shown as a table.

        Raises
        ------
        AccessDenied
            Without ``sagemaker:ListWorkteams``.

        Examples
        --------
        >>> [team.name for team in gt.workteams()]  # doctest: +SKIP
        ['open-team', 'radiology-team']
        """
        return listings.Workteams(teams.list_workteams(self.aws))

    def workteam(self, name: TeamLike) -> Workteam:
        """Read one private workteam.

        Parameters
        ----------
        name : str, Workteam or sagemaker.core.resources.Workteam
            Its name or ARN.

        Raises
        ------
        NotFound
            If the region has no private workteam of that name. The message names similar ones.

        Examples
        --------
        >>> gt.workteam("radiology-team").url_lock.mode  # doctest: +SKIP
        'SourceIp'
        """
        return teams.get_workteam(self.aws, name)

    def workforce(self) -> Workforce | None:
        """Read the private workforce of the region, which all its workteams share.

        Returns
        -------
        Workforce or None
            None if the region has no private workforce.

        Raises
        ------
        AccessDenied
            Without ``sagemaker:ListWorkforces``.

        Examples
        --------
        >>> gt.workforce().cidrs  # doctest: +SKIP
        ('203.0.113.0/24',)
        """

        workforces = teams.list_workforces(self.aws)
        return workforces[0] if workforces else None

    def jobs(self, team: TeamLike) -> Jobs:
        """List the labeling jobs of a team that still wait for workers.

        Returns
        -------
        Jobs
            A list of LabelingJob, shown as a table.

        Raises
        ------
        NotFound
            If there is no such workteam.

        Examples
        --------
        >>> [(job.name, job.pending) for job in gt.jobs("radiology-team")]  # doctest: +SKIP
        [('chest-scans', 40)]
        """
        team_here(self.aws, team)
        return listings.Jobs(
            teams.jobs_of_team(self.aws, team if isinstance(team, teams.Workteam) else self.workteam(team))
        )

    # 2. Allow

    def endpoints(self) -> Endpoints:
        """List the VPC endpoints for S3 of the region.

        Returns
        -------
        Endpoints
            A list of VpcEndpoint, shown as a table.

        Raises
        ------
        AccessDenied
            Without ``ec2:DescribeVpcEndpoints``.

        Examples
        --------
        >>> gt.endpoints()[0].id  # doctest: +SKIP
        'vpce-0a1b2c3d4e5f60718'
        """
        return listings.Endpoints(endpoints.list_s3_endpoints(self.aws))

    def state(self, *, team: TeamLike | None = None, bucket: str | None = None) -> State:
        """Read the account as far as a team and a bucket are concerned: team, portal, bucket, endpoints, organization.

        Parameters
        ----------
        team : str, Workteam or sagemaker.core.resources.Workteam, optional
        bucket : str, optional

        Returns
        -------
        State
            Its parts, such as ``state.bucket.policy``: read (``value``), absent (None), or not read (``missing``).

        Raises
        ------
        NotFound
            If the team or the bucket does not exist.
        InvalidInput
            If neither is given.

        Examples
        --------
        >>> gt.state(bucket="gt-images").bucket.policy.value  # doctest: +SKIP
        '{"Version": "2012-10-17", "Statement": []}'
        """
        return account.read_state(
            self.aws, team=team, bucket=bucket, supplied=iam.supplied_facts(self.context), needs=account.EVERYTHING
        )

    def keys(self, bucket: str, prefix: str = "", *, most: int = 200) -> list[str]:
        """List some object keys of a bucket.

        Parameters
        ----------
        prefix : str
            List only keys that begin with it.
        most : int
            Number of keys at most.

        Raises
        ------
        AccessDenied
            Without ``s3:ListBucket``.

        Examples
        --------
        >>> gt.keys("gt-images", "scans/", most=1)  # doctest: +SKIP
        ['scans/0001.png']
        """
        return buckets.list_keys(self.aws, bucket, prefix, most=most)

    # 3. Review and apply

    def plan(
        self,
        restriction: Restriction,
        *,
        logs: Logs | Hits | None = None,
    ) -> Plan:
        """Compare a restriction with the account, and return the changes as a plan. Writes nothing.

        Parameters
        ----------
        logs : Hits, path, s3:// prefix or several, optional
            Recent requests, or the access logs with them. A plan that refuses a worker who appears in them is stopped
            by a blocker.

        Returns
        -------
        Plan
            ``changes``, ``blockers``, the access before and after. A notebook shows it as a page.

        Raises
        ------
        NotFound
            If the workteam or the bucket does not exist.
        Examples
        --------
        >>> plan = gt.plan(Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images"))  # doctest: +SKIP
        >>> [change.kind for change in plan.changes]  # doctest: +SKIP
        ['bucket-guard', 'url-lock']
        """
        with self._hits_of(logs) as hits:
            return changes.plan(
                self.aws, restriction, hits=hits, context=self.context, accepted=self.accepted, journal=self.journal
            )

    def apply(
        self,
        plan: Plan,
        *,
        confirm: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
        digest: str | None = None,
    ) -> Applied:
        """Apply a plan: read again, change, read back, and roll back if a step fails.

        The expectations of the restriction are then tried with real requests, where their sources can be reached.

        Parameters
        ----------
        confirm : sequence of str
            Codes of the blockers that the person accepts.
        progress : callable, optional
            Gets a sentence for each step.
        timeout_s : float
            Deadline in seconds. Rolling back may take 120 s more.
        digest : str, optional
            ``plan.digest`` of the plan that was approved: another plan is refused.

        Returns
        -------
        Applied
            ``id`` is that of the journal, for :meth:`undo`; ``certain`` is True if AWS confirmed each step.

        Raises
        ------
        InvalidInput
            For a blocker that is not confirmed. Nothing was changed.
        Conflict
            If somebody changed the same thing since the plan was made, or the digest is that of another plan.

        Examples
        --------
        >>> done = gt.apply(plan)  # doctest: +SKIP
        >>> done.outcome  # doctest: +SKIP
        'applied'
        """
        return changes.apply(
            self.aws,
            plan,
            journal=self.journal,
            confirm=confirm,
            progress=progress,
            timeout_s=timeout_s,
            digest=digest,
            probe=access.expectation_probe(self.aws, plan.restriction.team, self.journal.test_urls)
            if plan.restriction.expectations
            else None,
        )

    def revoke(
        self,
        leak: Leak | None = None,
        *,
        before: dt.datetime | str | None = None,
        bucket: str | None = None,
        prefix: str = "",
        signer: str | None = None,
        logs: Logs | Hits | None = None,
    ) -> Plan:
        """Plan to stop a leaked URL, or all URLs signed with older credentials. Writes nothing: :meth:`apply` does.

        Parameters
        ----------
        leak : Leak, optional
            One of ``gt.hits(...).leaks()``: its object is refused to its signer's older credentials. If the URL names
            no object, such as a listing, the whole bucket is.
        before : datetime or str, optional
            Instead of a leak: credentials issued before this time (UTC) open nothing by presigned requests.
        bucket, prefix : str, optional
            Where, for ``before``.
        signer : str, optional
            ARN of the role or user whose URLs are meant, for ``before``. A user's long-term keys have no time of issue:
            all that they sign is refused, new URLs too, and no later plan removes that.
        logs : Hits, path, s3:// prefix or several, optional
            Recent requests, or the access logs with them: the plan then names who else loses access.

        Returns
        -------
        Plan
            For :meth:`apply`. :meth:`undo` takes it back; a later plan for the bucket removes it once the URLs have
            expired.

        Raises
        ------
        InvalidInput
            If neither a leak nor a time is given, something is given that a leak names itself, or the URLs have expired
            already.

        Examples
        --------
        >>> leak = gt.hits("gt-images").leaks()[0]  # doctest: +SKIP
        >>> gt.apply(gt.revoke(leak)).outcome  # doctest: +SKIP
        'applied'
        """
        if (leak is None) == (before is None):
            raise InvalidInput(
                "A revocation is for one leak or for a time.",
                next_step="Pass a leak of gt.hits(...).leaks(), or before= with bucket=.",
                field="before",
            )
        if leak is not None:
            if prefix or signer is not None:
                raise InvalidInput(
                    "A leak names its own object and signer.",
                    next_step="Leave out prefix= and signer=, or pass before= and bucket= instead of the leak.",
                    field="signer" if signer is not None else "prefix",
                )
            revoked = changes.revoked_by_leak(leak)
            if bucket is not None and (named := buckets.check_bucket(bucket)) != revoked.bucket:
                raise InvalidInput(
                    f"The leak is of a URL of the bucket {revoked.bucket}, not {named}.",
                    next_step="Leave the bucket out, or choose a leak of that bucket.",
                    field="bucket",
                )
            return self._plan_revoke(revoked, logs)
        if before is None or not bucket:
            raise InvalidInput("No bucket is named.", next_step="Pass bucket=.", field="bucket")
        refuse_url(bucket, "bucket", "the name of a bucket")
        return self._plan_revoke(changes.revoked_before(bucket, before, prefix, signer), logs)

    def _plan_revoke(self, revoked: Revoked, logs: Logs | Hits | None) -> Plan:
        with self._hits_of(logs) as hits:
            return changes.plan_revoke(self.aws, revoked, hits=hits, context=self.context)

    def resume(
        self,
        change: str | None = None,
        *,
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
    ) -> Applied:
        """Complete a change that was interrupted, for example by a killed kernel.

        Parameters
        ----------
        change : str, optional
            Its id in the journal, or the beginning of it (default: the last one).
        progress : callable, optional
            Gets a sentence for each step.
        timeout_s : float
            Deadline in seconds.

        Raises
        ------
        NotFound
            If the journal has no such change.

        Examples
        --------
        >>> gt.resume().outcome  # doctest: +SKIP
        'applied'
        """
        return changes.resume(
            self.aws, _change_id(change), journal=self.journal, progress=progress, timeout_s=timeout_s
        )

    def plan_undo(self, change: str | Applied | None = None) -> UndoPlan:
        """Show what :meth:`undo` would change. Writes nothing.

        Parameters
        ----------
        change : str or Applied, optional
            The change, by id or by what :meth:`apply` returned (default: the last one).

        Raises
        ------
        NotFound
            If the journal has no such change.
        Conflict
            If somebody has changed the same statement or setting since.

        Examples
        --------
        >>> [change.title for change in gt.plan_undo().changes]  # doctest: +SKIP
        ['Bucket guard of gt-images']
        """
        return changes.plan_undo(self.aws, _change_id(change), journal=self.journal)

    def undo(
        self,
        change: str | Applied | None = None,
        *,
        progress: Callable[[str], None] | None = None,
        timeout_s: float = 600,
    ) -> Applied:
        """Undo a change, the last one by default. Later edits by others stay.

        Parameters
        ----------
        change : str or Applied, optional
            The change, by id or by what :meth:`apply` returned. An apply that changed nothing needs no undo.
        progress : callable, optional
            Gets a sentence for each step.
        timeout_s : float
            Deadline in seconds.

        Raises
        ------
        NotFound
            If the journal has no such change.
        Conflict
            If somebody has changed the same statement or setting since.

        Examples
        --------
        >>> gt.undo(done).outcome  # doctest: +SKIP
        'undone'
        """
        return changes.undo(self.aws, change, journal=self.journal, progress=progress, timeout_s=timeout_s)

    def history(
        self,
        team: TeamLike | None = None,
        bucket: str | None = None,
        *,
        since: dt.datetime | str | None = "30d",
    ) -> History:
        """List who changed the locks of a team and a bucket: the journal, merged with CloudTrail's event history.

        Parameters
        ----------
        team : str, Workteam or sagemaker.core.resources.Workteam, optional
            Its workforce is included.
        since : datetime or str, optional
            Start in UTC, or an age such as ``7d``. CloudTrail keeps 90 days.

        Returns
        -------
        History
            A list of HistoryEntry, the newest first, shown as a table. What could not be read is in ``unread``.

        Raises
        ------
        InvalidInput
            If neither a team nor a bucket is given.

        Examples
        --------
        >>> [(entry.operation, entry.by_gt_secure) for entry in gt.history("open-team")]  # doctest: +SKIP
        [('UpdateWorkteam', True)]
        """
        return listings.History(*changes.read_history(self.aws, team, bucket, journal=self.journal, since=since))

    def export(
        self, team: TeamLike | None = None, bucket: str | None = None, *, lists: str | Iterable[str] = ()
    ) -> tuple[Restriction, list[Notice]]:
        """Read the locks that a team and a bucket have now as a restriction.

        Parameters
        ----------
        bucket : str, optional
            The bucket whose guard is read.
        lists : str or iterable of str
            Names of lists that AWS keeps (``pl-…``, ``wafv2:ipset/NAME``): each is written in place of its ranges.

        Returns
        -------
        restriction : Restriction
            Planning it changes nothing.
        notices : list of Notice
            What it cannot express.

        Raises
        ------
        NotFound
            If the team, the bucket or a list does not exist, or the bucket has no guard.
        InvalidInput
            If a list has a range that the current locks do not list.

        Examples
        --------
        >>> restriction, notices = gt.export("radiology-team", "gt-images")  # doctest: +SKIP
        >>> gt.plan(restriction).empty  # doctest: +SKIP
        True
        """
        return account.current_restriction(self.aws, None if team is None else team_here(self.aws, team), bucket, lists)

    # 4. Test URL

    def test_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int = 600,
        bound_to: Source | str | None = None,
        role_arn: str | None = None,
        version_id: str | None = None,
        use_session: bool = True,
    ) -> TestUrl:
        """Mint a presigned URL for one object, bound to a source as the URL lock would bind it.

        Parameters
        ----------
        bucket, key : str
            The object.
        expires_in : int
            Lifetime in seconds.
        bound_to : Source or str, optional
            The worker's source, such as ``203.0.113.7`` or ``10.0.3.4 via vpce-0a1b2c3d4e5f60718``.
        role_arn : str, optional
            The role to assume (default: the caller's own).
        version_id : str, optional
            One version of the object.
        use_session : bool
            Sign with a session, as Ground Truth does. False signs with the caller's own keys: it tests the guard only.

        Returns
        -------
        TestUrl
            A secret: it shows itself masked, and ``reveal()`` returns the URL.

        Raises
        ------
        NotFound
            If there is no such bucket or object.
        AccessDenied
            If the role cannot be assumed; with the trust statement to add.

        Examples
        --------
        >>> url = gt.test_url("gt-images", "scans/0001.png", bound_to="203.0.113.7")  # doctest: +SKIP
        """
        return presign.mint(
            self.aws,
            bucket,
            key,
            expires_in=expires_in,
            bound_to=bound_to,
            role_arn=role_arn,
            version_id=version_id,
            use_session=use_session,
            test_urls=self.journal.test_urls,
        )

    def probe_origins(self) -> tuple[ProbeOrigin, ...]:
        """List the origins of a probe: the kernel alone on AWS, several sources in the sandbox.

        Raises
        ------
        Unreachable
            If the sandbox does not answer.

        Examples
        --------
        >>> len(gt.probe_origins()) >= 1  # doctest: +SKIP
        True
        """
        return presign.probe_origins(self.aws)

    def probe(self, url: TestUrl | str, source: Source | str | ProbeOrigin | None = None) -> Probe:
        """Fetch a presigned URL, from the kernel or, in the sandbox, from another source.

        Parameters
        ----------
        source : Source, str or ProbeOrigin, optional
            Where the request comes from (sandbox only).

        Returns
        -------
        Probe
            ``status``, ``opened``, and S3's error code; without the URL. ``failure`` says why no answer came.

        Raises
        ------
        InvalidInput
            For text that is no presigned URL, or a source that cannot be simulated.

        Examples
        --------
        >>> gt.probe(url, "198.51.100.9").status  # doctest: +SKIP
        403
        """

        origin: ProbeOrigin = presign.KERNEL
        if source is not None:
            origin = source if isinstance(source, presign.ProbeOrigin) else presign.probe_origin_for(self.aws, source)
        return presign.probe(url, origin, test_urls=self.journal.test_urls)

    def explain(self, probe: Probe, *, url: TestUrl | str | None = None, origin: str = "") -> Explanation:
        """Explain the answer to a probe: which lock opened or refused, and what to do next.

        Parameters
        ----------
        url : TestUrl or str, optional
            The URL of the probe, which names its signer and expiry.
        origin : str
            The web origin of a browser's probe.

        Returns
        -------
        Explanation
            The cause and the next step.

        Raises
        ------
        InvalidInput
            For something that is no probe.

        Examples
        --------
        >>> gt.explain(gt.probe(url), url=url).headline  # doctest: +SKIP
        """
        if not hasattr(probe, "status"):
            raise InvalidInput(
                f"explain() needs a probe, not {type(probe).__name__}.",
                next_step='Pass gt.probe(url). For an object write gt.exposure(bucket, key).at("203.0.113.7").',
                field="probe",
            )

        return access.explain_probe(self.aws, probe, url=url, origin=origin)

    def exposure(self, bucket: str, key: str = "", *, team: TeamLike | None = None) -> Exposure:
        """Show the exact sets of sources from which each kind of request is opened, refused, or unknown.

        Parameters
        ----------
        key : str, optional
            An object, or the start of keys that ends with a slash: then all keys under it count.
        team : str, Workteam or sagemaker.core.resources.Workteam, optional
            The workteam whose URLs are decided too, each as the worker's own and as used from another address.

        Returns
        -------
        Exposure
            A row for each kind of request; ``at`` answers for one source, and ``missing`` lists the missing
            permissions to decide more.

        Raises
        ------
        NotFound
            If the team or the bucket does not exist.

        Examples
        --------
        >>> gt.exposure("gt-images", "scans/")  # doctest: +SKIP
        >>> gt.exposure("gt-images", "scans/0001.png", team="radiology-team").at("203.0.113.7")  # doctest: +SKIP
        """
        refuse_url(key, "key", "the key of an object")
        is_prefix = not key or key.endswith("/")
        supplied = iam.supplied_facts(self.context)
        state = account.read_state(
            self.aws, team=team, bucket=bucket, key=None if is_prefix else key, supplied=supplied
        )

        return access.Exposure(
            access.locks_of(state), key, is_prefix=is_prefix, listing=access.listing_of(self.aws, bucket)
        )

    def prove(self, restriction: Restriction) -> Proof:
        """Prove that no presigned request from elsewhere is opened, or return one that is.

        Parameters
        ----------
        restriction : Restriction
            Its bucket, prefix, addresses and endpoints are the claim.

        Returns
        -------
        Proof
            ``proved`` is True, False, or None where it depends on facts that are not known.

        Raises
        ------
        InvalidInput
            If the restriction names no bucket.

        Examples
        --------
        >>> gt.prove(restriction).proved  # doctest: +SKIP
        True
        """
        if restriction.bucket is None:
            raise InvalidInput("The restriction names no bucket.", next_step="Add the bucket.", field="bucket")
        wish = account.with_lists(self.aws, restriction)
        supplied = iam.supplied_facts(self.context).with_defaults(iam.supplied_facts(wish.facts))
        state = account.read_state(self.aws, bucket=wish.bucket, supplied=supplied)

        return access.Exposure(access.locks_of(state), wish.prefix, is_prefix=True).proves(wish)

    def findings(
        self,
        *,
        team: TeamLike | None = None,
        bucket: str | None = None,
        logs: Logs | Hits | None = None,
    ) -> Findings:
        """Look for what defeats, weakens or breaks a restriction of a team, its workforce and a bucket.

        Parameters
        ----------
        bucket : str, optional
            A bucket, or ``s3://bucket/prefix``.
        logs : Hits, path, s3:// prefix or several, optional
            Requests of the bucket, or the access logs with them: they show whether URLs live long.

        Returns
        -------
        Findings
            A tuple of Finding, the most severe first, shown as a table. ``could_not_see`` lists
            the actions that were denied.

        Raises
        ------
        InvalidInput
            If neither a team nor a bucket is given.

        Examples
        --------
        >>> [finding.code for finding in gt.findings(team="radiology-team")]  # doctest: +SKIP
        ['portal-public-beside-vpc']
        """
        supplied = iam.supplied_facts(self.context)
        state = account.read_state(self.aws, team=team, bucket=bucket, supplied=supplied, needs=account.FINDINGS)
        with self._hits_of(logs) as hits:
            state = findings.with_url_ages(state, hits)
        return listings.Findings(findings.accept(findings.find_all(state), self.accepted))

    def audit(
        self,
        *,
        buckets: str | Iterable[str] = (),
        since: str | None = "7d",
        logs: bool = True,
    ) -> Audit:
        """Report the state of the region: teams, portal, buckets, findings, requests and leaked URLs. Writes nothing.

        Parameters
        ----------
        buckets : str or iterable of str
            More data buckets than those of waiting labeling jobs.
        since : str, optional
            Read the logs from here: a UTC time, or an age such as ``7d``.
        logs : bool
            Read the access logs of the buckets.

        Returns
        -------
        Audit
            ``findings``, ``leaks``, ``unread`` and ``require(severity)``. A notebook shows it as a report.

        Raises
        ------
        InvalidInput
            For a bucket name or a time that cannot be used. What this role cannot read is in ``unread``.

        Examples
        --------
        >>> gt.audit(buckets="gt-images").require("high")  # doctest: +SKIP
        """

        from .audit import audit  # it reports on a connection

        names = buckets.split(",") if isinstance(buckets, str) else buckets
        return audit(self, buckets=names, since=since, logs=logs)

    # 5. Hits

    def hits(
        self,
        bucket: str | None = None,
        *,
        logs: Logs | None = None,
        since: dt.datetime | str | None = None,
        until: dt.datetime | str | None = None,
        filters: Mapping[str, object] | None = None,
        engine: EngineName | Athena | SparkSession = "auto",
        dedupe: bool = False,
        memory_limit: str | None = None,
        predict: bool = False,
        progress: Callable[[Any], object] | None = None,
        cancel: threading.Event | None = None,
        wait_for: int | Callable[[Hits], bool] = 0,
        wait_s: float = 60,
    ) -> Hits:
        """Read the access log of a bucket.

        Parameters
        ----------
        bucket : str, optional
            The bucket whose log is found from its logging configuration.
        logs : path, s3:// prefix or several, optional
            Access logs to read instead.
        since, until : datetime or str, optional
            Times in UTC; ``until`` is not included. ``7d`` and ``24h`` are ages.
        filters : mapping, optional
            Arguments of :meth:`~gt_secure.logs.Hits.filter`, applied where the query runs.
        engine : str, Athena or pyspark.sql.SparkSession
            ``duckdb`` reads here, ``spark`` and ``athena`` run the query elsewhere, ``auto`` chooses by size. Settings
            of Athena, or a session of Spark, choose that engine.
        dedupe : bool
            Leave out records that were delivered twice.
        memory_limit : str, optional
            Memory that reading here may use, such as ``2GB``.
        predict : bool
            Fill ``refused_by`` in where the log does not name the lock, from the current bucket policy. Such values end
            with ``(predicted)``.
        progress : callable, optional
            Gets a :class:`~gt_secure.logs.Progress` while reading; with ``wait_for`` also a
            :class:`~gt_secure.logs.Waiting`.
        cancel : threading.Event, optional
            Set it to stop reading or waiting.
        wait_for : int or callable
            Wait until this number of requests is there, or until a condition on the hits is true: S3 delivers logs
            hours late. Only new log objects are looked for and read. Waiting works where the logs are read here.
        wait_s : float
            Seconds to wait for them at most. What is there then is returned, and ``coverage.notes`` says so.

        Returns
        -------
        Hits
            Also a context manager that frees its temporary files.

        Raises
        ------
        LogError
            If the bucket keeps no log, or no log object can be read.
        InvalidInput
            If neither a bucket nor ``logs`` is given.

        Examples
        --------
        >>> gt.hits("gt-images", since="7d", filters={"presigned": True}).count("remote_ip")  # doctest: +SKIP
        """

        if predict:
            return self.hits(
                bucket, logs=logs, since=since, until=until, filters=filters, engine=engine, dedupe=dedupe,
                memory_limit=memory_limit, progress=progress, cancel=cancel, wait_for=wait_for, wait_s=wait_s,
            ).with_refusals(access.refusal_decider(self.aws))  # fmt: skip
        sources, wanted = self._log_of(bucket, logs, filters)
        if wait_for:
            return access_logs.wait_for_hits(
                sources, wait_for, wait_s=wait_s, since=since, until=until, engine=_engine(engine)["engine"],
                aws=self.aws, dedupe=dedupe, progress=progress, cancel=cancel, filters=wanted, **self._keeping(),
                **_memory(memory_limit),
            )  # fmt: skip
        return access_logs.read_hits(
            sources, since=since, until=until, aws=self.aws, dedupe=dedupe, progress=progress, cancel=cancel,
            filters=wanted, **_engine(engine), **self._keeping(), **_memory(memory_limit),
        )  # fmt: skip

    def count_hits(
        self,
        bucket: str | None = None,
        by: str | Sequence[str] = ("remote_ip", "http_status"),
        *,
        logs: Logs | None = None,
        since: dt.datetime | str | None = None,
        until: dt.datetime | str | None = None,
        filters: Mapping[str, object] | None = None,
        engine: EngineName | Athena | SparkSession = "auto",
        memory_limit: str | None = None,
        progress: Callable[[Any], object] | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[Table, Coverage]:
        """Count requests of the access log of a bucket without loading them: for logs of any size.

        Parameters
        ----------
        bucket, logs, since, until, filters, engine
            As in :meth:`hits`.
        memory_limit, progress, cancel
            As in :meth:`hits`.
        by : list of str or comma-separated str
            Columns to count by.

        Returns
        -------
        table : Table
            The columns of ``by`` and ``hits``, the most frequent first.
        coverage : Coverage
            What was read, what was not, and how late logs arrive.

        Raises
        ------
        LogError
            If the bucket keeps no log, or no log object can be read.
        InvalidInput
            For an unknown column. The message names similar ones.

        Examples
        --------
        >>> table, coverage = gt.count_hits("gt-images", "remote_ip,http_status", since="7d")  # doctest: +SKIP
        """

        sources, wanted = self._log_of(bucket, logs, filters)
        return access_logs.count_hits(
            sources, by, since=since, until=until, aws=self.aws, **_engine(engine),
            progress=progress, cancel=cancel, filters=wanted, networks=self.networks,
            test_urls=self.journal.test_urls, **_memory(memory_limit),
        )  # fmt: skip

    def _keeping(self) -> dict[str, Any]:
        """Return the options of every reading that keeps rows."""
        return {"cache": self.cache, "networks": self.networks, "test_urls": self.journal.test_urls}

    @contextmanager
    def _hits_of(self, logs: Logs | Hits | None) -> Iterator[Hits | None]:
        """Give hits as they are, and read logs."""
        if logs is None or isinstance(logs, access_logs.Hits):
            yield logs
            return
        with access_logs.read_hits(logs, aws=self.aws, **self._keeping()) as read:
            yield read

    def _log_of(
        self, bucket: str | None, logs: Logs | None, filters: Mapping[str, object] | None
    ) -> tuple[Logs, dict[str, object]]:
        """Return the log location, and the filters with the bucket: one prefix may hold the records of many."""

        if str(bucket).startswith("s3://"):
            raise InvalidInput(
                "bucket is the name of the bucket whose requests are wanted.",
                next_step=f'For the place of its logs, pass logs="{str(bucket)[:80]}".',
                field="bucket",
            )
        refuse_url(bucket, "bucket", "the name of a bucket")
        if logs is None and bucket is None:
            raise InvalidInput(
                "Neither a bucket nor the location of its logs is given.",
                next_step="Pass bucket= for the log of a bucket, or logs= with its location.",
                field="bucket",
            )
        wanted = dict(filters or {})
        if bucket is not None:
            wanted["bucket"] = bucket
        return (logs if logs is not None else access_logs.find_logs(self.aws, str(bucket)).uri), wanted

    def plot(
        self,
        hits: Hits,
        *,
        kind: PlotKind = "ip",
        restriction: Restriction | None = None,
        top: int = 12,
        theme: Theme = "light",
    ) -> Figure:
        """Plot hits; sources outside the restriction are marked.

        Parameters
        ----------
        kind : str
            ``ip`` and ``network``: bars for each source. ``time``: requests over time. ``heat``: hours of the day.
            ``leak``: the first leaked URL. ``age``: how old URLs were when used, by signer.
            ``refused``: who was refused, by which lock.
        restriction : Restriction, optional
            The allowed addresses and endpoints.
        top : int
            Number of sources with a bar of their own.
        theme : str
            ``light`` or ``dark``.

        Raises
        ------
        LogError
            For ``leak`` if no URL leaked.

        Examples
        --------
        >>> gt.plot(gt.hits("gt-images"), restriction=restriction).savefig("hits.png")  # doctest: +SKIP
        """

        if not isinstance(hits, access_logs.Hits):
            raise InvalidInput(
                f"plot() needs hits, not {type(hits).__name__}.", next_step="Pass gt.hits(...).", field="hits"
            )
        if restriction is not None:
            restriction = account.with_lists(self.aws, restriction)
        networks = () if restriction is None else restriction.networks
        endpoints = () if restriction is None else restriction.endpoints
        return plots.draw(hits, kind, networks=networks, endpoints=endpoints, top=top, theme=theme)


def _change_id(change: str | Applied | None) -> str | None:
    refuse_url(change, "change", "the id of a change")
    if change is None or isinstance(change, str):
        return change
    if not hasattr(change, "id"):
        raise InvalidInput(
            f"A change is an id or what apply() returned, not {type(change).__name__}.",
            next_step="See gt.journal for the ids.",
            field="change",
        )
    return change.id


def _engine(engine: Any) -> dict[str, Any]:
    """Return the options of a reading for an engine, its settings or its session."""
    if isinstance(engine, str):
        return {"engine": engine}
    if hasattr(engine, "sparkContext"):
        return {"engine": "spark", "session": engine}
    if isinstance(engine, access_logs.Athena):
        return {"engine": "athena", "athena": engine}
    raise InvalidInput(
        f"An engine is a name, Athena(...) or a Spark session, not {type(engine).__name__}.",
        next_step="Pass engine='duckdb', Athena(...) or a SparkSession.",
        field="engine",
    )


def _memory(limit: str | None) -> dict[str, Any]:
    return {} if limit is None else {"memory_limit": limit}
