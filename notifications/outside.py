"""Which addresses a webhook may connect to: those of the public internet, unless its hook allows more.

A name is resolved once, every address it has is looked at, and the connection goes to the very address that was looked
at: what the name says a moment later does not matter.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 in IPv6 behind a NAT64, RFC 6052."""
TRANSLATED_LOCALLY = IPv6Network("64:ff9b:1::/48")
"""The same within one network only, RFC 8215."""


class RefusedAddress(OSError):  # noqa: N818 named for what happened, as one says it
    """An address that no webhook goes to."""


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host, in the order they are to be tried.

    Raises RefusedAddress where one of them is not of the public internet, OSError where the host has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not allow_private:
        for address in addresses:
            refuse_special(address)
    return addresses


def refuse_special(address: str) -> None:
    """Refuse an address that is not of the public internet. Raises RefusedAddress."""
    given = ip_address(address)
    if any(not _is_public(one) for one in (given, *_within(given))):
        raise RefusedAddress(f"{address} is a private or special address; allow_private = true allows it")


def _is_public(address: Address) -> bool:
    """Whether anybody on the internet has this address, and one machine alone."""
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address in TRANSLATED:
            return True  # it is what it holds
        special = special or address.is_site_local or address in TRANSLATED_LOCALLY
    return address.is_global and not special


def _within(address: Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address stands for: mapped, translated, or reached by a tunnel."""
    if isinstance(address, IPv4Address):
        return []
    held = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in TRANSLATED:
        held.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in held if one is not None]
