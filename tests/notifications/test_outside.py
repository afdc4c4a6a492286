"""Which addresses a webhook may connect to."""

import socket

import pytest

from notifications.outside import RefusedAddress, refuse_special, resolve

OWN = [
    *("127.0.0.1", "127.1", "127.0.0.1.", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"),
    *("0.0.0.0", "0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),  # noqa: S104 nothing is bound to it
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "fec0::1", "ff02::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1"),
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"]


@pytest.mark.parametrize("host", OWN)
def test_it_refuses_every_spelling_of_an_address_of_the_house(host):
    try:
        socket.getaddrinfo(host, 80)
    except OSError:
        pytest.skip("this machine does not read that spelling")
    with pytest.raises(RefusedAddress, match="private or special address"):
        resolve(host, 80, allow_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_it_lets_an_address_of_the_internet_pass(address):
    refuse_special(address)


def test_it_takes_any_address_where_the_hook_allows_it():
    assert resolve("127.1", 80, allow_private=True) == ["127.0.0.1"]


def test_one_private_address_of_a_name_is_enough_to_refuse_it(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(RefusedAddress, match=r"^10\.0\.0\.1 is a private"):
        resolve("rebinding.example", 80, allow_private=False)
