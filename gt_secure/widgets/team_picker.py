"""Step 1: choose a workteam. Two SageMaker calls show the teams;
details of the chosen one follow.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..aws.teams import CREATE_TEAM, TeamArn
from ..base import html as markup
from ..base.clock import utc_now
from ..base.errors import AccessDenied, GtSecureError, InvalidInput
from ..base.html import Markup, count
from ..base.text import Json, some
from .background import Action, as_error
from .base import Link, Step, error_markup, field
from .thread_safe import Html, Widgets, row, set_class, stack

if TYPE_CHECKING:
    from ..aws.teams import LabelingJob, Workforce, Workteam
    from ..connection import Connection

BUCKET_ONLY = ""
"""The choice that names no team: a bucket alone is protected,
for any tool that hands out presigned URLs.
"""

_ROWS = 8
WAYS = ("I label images", "My app hands out URLs")
"""The two ways in: a workteam, or a bucket alone."""


@dataclass(frozen=True)
class TeamDetails:
    """Facts about a chosen team; ``unseen`` has what this role may not read."""

    workforce: Workforce | None = None
    jobs: tuple[LabelingJob, ...] = ()
    unseen: tuple[GtSecureError, ...] = ()


class TeamPicker(Step):
    """Choose a workteam of the region.

    Parameters
    ----------
    connection : Connection, optional
        From :func:`gt_secure.connect`; the default is made from the current credentials when it is
        needed.
    value : str, optional
        The name of the team to choose.

    Examples
    --------
    >>> picker = TeamPicker()  # doctest: +SKIP
    >>> picker.observe(lambda change: print(change["new"]), "value")  # doctest: +SKIP
    """

    shown_as = "workteam picker"
    title = "Team or bucket"

    value = traitlets.Unicode(None, allow_none=True)
    """Name of the chosen team; the empty text for "no workteam"; None before a choice."""

    team = traitlets.Any(None)
    """The chosen :class:`~gt_secure.aws.teams.Workteam`, or None. Read it; set ``value``."""

    details = traitlets.Any(None)
    """:class:`TeamDetails` of the chosen team once they are read, else None."""

    answers = traitlets.Int(0)
    """Grows when the teams have been read, could not be, or are not waited for;
    observe it to go on after that.
    """

    def __init__(
        self, connection: Link | Connection | None = None, *, value: str | None = None
    ) -> None:
        self.on_bucket_only: Action | None = None
        self.bucket = ""
        """The bucket that a panel has beside the choice, for the summary."""
        self._teams: tuple[Workteam, ...] = ()
        self._teams_read = False
        self.read_at: dt.datetime | None = None
        """Time before the reading of the teams that are shown, in UTC."""
        self._filling = False
        super().__init__(connection)
        self.set_summary("Reading the workteams…")
        self.observe(self._on_value, "value")
        if value is not None:
            self.value = value
        self._show_door()
        self.refresh()

    def build(self) -> Widgets:
        """Make the list, the search field and the place for details."""
        self.search = field(
            ipywidgets.Text, "Search workteams", "gts-hidden", placeholder="part of a name"
        )
        self.search.observe(lambda _: self.guard(self._fill), "value")
        self.select = field(ipywidgets.Select, "Workteam", options=(), rows=3)
        self.select.observe(self._on_select, "value")
        self.about = Html()
        self.greeting = Html()
        self.team_button, self.bucket_button = (
            self._pressed(words, action, "gts-btn gts-presses")
            for words, action in zip(WAYS, (self._label_images, self._bucket_only), strict=True)
        )
        self.welcome = stack(self.greeting, classes="gts-welcome gts-hidden")
        self.refresh_button = self.button("Refresh", self.refresh, link=True)
        self.ways = row(self.team_button, self.bucket_button)
        self.list = stack(self.search, self.select)
        self.place = stack()
        return [
            self.welcome,
            self.ways,
            self.list,
            self.place,
            row(self.refresh_button),
            self.about,
        ]

    def _show_door(self) -> None:
        """Show what belongs to the way in that was taken."""
        self._take_door(labels=self.value != BUCKET_ONLY)
        set_class(self.place, "gts-hidden", self.value is None)

    def _take_door(self, *, labels: bool) -> None:
        set_class(self.list, "gts-hidden", not labels)
        set_class(self.team_button, "gts-pressed", labels)
        set_class(self.bucket_button, "gts-pressed", not labels)

    def _label_images(self) -> None:
        self._take_door(labels=True)
        self.select.focus()

    @property
    def teams(self) -> tuple[Workteam, ...]:
        """The teams that were found."""
        return self._teams

    @property
    def no_private_team(self) -> bool:
        """Return whether the teams were read and none of them is private."""
        return self._teams_read and not any(team.kind == "private" for team in self._teams)

    def refresh(self) -> None:
        """Read the teams again."""
        self._asked_at = utc_now()
        self.run(
            "Reading the workteams…",
            lambda: tuple(self.link.get().workteams()),
            self._got_teams,
            timeout_s=45,
        )

    def show_error(self, error: GtSecureError) -> None:
        """Show an error and say in the summary that there is nothing to choose."""
        if not isinstance(error, InvalidInput):
            self.read_at = None
        super().show_error(error)
        if not self._teams:
            self.set_summary("The workteams cannot be shown.")
            self._fill()
            self._show_door()
        self.answers += 1

    def cancel(self) -> None:
        """Stop waiting."""
        super().cancel()
        if not self._teams:
            self.set_summary("Nothing read yet.")
            self.answers += 1

    # the list

    def _got_teams(self, teams: tuple[Workteam, ...]) -> None:
        self._teams, self._teams_read, self.read_at = teams, True, self._asked_at
        self.answers += 1
        set_class(self.search, "gts-hidden", len(teams) <= _ROWS)
        set_class(self.select, "gts-hidden", not teams)
        self._fill()
        self._greet()
        self.set_summary(
            f"Choose one of {count(len(teams), 'team')}."
            if teams
            else "No workteam in this region."
        )
        if self.value is not None:
            self._choose(self.value)

    def _greet(self) -> None:
        """Show the greeting in a region without a private workteam,
        where the panel is still useful.
        """
        shown = self.no_private_team and self.value is None
        self.greeting.value = greeting(bool(self._teams)) if shown else ""
        set_class(self.welcome, "gts-hidden", not shown)

    def _bucket_only(self) -> None:
        self._take(None)
        if self.on_bucket_only is not None:
            self.on_bucket_only()

    def _fill(self) -> None:
        wanted = self.search.value.strip().lower()
        shown = [
            team
            for team in self._teams
            if wanted in f"{team.name} {team.kind} {team.description}".lower()
        ]
        options = [(_option(team), team.arn) for team in shown]
        self._filling = True
        try:
            self.select.options = options
            self.select.rows = max(3, min(_ROWS, len(options)))
            chosen = None if self.team is None else self.team.arn
            self.select.value = chosen if chosen in [arn for _, arn in options] else None
        finally:
            self._filling = False

    def _on_select(self, change: Json) -> None:
        if self._filling or change["new"] is None:
            return
        arn = change["new"]
        team = next((each for each in self._teams if each.arn == arn), None)
        self.guard(lambda: self._take(team))

    # the choice

    def _on_value(self, change: Json) -> None:
        chosen = self.team.name if self.team is not None else None
        if self._teams and change["new"] is not None and change["new"] != chosen:
            self._choose(change["new"])

    def _choose(self, name: str) -> None:
        if name == BUCKET_ONLY:
            self._take(None)
            return
        same = [team for team in self._teams if name in (team.name, team.arn)]
        if not same:
            self.team = self.details = None
            self.value = None
            self._show_door()
            own = next(
                (TeamArn.parse(team.arn) for team in self._teams if team.kind == "private"), None
            )
            if name.startswith("arn:") and own is not None:
                TeamArn.parse(name).check(own.partition, own.region, own.account_id)
            near = some([markup.plain(team.name, 40) for team in self._teams], 6)
            raise InvalidInput(
                f'There is no workteam "{markup.plain(name, 70)}" in this region.',
                next_step=f"Choose one of: {near}." if near else "Check the region.",
                field="team",
                value=name,
            )
        self._take(same[0])

    def _take(self, team: Workteam | None) -> None:
        self.message.value = ""
        with self.hold_trait_notifications():
            self.details = None
            self.team = team
            self.value = BUCKET_ONLY if team is None else team.name
        self._fill()
        self._greet()
        self._describe()
        if team is not None:
            self.run(
                "Reading the workforce and the labeling jobs…",
                lambda: read_details(self.link.get(), team),
                self._got_details,
            )
        else:
            self.worker.cancel()

    def _got_details(self, details: TeamDetails) -> None:
        self.details = details
        self._describe()

    def say_choice(self) -> None:
        """Set the summary: the team and the bucket that are chosen."""
        bucket = markup.plain(self.bucket, 70)
        if self.team is not None:
            self.set_summary(self.team.name, bucket or self.team.kind)
        elif self.value == BUCKET_ONLY:
            self.set_summary(bucket or "a bucket, without a workteam")

    def _describe(self) -> None:
        team, details = self.team, self.details
        self._show_door()
        self.say_choice()
        self.about.value = "" if team is None else about_team(team, details)


def greeting(other_teams: bool) -> Markup:
    """Return what the panel can do in a region without a private workteam."""
    vendors = "AWS offers no URL lock for vendor teams. The bucket guard protects their images. "
    lines = (
        'Press "My app hands out URLs" to restrict who can open the objects of a bucket, whichever'
        " tool signs the URLs. Nothing is written before you apply.",
        f'{vendors if other_teams else ""}{CREATE_TEAM} Then press "Refresh".',
        "Each workteam belongs to one region. If yours is in another one, connect to that region.",
    )
    title = '<h3 class="gts-h">This region has no private workteam. You can start without one.</h3>'
    return markup.join(title, *map(markup.hint, lines))


def read_details(connection: Connection, team: Workteam) -> TeamDetails:
    """Read the workforce and the jobs of a team; a refused part is kept as an error."""
    unseen: list[GtSecureError] = []

    def part(call: Any, default: Any) -> Any:
        try:
            return call()
        except AccessDenied as denied:
            unseen.append(denied)
        except Exception as error:
            unseen.append(as_error(error))
        return default

    workforce = part(connection.workforce, None) if team.kind == "private" else None
    jobs = tuple(part(lambda: connection.jobs(team), ()))
    return TeamDetails(workforce, jobs, tuple(unseen))


def _option(team: Workteam) -> str:
    lock = "no URL lock" if team.url_lock is None else f"URL lock {team.url_lock_text}"
    gap = (  # ipywidgets makes the spaces of a choice hard: a narrow one breaks here
        " · \N{ZERO WIDTH SPACE}"
    )
    return gap.join((markup.plain(team.name, 70), team.kind, lock))


def about_team(team: Workteam, details: TeamDetails | None) -> Markup:
    """Return the locks that AWS does not offer the team, and the errors of reading it."""
    hint = (
        f"AWS offers no URL lock for {team.kind} teams. The bucket guard still protects the images."
    )
    return markup.join(
        markup.hint(hint) if team.url_lock is None else "",
        *(error_markup(error, "warn") for error in (details.unseen if details else ())),
    )
