"""The query of a presigned URL as nearly every SDK writes it, read by DuckDB without a look at each
parameter.

Most presigned requests have the six or seven parameters of signature version 4 and no others, each
once, in any order, with names as AWS writes them and no escapes but those of slash, plus and equals
sign. Sorted, they stand at known places. What :mod:`~gt_secure.logs.sql.derived_columns` concludes
from a query is put together from there; a query of any other form is read parameter by parameter,
at four times the cost. Both ways give the same values.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

_SESSION = "Security-Token"
_PLACES = {
    "Algorithm": ("parts[1]", "sorted[1]"),
    "Credential": ("parts[2]", "sorted[2]"),
    "Date": ("parts[3]", "sorted[3]"),
    "Expires": ("parts[4]", "sorted[4]"),
    _SESSION: ("parts[6]", "sorted[5]"),
    "SignedHeaders": ("parts[5]", "sorted[nparts]"),
    "Signature": ("parts[nparts]", "sorted[nparts - 1]"),
}
"""The places of parameters as boto3 writes them, and among all sorted ones; those that a signature
covers in the order of their names."""
_SECRETS = ("Credential", _SESSION, "Signature")
"""Parameters that are masked, if they have a value."""
_UNUSUAL = "%(?:[^23]|2[^FB]|3[^D]|.?$)"
"""An escape other than ``%2F``, ``%2B`` and ``%3D``."""
_MOMENT = "20[0-9]{6}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z"


def _place(name: str) -> str:
    return f"given_{name.lower().replace('-', '_')}"


def _value(name: str) -> str:
    return f"substr({_place(name)}, {len(f'X-Amz-{name}=') + 1})"


def _covered() -> str:
    # concat leaves out NULL, the token that long-term keys do not have.
    pairs = [f"x-amz-{name.lower()}=' || {_value(name)}" for name in list(_PLACES)[:-1]]
    between = ", '&"
    text = f"concat('{between.join(pairs)})"
    # The only escapes of a usual query, in half the time of url_decode.
    decoded = f"replace(replace(replace({text}, '%2F', '/'), '%2B', '+'), '%3D', '=')"
    return f"CASE WHEN escaped THEN {decoded} ELSE {text} END"


def _starred() -> str:
    text = "raw_uri"
    for name in _SECRETS:
        text = f"replace({text}, coalesce({_place(name)}, ''), 'X-Amz-{name}=***')"
    return text


COVERED = _covered()
"""Expression: the parameters that the signature of a usual query covers,
in their canonical form.
"""
HALF_MASKED = _starred()
"""Expression: the request of a usual query without its three secrets."""
SIGNED_AT = (
    f"CASE WHEN regexp_full_match({_value('Date')}, '{_MOMENT}') "
    f"THEN try_strptime({_value('Date')}, '%Y%m%dT%H%M%SZ') END"
)
"""Expression: the time at which the URL of a usual query was signed."""
LIFETIME = (
    f"CASE WHEN regexp_full_match({_value('Expires')}, '[0-9]{{1,7}}') THEN"
    f" try_cast({_value('Expires')} AS BIGINT) END"
)
"""Expression: seconds for which the URL of a usual query is valid."""
KEY_ID = f"regexp_extract({_value('Credential')}, '^([A-Za-z0-9]+)', 1)"
"""Expression: the access key id of a usual query."""


def usual_layers(rows: str) -> str:
    """Rows with a column for each parameter of a usual query, and ``usual``: whether the parameters
    are the known ones.

    The order in which boto3 writes them is read without sorting, which takes three times as long;
    in another order they are not the known ones, or are sorted. Columns and not a list: to choose
    between lists copies their items, and each look into a list copies one.
    """
    given = {
        name: f"CASE WHEN in_order THEN {first} ELSE {other} END"
        for name, (first, other) in _PLACES.items()
    }
    given[_SESSION] = f"CASE WHEN nparts = 7 THEN {given[_SESSION]} END"
    picks = ", ".join(f"{text} AS {_place(name)}" for name, text in given.items())
    known = " AND ".join(
        f"{_place(name)} LIKE 'X-Amz-{name}={'_' * (name in _SECRETS)}%'"
        for name in _PLACES
        if name != _SESSION
    )
    token = f"{_place(_SESSION)} LIKE 'X-Amz-{_SESSION}=_%'"
    plain = (
        "position('+' IN asked_raw) = 0 AND (NOT escaped OR NOT regexp_matches(asked_raw,"
        f" '{_UNUSUAL}'))"
    )
    # The signature of version 2 covers something else, whatever the query looks like.
    usual = (
        f"(nparts = 6 OR nparts = 7 AND {token}) AND {known} "
        f"AND coalesce(signature_version, '') <> 'SigV2' AND {plain}"
    )
    return f"""(SELECT *, coalesce({usual}, false) AS usual
    FROM (SELECT *, position('%' IN asked_raw) > 0 AS escaped, {picks}
    FROM (SELECT *, CASE WHEN nparts IN (6, 7) AND NOT in_order THEN list_sort(parts) END AS sorted
    FROM (SELECT *, len(parts) AS nparts,
        parts[5] LIKE 'X-Amz-SignedHeaders=%' AND len(parts) IN (6, 7) AS in_order
    FROM (SELECT *, CASE WHEN asked_raw LIKE 'X-Amz-%' THEN string_split(asked_raw, '&') END
        AS parts
    FROM {rows}) r17) r13) r16) r14) r15"""
