"""A restriction with the ranges of the lists that AWS keeps."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.managed_lists import ManagedList, read_lists
from ..base.errors import InvalidInput
from ..base.network import AddressesLike, IPNetworks, collapse, parse_networks
from ..restriction.model import Restriction
from ..restriction.validation import split_lists


def with_lists(aws: Aws, restriction: Restriction) -> Restriction:
    """Return a restriction whose addresses include the ranges that its lists have now;
    an unread list is an error, and so is what is no restriction.
    """
    if not isinstance(restriction, Restriction):
        raise InvalidInput(
            f"A Restriction is needed, not {type(restriction).__name__}.",
            next_step=(
                "Write Restriction('team', addresses=...), or"
                " gt_secure.restriction.load_restriction('FILE')."
            ),
            field="restriction",
        )
    if not restriction.lists:
        return restriction
    return restriction.with_lists(read_lists(aws, restriction.lists))


def ranges_and_lists(
    aws: Aws, addresses: AddressesLike
) -> tuple[IPNetworks, tuple[ManagedList, ...]]:
    """Return addresses among which lists may be named,
    merged with the ranges of the lists; and the lists.
    """
    names, ranges = split_lists(addresses)
    lists = read_lists(aws, names)
    return collapse(
        [*parse_networks(ranges), *(network for each in lists for network in each.networks)]
    ), lists
