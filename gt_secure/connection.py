"""One connection to an account: every step of the main job as a method that returns values.

The panel, the command line and notebooks all call these; each method is a thin door to the room that does the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .aws.client import Aws, connect_aws
from .aws.teams import TeamLike, team_name
from .errors import InvalidInput
from .network import Source

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    import boto3
    from matplotlib.figure import Figure

    from .access.explain.explanation import Explanation
    from .access.read import Who
    from .aws.buckets import BucketState
    from .aws.endpoints import VpcEndpoint
    from .aws.teams import LabelingJob, Workforce, Workteam
    from .changes.plan import Plan
    from .changes.transaction import Applied
    from .findings.model import Finding
    from .logs import Coverage, Hits, Table
    from .presign import Probe, TestUrl, Vantage
    from .restriction.model import Restriction


class SageMakerSession(Protocol):
    """What is used of a SageMaker SDK session: its boto3 session and its region."""

    @property
    def boto_session(self) -> Any:
        """The boto3 session."""

    @property
    def boto_region_name(self) -> Any:
        """The region."""


def connect(
    *,
    profile: str | None = None,
    region: str | None = None,
    boto3_session: boto3.session.Session | None = None,
    sagemaker_session: SageMakerSession | None = None,
    endpoint_url: str | None = None,
    sandbox: bool | RunningSandbox = False,
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
        A session of the SageMaker SDK, whose credentials and region are used.
    endpoint_url : str, optional
        Another address than AWS, such as the sandbox.
    sandbox : bool or Sandbox
        A running :class:`~gt_secure.sandbox.Sandbox`, or True for the one that ``AWS_ENDPOINT_URL`` names. The
        connection then never reaches AWS: it is refused if there is no sandbox.

    Raises
    ------
    InvalidInput
        If arguments contradict each other, or ``sandbox=True`` and no sandbox is named.

    Examples
    --------
    >>> import gt_secure
    >>> gt = gt_secure.connect(region="us-east-1")  # doctest: +SKIP
    >>> gt.workteams()  # doctest: +SKIP
    """
    if sandbox is not False:
        return _to_sandbox(sandbox, region, others=(profile, boto3_session, sagemaker_session, endpoint_url))
    if sagemaker_session is not None:
        if boto3_session is not None or profile is not None:
            raise InvalidInput(
                "A SageMaker session comes with credentials of its own, and others are given besides.",
                next_step="Give sagemaker_session, boto3_session or profile: one of them.",
                field="sagemaker_session",
            )
        boto3_session, region = _of_sagemaker(sagemaker_session, region)
    elif boto3_session is not None and not hasattr(boto3_session, "region_name"):
        raise InvalidInput(
            f"{type(boto3_session).__name__} is not a boto3 session.",
            next_step="Pass a boto3.Session, or a session of the SageMaker SDK as sagemaker_session=.",
            field="boto3_session",
        )
    return Connection(
        connect_aws(profile=profile, region=region, boto3_session=boto3_session, endpoint_url=endpoint_url)
    )


class RunningSandbox(Protocol):
    """A sandbox that is running, as far as a connection needs it."""

    def environment(self) -> dict[str, str]:
        """Return the AWS_* variables that make a client use it."""
        ...


def _to_sandbox(sandbox: bool | RunningSandbox, region: str | None, others: tuple[object, ...]) -> Connection:
    if any(other is not None for other in others):
        raise InvalidInput(
            "sandbox= already says which credentials and which endpoint to use.",
            next_step="Leave out profile=, boto3_session=, sagemaker_session= and endpoint_url=.",
            field="sandbox",
        )
    named = dict(os.environ) if sandbox is True else sandbox.environment()  # type: ignore[union-attr]
    if "AWS_ENDPOINT_URL" not in named:
        raise InvalidInput(
            "No sandbox is named here: AWS_ENDPOINT_URL is not set.",
            next_step="Run gt-secure demo, or gt-secure sandbox in a terminal and paste the export lines it prints.",
            field="sandbox",
        )
    import boto3

    session = boto3.session.Session(
        aws_access_key_id=named.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=named.get("AWS_SECRET_ACCESS_KEY"),
        region_name=region or named.get("AWS_REGION"),
    )
    aws = connect_aws(boto3_session=session, endpoint_url=named["AWS_ENDPOINT_URL"])
    if not aws.is_local:
        raise InvalidInput(
            "AWS_ENDPOINT_URL does not name a sandbox on this machine.",
            next_step="Use connect() without sandbox= for an account, or start gt-secure sandbox.",
            field="sandbox",
        )
    return Connection(aws)


def connection_of(given: ConnectionLike) -> Connection:
    """Return a connection as it is, or connect with a session of the SageMaker SDK.

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
        f"{type(given).__name__} is no connection.",
        next_step="Pass what gt_secure.connect() returns, or a session of the SageMaker SDK.",
        field="connection",
    )


def _of_sagemaker(session: SageMakerSession, region: str | None) -> tuple[boto3.session.Session, str | None]:
    inner = getattr(session, "boto_session", None)
    if not callable(getattr(inner, "client", None)):
        raise InvalidInput(
            f"{type(session).__name__} is not a SageMaker session: it has no boto_session.",
            next_step="Pass a Session of sagemaker.core.helper.session_helper, or a boto3 session as boto3_session=.",
            field="sagemaker_session",
        )
    name = getattr(session, "boto_region_name", None)
    return inner, region or (str(name) if name else None)  # type: ignore[return-value]


ConnectionLike: TypeAlias = "Connection | SageMakerSession"
"""What stands for a connection: one of ours, or a session of the SageMaker SDK."""


class Connection:
    """The five steps: workteams, restriction, plan and apply, test URL and probe, hits.

    Attributes
    ----------
    aws : Aws
        The client factory, with region and identity.
    """

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def __repr__(self) -> str:
        where = "sandbox" if self.aws.is_local else "AWS"
        return f"<gt_secure connection to {where}, {self.aws.region}>"

    # 1. Workteam

    def workteams(self) -> list[Workteam]:
        """List private and vendor workteams of the region (two SageMaker calls)."""
        from .aws.teams import list_workteams

        return list_workteams(self.aws)

    def workteam(self, name: TeamLike) -> Workteam:
        """Read one private workteam; raises :class:`~gt_secure.errors.NotFound`."""
        from .aws.teams import get_workteam

        return get_workteam(self.aws, team_name(name))

    def workforce(self) -> Workforce | None:
        """Read the region's private workforce; None if there is none."""
        from .aws.teams import list_workforces

        found = list_workforces(self.aws)
        return found[0] if found else None

    def jobs(self, team: TeamLike) -> list[LabelingJob]:
        """List a team's labeling jobs that still wait for people."""
        from .aws.teams import Workteam, jobs_of_team

        return jobs_of_team(self.aws, team if isinstance(team, Workteam) else self.workteam(team))

    # 2. Allow

    def endpoints(self) -> list[VpcEndpoint]:
        """List the S3 endpoints of the region's VPCs."""
        from .aws.endpoints import list_s3_endpoints

        return list_s3_endpoints(self.aws)

    def bucket(self, name: str) -> BucketState:
        """Read what a bucket says about itself; parts this role may not read are in ``unseen``."""
        from .aws.buckets import read_bucket

        return read_bucket(self.aws, name)

    def keys(self, bucket: str, prefix: str = "", *, most: int = 200) -> list[str]:
        """List some object keys of a bucket."""
        from .aws.buckets import list_keys

        return list_keys(self.aws, bucket, prefix, most=most)

    # 3. Review and apply

    def plan(self, restriction: Restriction, *, hits: Hits | None = None) -> Plan:
        """Compare a restriction with what is, and return the changes as a plan. Writes nothing."""
        from .changes.plan import plan

        return plan(self.aws, restriction, hits=hits)

    def apply(
        self,
        plan: Plan,
        *,
        confirm: Sequence[str] = (),
        journal_dir: str | Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Applied:
        """Carry out a plan: re-read, change, read back, and roll back if a step fails.

        The expectations of the restriction are then tried on the wire, where their sources can be reached from here.

        Parameters
        ----------
        plan : Plan
        confirm : sequence of str
            Codes of the plan's blocking notices that the person accepts.
        journal_dir : path, optional
            Where the change is recorded, so that it can be undone from anywhere.
        progress : callable, optional
            Gets a sentence for each step.
        """
        from .access.explain.expectation_probe import expectation_probe
        from .changes.apply import apply

        return apply(
            self.aws,
            plan,
            confirm=confirm,
            journal_dir=journal_dir,
            progress=progress,
            probe=expectation_probe(self.aws, plan.restriction.team) if plan.restriction.expectations else None,
        )

    def undo(
        self,
        change: str | Applied | None = None,
        *,
        journal_dir: str | Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Applied:
        """Undo a change, the last one by default; later edits of others stay."""
        from .changes.undo import undo

        change_id = change if change is None or isinstance(change, str) else change.id
        return undo(self.aws, change_id, journal_dir=journal_dir, progress=progress)

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
        """Mint a presigned URL for one object, bound to a source as the URL lock would; see :func:`presign.mint`."""
        from .presign import mint

        return mint(
            self.aws,
            bucket,
            key,
            expires_in=expires_in,
            bound_to=bound_to,
            role_arn=role_arn,
            version_id=version_id,
            use_session=use_session,
        )

    def vantages(self) -> tuple[Vantage, ...]:
        """List from where a probe can be sent: the kernel alone on AWS, several places in the sandbox."""
        from .presign import vantages

        return vantages(self.aws)

    def probe(self, url: TestUrl | str, source: Source | str | Vantage | None = None) -> Probe:
        """Fetch a presigned URL, from the kernel or, in the sandbox, from another source."""
        from .presign import KERNEL, Vantage, probe, vantage_for

        if source is None:
            return probe(url, KERNEL)
        return probe(url, source if isinstance(source, Vantage) else vantage_for(self.aws, source))

    def explain(self, probe: Probe, *, url: TestUrl | str | None = None, origin: str = "") -> Explanation:
        """Say why a probe was answered as it was: which lock, which statement, and what to do next."""
        from .access.explain.from_account import explain_probe

        return explain_probe(self.aws, probe, url=url, origin=origin)

    def who_can_open(
        self,
        bucket: str,
        key: str,
        sources: Iterable[Source | str],
        *,
        team: TeamLike | None = None,
        forwarded_from: Source | str | None = "192.0.2.1",
    ) -> Who:
        """Predict who can open an object now: a table of sources against locks; see :func:`presign.opening.who`."""
        from .access.read import who

        name = None if team is None else team_name(team)
        return who(self.aws, bucket, key, sources, team=name, forwarded_from=forwarded_from)

    def findings(self, *, team: TeamLike | None = None, bucket: str | None = None) -> tuple[Finding, ...]:
        """Look for what nullifies, weakens or breaks a restriction of a team, its workforce and a bucket."""
        from .account.evidence import read_surroundings, with_surroundings
        from .account.read_facts import snapshot_of
        from .account.snapshot import read_state
        from .findings.run import find_all

        state = read_state(self.aws, team=team, bucket=bucket)
        key = "" if state.bucket is None else state.bucket.default_kms_key
        around = read_surroundings(self.aws, state, kms_key=key)
        return find_all(with_surroundings(snapshot_of(state), around))

    # 5. Hits

    def hits(
        self,
        bucket: str | None = None,
        *,
        logs: str | Path | Iterable[str | Path] | None = None,
        since: dt.datetime | str | None = None,
        until: dt.datetime | str | None = None,
        **options: Any,
    ) -> Hits:
        """Read the access log of a bucket.

        Parameters
        ----------
        bucket : str, optional
            The bucket whose log is found from its logging configuration.
        logs : path, s3:// prefix or several, optional
            Where the log lies, instead.
        since, until : datetime or str, optional
            In UTC.
        **options
            Those of :func:`~gt_secure.logs.read_hits`, such as ``engine``, ``athena``, ``session`` and ``filters``.
        """
        from .logs import read_hits

        sources, filters = self._log_of(bucket, logs, options.pop("filters", None))
        return read_hits(sources, since=since, until=until, aws=self.aws, filters=filters, **options)

    def count_hits(
        self,
        bucket: str | None = None,
        by: str | Sequence[str] = ("remote_ip", "http_status"),
        *,
        logs: str | Path | Iterable[str | Path] | None = None,
        since: dt.datetime | str | None = None,
        until: dt.datetime | str | None = None,
        **options: Any,
    ) -> tuple[Table, Coverage]:
        """Count rows of the access log of a bucket without bringing them here: for logs of any size.

        Parameters
        ----------
        bucket, logs, since, until
            As in :meth:`hits`.
        by : list of str or comma-separated str
            Columns to count by.
        **options
            Those of :func:`~gt_secure.logs.count_hits`, such as ``engine``, ``athena``, ``session`` and ``filters``.
        """
        from .logs import count_hits

        sources, filters = self._log_of(bucket, logs, options.pop("filters", None))
        return count_hits(sources, by, since=since, until=until, aws=self.aws, filters=filters, **options)

    def _log_of(self, bucket: str | None, logs: Any, filters: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        """Where the log lies, and the filters with the bucket: one prefix may hold the records of many."""
        from .logs import find_logs

        if logs is None and bucket is None:
            raise InvalidInput(
                "Neither a bucket nor the place of its logs is given.",
                next_step="Name the bucket whose log is wanted, or give logs=.",
                field="bucket",
            )
        wanted = dict(filters or {})
        if bucket is not None:
            wanted["bucket"] = bucket
        return (logs if logs is not None else find_logs(self.aws, str(bucket)).uri), wanted

    def plot(self, hits: Hits, *, restriction: Restriction | None = None, **options: Any) -> Figure:
        """Plot hits by source IP; addresses outside the restriction are marked."""
        from .plots import hits_by_ip

        if restriction is not None:
            options.setdefault("restriction_networks", restriction.networks)
            options.setdefault("endpoints", restriction.endpoints)
        return hits_by_ip(hits, **options)
