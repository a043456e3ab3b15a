"""The test URL as a secret: it never shows itself, is never pickled, and forgets itself when told
to.

Whoever gets a presigned URL can open the object, and notebooks save what their cells show.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import KW_ONLY, InitVar, dataclass
from urllib.parse import quote, urlsplit

from ..base.clock import utc_now
from ..base.copies import NotCopied
from ..base.errors import InvalidInput
from ..base.network import Source
from ..base.shown import Shown
from ..base.text import Json
from .inspect import host_of


@dataclass(repr=False, eq=False)
class TestUrl(Shown, NotCopied):
    """A presigned URL for one object. ``reveal()`` is the only way to the URL itself.

    Attributes
    ----------
    bucket, key : str
    version_id : str or None
    expires_at : datetime
        In UTC. The URL may die earlier with its credentials.
    bound_to : Source or None
        The source that the session policy demands; None when only the bucket guard restricts the
        URL.
    signer : str
        The ARN of the role or user whose permissions the URL has.
    principal : str
        What ``aws:PrincipalArn`` is for it: of a role session the ARN of the role.
    marker : str
        The value of the query parameter ``x-gt-secure-test``, which finds the request in the access
        log again; empty for a viewer's URL, whose requests are no tests.
    viewer : str or None
        The tag of the viewer, which is signed into the URL as ``x-viewer``.
    method : str
        ``GET``, ``HEAD`` or ``PUT``.
    masked : str
        The URL without its query, to show.
    """

    _stays = "A test URL is a secret and cannot be pickled or copied. Call reveal() where you must."
    document = (
        "bucket",
        "key",
        "version_id",
        "masked",
        "expires_at",
        "seconds_left",
        "bound_to",
        "signer",
        "marker",
        "viewer",
        "method",
    )

    __test__ = False  # not a test class, whatever pytest thinks of its name

    url: InitVar[str]
    _: KW_ONLY
    bucket: str
    key: str
    expires_at: dt.datetime
    bound_to: Source | None
    signer: str
    marker: str
    version_id: str | None = None
    principal: str = ""
    viewer: str | None = None
    method: str = "GET"

    def __post_init__(self, url: str) -> None:
        self.__url: str | None = url
        self.principal = self.principal or self.signer
        parts = urlsplit(url)
        self.host = host_of(parts.netloc)
        self.masked = f"{parts.scheme}://{self.host}{quote(parts.path, safe='/%')}?•••••••"

    def reveal(self) -> str:
        """Return the URL itself. Do not print it: notebooks save what they show.

        Raises
        ------
        InvalidInput
            If the URL was forgotten.
        """
        if self.__url is None:
            raise InvalidInput(
                "This test URL was cleared.", next_step="Sign a new one.", field="url"
            )
        return self.__url

    def forget(self) -> None:
        """Clear the URL from memory, as far as Python can."""
        self.__url = None

    @property
    def seconds_left(self) -> float:
        """Seconds until it expires, 0 when it has."""
        return max(0.0, (self.expires_at - utc_now()).total_seconds())

    def to_dict(self) -> Json:
        """Everything but the URL, as JSON-able data."""
        return super().to_dict() | {"seconds_left": round(self.seconds_left)}

    def __repr__(self) -> str:
        bound = f", bound to {self.bound_to}" if self.bound_to else ""
        return f"<TestUrl {self.bucket}/{self.key!r}{bound}, {self.seconds_left:.0f} s left>"

    __str__ = __repr__
