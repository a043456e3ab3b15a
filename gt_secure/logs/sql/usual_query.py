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
    "Algorithm": "places[1]",
    "Credential": "places[2]",
    "Date": "places[3]",
    "Expires": "places[4]",
    _SESSION: "CASE WHEN nplaces = 7 THEN places[5] END",
    "SignedHeaders": "places[nplaces]",
}
"""Parameters that a signature covers, in their order, and where they are among all sorted ones."""
_SIGNATURE = "places[nplaces - 1]"
_UNUSUAL = "%(?:[^23]|2[^FfBb]|3[^Dd]|.?$)"
"""An escape other than ``%2F``, ``%2B`` and ``%3D``."""
_MOMENT = "20[0-9]{6}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z"


def _value(name: str) -> str:
    return f"substr({_PLACES[name]}, {len(f'X-Amz-{name}=') + 1})"


def _covered() -> str:
    # concat leaves out NULL, the token that long-term keys do not have.
    pairs = [f"'x-amz-{name.lower()}=' || {_value(name)}" for name in _PLACES]
    text = f"concat({pairs[0]}, {', '.join(chr(39) + '&' + pair[1:] for pair in pairs[1:])})"
    return f"CASE WHEN escaped THEN url_decode({text}) ELSE {text} END"


def _starred() -> str:
    text = "raw_uri"
    token = f"coalesce({_PLACES[_SESSION]}, '')"
    for name, place in {
        "Credential": "places[2]",
        _SESSION: token,
        "Signature": _SIGNATURE,
    }.items():
        text = f"replace({text}, {place}, 'X-Amz-{name}=***')"
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
    """Rows with ``places``, the sorted parameters of a query, and ``usual``:
    whether they are the known ones.

    The order in which boto3 writes them is put right without sorting, which takes three times as
    long; in another order they are not the known ones, or are sorted.
    """
    known = " AND ".join(
        f"{place} LIKE 'X-Amz-{name}=%'"
        for name, place in {**_PLACES, "Signature": _SIGNATURE}.items()
        if name != _SESSION
    )
    secrets = (
        f"strlen(places[2]) > {len('X-Amz-Credential=')} AND strlen({_SIGNATURE}) >"
        f" {len('X-Amz-Signature=')}"
    )
    token = (
        f"places[5] LIKE 'X-Amz-{_SESSION}=%' AND strlen(places[5]) > {len(f'X-Amz-{_SESSION}=')}"
    )
    plain = (
        "position('+' IN asked_raw) = 0 AND (NOT escaped OR NOT regexp_matches(asked_raw,"
        f" '{_UNUSUAL}'))"
    )
    # The signature of version 2 covers something else, whatever the query looks like.
    usual = (
        f"(nplaces = 6 OR nplaces = 7 AND {token}) AND {known} AND {secrets} "
        f"AND coalesce(signature_version, '') <> 'SigV2' AND {plain}"
    )
    return f"""(SELECT *, coalesce({usual}, false) AS usual
    FROM (SELECT *, len(places) AS nplaces
    FROM (SELECT *, position('%' IN asked_raw) > 0 AS escaped,
        CASE WHEN parts[5] LIKE 'X-Amz-SignedHeaders=%' AND len(parts) = 7
        THEN list_select(parts, [1, 2, 3, 4, 6, 7, 5]) ELSE list_sort(parts) END AS places
    FROM (SELECT *, CASE WHEN asked_raw LIKE 'X-Amz-%' THEN string_split(asked_raw, '&') END
        AS parts
    FROM {rows}) r17) r13) r14) r15"""
