"""Step 2: allowed addresses and endpoints, which locks enforce it,
and which objects the guard covers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..base import html as markup
from ..base.errors import GtSecureError, InvalidInput
from ..base.html import count
from ..base.network import split_list
from ..base.text import Json
from ..restriction.applications import applications
from ..restriction.model import Restriction
from .allow_fields import FIELDS, AllowField
from .background import Action
from .base import (
    PANEL,
    Link,
    Step,
    bad,
    check,
    error_markup,
    field,
    replace_children,
    show_part,
    spoken,
    text_field,
)
from .chip_input import ChipInput
from .entry_feedback import (
    about_addresses,
    networks_of,
    problems,
    read_address,
    read_endpoint,
    split_endpoints,
)
from .lock_cards import SWITCHES, Switches
from .thread_safe import Html, Widgets, columns, row, set_class, stack

if TYPE_CHECKING:
    from ..connection import Connection
    from ..engine.access.vpc_endpoint import VpcEndpoint
    from ..restriction.model import Restriction


NOBODY = "No address is allowed yet."
_LIST = 'List the allowed addresses in "Allow".'
_NOT_KNOWN = (
    'Not known yet. Sign a test URL, press "Probe from this browser", and read the requests some'
    " hours later: the access log then names the address from which your browser came."
)
_TRAITS = ("addresses", "endpoints", "team", "setting")
_NAMES = tuple(each.name for each in FIELDS)
_PORTALS = (
    ("Automatic (by the allowed addresses)", ""),
    ("Public portal", "SourceIp"),
    ("VPC portal", "VpcSourceIp"),
)


class AllowEditor(Step):
    """Write down who may open the objects.

    Parameters
    ----------
    connection : Connection, optional
        From :func:`gt_secure.connect`; used to list the VPC endpoints.
    addresses, endpoints : iterable of str
        To start with.
    team, bucket, prefix : str, optional
        What the restriction is for.

    Examples
    --------
    >>> editor = AllowEditor(team="radiology-team", bucket="gt-images")  # doctest: +SKIP
    >>> editor.addresses = ["203.0.113.0/24"]  # doctest: +SKIP
    >>> editor.restriction()  # doctest: +SKIP
    """

    shown_as = "allow editor"
    title = "Allow"

    addresses = traitlets.Tuple()
    """Addresses, ranges and names of lists as entered, valid or not, as text."""

    endpoints = traitlets.Tuple()
    """Ids of S3 VPC endpoints and of VPCs, as text."""

    team = traitlets.Unicode(None, allow_none=True)
    """Name of the private workteam, ARN of another team, or None for a bucket alone."""

    bucket = traitlets.Unicode("")
    """The bucket that holds the objects."""

    prefix = traitlets.Unicode("")
    """Start of the keys that the guard covers; empty for the whole bucket."""

    application = traitlets.Unicode("")
    """The application that hands out the URLs, such as ``mlflow``; empty for any.
    It changes no lock.
    """

    age_limit = traitlets.Unicode("")
    """The guard refuses presigned requests signed longer ago, such as ``15m``;
    empty for no limit.
    """

    signers = traitlets.Unicode("")
    """ARNs of the users and roles whose URLs work, with commas between them;
    empty for no change.
    """

    url_lock = traitlets.Bool(None, allow_none=True)
    """True: on, in the mode that fits the portal; False: off; None: unchanged."""

    setting = traitlets.Unicode("")
    """``SourceIp`` or ``VpcSourceIp`` where a workforce has two portals;
    empty for the one that fits.
    """

    guard_lock = traitlets.Bool(None, allow_none=True)
    """The same for the bucket guard."""

    portal_lock = traitlets.Bool(None, allow_none=True)
    """The same for the portal lock, which affects all private workteams of the region."""

    revision = traitlets.Int(0)
    """Grows with every change; observe it to follow all members at once."""

    def __init__(
        self,
        connection: Link | Connection | None = None,
        *,
        addresses: Iterable[str] = (),
        endpoints: Iterable[str] = (),
        team: str | None = None,
        bucket: str = "",
        prefix: str = "",
    ) -> None:
        self._known: dict[str, VpcEndpoint] = {}
        self._drawing = False
        self._shown_fields = dict.fromkeys(_NAMES, "")
        self._wrong: dict[str, InvalidInput] = {}
        self._reasons: frozenset[str] = frozenset()
        self._two_portals = False
        self._place = ("", "")
        self._folder = ""
        super().__init__(connection)
        self.observe(self._on_trait, [*_TRAITS, *_NAMES, *SWITCHES])
        with self.hold_trait_notifications():
            self.url_lock, self.guard_lock = True, True
            self.addresses, self.endpoints = tuple(addresses), tuple(endpoints)
            self.team, self.bucket, self.prefix = team, bucket, prefix
        self.draw()

    def build(self) -> Widgets:
        """Make the lists, the bucket, one switch for both locks,
        and the options that few people need.
        """
        self.inputs = {each.name: self._text_input(each) for each in FIELDS}
        self.errors = {name: Html() for name in self.inputs}
        self.bucket_input = self.inputs["bucket"]
        known = sorted(
            name
            for name, each in applications().items()
            if each.signature != "none" and not each.of_aws
        )
        self.inputs["application"].options = tuple(known)
        self.address_input = ChipInput(
            "Allowed addresses",
            read=lambda word: read_address(
                word, portal_only=bool(self.portal_lock) and not (self.guard_lock and self.bucket)
            ),
            split=split_list,
            changed=self._lists_changed,
            guard=self.guard,
            placeholder="add or paste addresses, ranges or names of lists",
        )
        self.endpoint_input = ChipInput(
            "VPC endpoints",
            read=lambda word: read_endpoint(word, self._known),
            split=split_endpoints,
            changed=self._lists_changed,
            guard=self.guard,
            placeholder="choose one, or type the id of an endpoint or VPC",
            options=True,
        )
        self.text = field(ipywidgets.Textarea, "Addresses as text", "gts-mono-in", rows=6)
        self.text.placeholder = "one a line, or any list: commas, a CSV column, JSON"
        self.text_box = stack(self.text, self.button("Use this list", self._use_text))
        self.text_button = self.opener("Edit as text", self.text_box, self._fill_text)
        self.mine = stack()
        self.mine_button = self.opener("My address", self.mine, self.find_mine)
        self.my_addresses: Callable[[], Iterable[tuple[str, str]]] = tuple
        self.found = Html(markup.hint("Pick an S3 endpoint of a VPC, or type its id."))
        names = dict.fromkeys(each.name for each in self.link.networks)
        self.named = field(
            ipywidgets.Dropdown, "Add a named network", options=["", *names], value=""
        )
        self.named.observe(
            lambda change: self.guard(lambda: self.add_network(str(change["new"]))), "value"
        )
        if not names:
            self.named.add_class("gts-hidden")
        self.protect = check("Protect these images", True, self._protect_changed)
        self.protect.add_class("gts-switch")
        self.protect_hint = Html()
        self.portal_input = field(
            ipywidgets.Dropdown, "Workers of this team use", options=_PORTALS, value=""
        )
        self.portal_input.observe(lambda change: self._switched("setting", change["new"]), "value")
        # what few people need opens by itself where it matters
        self.switches = Switches(self._switched)
        self.folder_button = self._pressed("", self._use_folder, "gts-link")
        hint = Html(markup.hint("The manifests and labels of this team's jobs are there."))
        self.folder_box = row(self.folder_button, hint, classes="gts-hidden")
        place, *options = [stack(self.inputs[each], self.errors[each]) for each in self.inputs]
        self.place = place
        """The bucket, which a panel shows beside the choice of a team."""
        lists = stack(self.endpoint_input, self.found, self.text_button, self.text_box)
        fields = stack(self.portal_input, *options, self.folder_box)
        self.more_box = stack(columns(lists, fields), self.switches, classes="gts-more")
        self.more_button = self.opener("More options", self.more_box)
        self.on_review: Action = lambda: None
        self.review_button = self.button("Review", lambda: self.on_review(), primary=True)
        self.next = row(self.review_button, classes="gts-hidden")
        return [
            self.place,
            self.address_input,
            self.named,
            stack(self.protect, self.protect_hint),
            row(self.mine_button, self.more_button),
            self.mine,
            self.more_box,
            self.next,
        ]

    def _text_input(self, each: AllowField) -> Any:
        text_input = text_field(each.kind, each.label, each.hint)
        text_input.observe(lambda _: self.guard(self._fields_changed), "value")
        return text_input

    # values

    def restriction(self) -> Restriction:
        """The restriction as entered.

        Raises
        ------
        InvalidInput
            If an entry is wrong or nobody is listed yet; the message says which and what to write
            instead.
        """
        self._check_entries()
        guard = self.guard_lock
        if guard and self.bucket and not (self.addresses or self.endpoints):
            raise InvalidInput(NOBODY, next_step=_LIST, field="addresses")
        private = bool(self.team) and not str(self.team).startswith("arn:")
        lock: Any = (self.setting if self.url_lock else "") or self.url_lock
        texts: Json = {each.name: each.value(self) for each in FIELDS}
        return Restriction(
            self.team,
            addresses=self.addresses if guard or self.portal_lock else (),
            endpoints=self.endpoints if guard else (),
            url_lock=lock if private else None,
            portal_lock=self.portal_lock if self.team else None,
            guard=guard if self.bucket else None,
            **texts,
        )

    def _check_entries(self) -> None:
        """Raise the first problem of an entry, with what to write instead."""
        for entry in (*self.address_input.entries, *self.endpoint_input.entries):
            if entry.problem:
                raise InvalidInput(
                    f'"{markup.plain(entry.word, 60)}" in the list cannot be used.',
                    next_step=entry.problem,
                    field="addresses",
                )
        for error in self._wrong.values():
            raise error

    def good(self) -> Json:
        """Return what is entered and right, by trait."""
        lists = {"addresses": self.address_input.entries, "endpoints": self.endpoint_input.entries}
        words = {
            trait: [each.word for each in found if not each.problem]
            for trait, found in lists.items()
        }
        return words | {trait: getattr(self, trait) for trait in (*_NAMES, "setting", *SWITCHES)}

    def add_address(self, word: str) -> None:
        """Add an address to the list, as typing it does."""
        self.address_input.add(split_list(word))

    def admit(self, restriction: Restriction) -> None:
        """List the addresses and endpoints of a restriction."""
        data = restriction.to_dict()
        with self.hold_trait_notifications():
            self.addresses, self.endpoints = tuple(data["addresses"]), restriction.allowed.ids

    def add_network(self, name: str) -> None:
        """Add the ranges of a named network to the list."""
        if name:
            self.address_input.add([str(network) for network in self.link.networks[name]])
            self.named.value = ""

    def find_mine(self) -> None:
        """Offer the addresses that a log or a probe has shown to be the person's own,
        each with its source.
        """
        shown: Widgets = []
        for address, source in dict(self.my_addresses()).items():
            use = self._pressed(f"Add {address}", partial(self.add_address, address), "gts-link")
            shown.append(row(use, Html(markup.hint(markup.text(source, 200)))))
        replace_children(self.mine, shown or [Html(markup.hint(_NOT_KNOWN))])

    def find_endpoints(self, *, after_s: float = 0.0) -> None:
        """List the S3 endpoints of the region, to choose from;
        ``after_s`` lets what is more urgent go first.
        """

        def work() -> tuple[VpcEndpoint, ...] | GtSecureError:
            try:
                return tuple(self.link.get().endpoints())
            except GtSecureError as error:
                return error  # a list to choose from is a comfort: ids can be typed

        self.run(
            "Reading the VPC endpoints…", work, self._got_endpoints, timeout_s=30, after_s=after_s
        )

    def show_portals(self, *, two: bool) -> None:
        """Offer the choice between the two portals of a workforce in a VPC;
        elsewhere there is none.
        """
        self._two_portals = two
        if not two:
            self.setting = ""
        self.draw()

    def offer_buckets(self, names: Sequence[str]) -> None:
        """Offer buckets to choose from, for example those of the team's labeling jobs."""
        self.bucket_input.options = tuple(names)

    def offer_folder(self, folder: str) -> None:
        """Offer the folder that the jobs of the team use as the prefix, in one click;
        it is never set without one.
        """
        self._folder = folder
        self.folder_button.description = f"Only {markup.plain(folder, 60)}"
        set_class(self.folder_box, "gts-hidden", not folder or folder == self.prefix)

    # reactions

    def _use_folder(self) -> None:
        self.prefix = self._folder

    def _got_endpoints(self, found: tuple[VpcEndpoint, ...] | GtSecureError) -> None:
        if isinstance(found, GtSecureError):
            self.found.value = error_markup(
                found, "warn", "The VPC endpoints cannot be listed; type their ids."
            )
            return
        self._known = {endpoint.id: endpoint for endpoint in found}
        self.endpoint_input.offer([endpoint.label for endpoint in found])
        said = (
            f"{count(len(found), 'S3 endpoint')} found."
            if found
            else "There is no S3 endpoint in this region."
        )
        self.found.value = markup.hint(f"{said} Endpoints that cannot serve S3 are left out.")
        self.draw()

    def _lists_changed(self) -> None:
        self.addresses, self.endpoints = self.address_input.words, self.endpoint_input.words

    def _fields_changed(self) -> None:
        if self._drawing:
            return
        texts = {name: str(each.value).strip() for name, each in self.inputs.items()}
        address = (
            texts["bucket"][5:].partition("/")[2] if texts["bucket"].startswith("s3://") else ""
        )
        texts["prefix"] = address or texts["prefix"]
        values, wrong, before = dict.fromkeys(texts, ""), {}, self._wrong
        for each in FIELDS:
            try:
                values[each.name] = each.read(texts[each.name]) if texts[each.name] else ""
            except InvalidInput as error:
                wrong[each.name] = error
        # What is wrong stays in its field, to be corrected, and what is right is shown as it was
        # read.
        self._shown_fields = {
            name: values[name] if name in wrong else str(each.value)
            for name, each in self.inputs.items()
        }
        with self.hold_trait_notifications():
            for trait, value in values.items():
                self.set_trait(trait, value)
        if address:
            self.prefix = values["prefix"]
        self._wrong = wrong
        self.draw()
        if wrong or before:
            self.revision += 1

    def _switched(self, trait: str, value: bool | None) -> None:
        if not self._drawing:
            self.set_trait(trait, value)

    def _protect_changed(self, on: bool) -> None:
        if not self._drawing:
            with self.hold_trait_notifications():
                self.url_lock = self.guard_lock = True if on else None

    def _on_trait(self, change: Any) -> None:
        self._wrong.pop(change["name"], None)
        bucket, prefix = self._place
        self._place = (self.bucket, self.prefix)
        if bucket not in ("", self.bucket) and prefix == self.prefix:
            self.prefix = ""  # it was for the bucket that was chosen before
        self.draw()
        self.revision += 1

    def _fill_text(self) -> None:
        self.text.value = "\n".join(self.addresses)

    def _use_text(self) -> None:
        self.addresses = tuple(dict.fromkeys(split_list(self.text.value)))
        show_part(self.text_button, self.text_box, False)

    # looks

    def draw(self) -> None:
        """Bring the inputs in line with the values."""
        self._drawing = True
        try:
            self.address_input.set(self.addresses)
            self.endpoint_input.set(self.endpoints)
            self._show_fields()
            private = self.team is not None and not self.team.startswith("arn:")
            self.switches.set({trait: getattr(self, trait) for trait in SWITCHES}, private=private)
            self.protect.value = self.guard_lock is True and (self.url_lock is True or not private)
            self.portal_input.value = self.setting
        finally:
            self._drawing = False
        self.protect.description = f"Protect these {'objects' if self.team is None else 'images'}"
        # what the switch will do once it is applied: of a wish nothing is said as a fact
        prefix = self.prefix
        if not self.protect.value:
            promise = "All locks stay unchanged. To turn one off, use More options."
        else:
            part = f" of objects under {markup.plain(prefix, 60)}" if prefix else ""
            lock = ", and a worker's URL only from that worker's address" if private else ""
            promise = f"After Apply, URLs{part} open only from your addresses{lock}."
        self.protect_hint.value = markup.hint(promise)
        set_class(
            self.portal_input, "gts-hidden", not (self._two_portals and private and self.url_lock)
        )
        set_class(
            self.inputs["application"], "gts-hidden", self.team is not None and not self.application
        )
        self._draw_counts()
        self._open_where_it_matters()
        self.enable()

    def _open_where_it_matters(self) -> None:
        """Open the options that have something to say, once for each reason:
        a person may close them again.
        """
        traits = ("endpoints", *_NAMES[1:])  # all but the bucket
        own = (trait for trait in traits if getattr(self, trait) or trait in self._wrong)
        locks = (
            "locks"
            if self.portal_lock is not None or self.setting or not self.protect.value
            else ""
        )
        reasons = frozenset(filter(None, (locks, *own)))
        if reasons - self._reasons:
            show_part(self.more_button, self.more_box, True)
        self._reasons = reasons

    def _show_fields(self) -> None:
        """Show values that are new: an entry that was refused stays, to be corrected."""
        values = {name: getattr(self, name) for name in self.inputs}
        for name, each in self.inputs.items():
            if values[name] != self._shown_fields[name]:
                each.value = values[name]
            error = self._wrong.get(name)
            self.errors[name].value = spoken("" if error is None else bad(PANEL.write(str(error))))
        self._shown_fields = values

    def _draw_counts(self) -> None:
        good = [entry for entry in self.address_input.entries if not entry.problem]
        gates = [entry for entry in self.endpoint_input.entries if not entry.problem]
        ranges = networks_of(good)
        self.address_input.say(
            *about_addresses(self.address_input.entries, portal=bool(self.portal_lock))
        )
        self.endpoint_input.say(*problems(self.endpoint_input.entries))
        wrong = (
            len(self.address_input.entries)
            + len(self.endpoint_input.entries)
            - len(good)
            - len(gates)
        )
        wrong += len(self._wrong)
        self.set_summary(
            markup.chip("no", f"{wrong} invalid") if wrong else "",
            count(len(ranges), "range") if ranges else "" if gates or good else "no addresses yet",
            count(len(good) - len(ranges), "list") if len(good) > len(ranges) else "",
            count(len(gates), "VPC endpoint") if gates else "",
            f"under {markup.plain(self.prefix, 90)}" if self.prefix else "",
        )
