"""Which of Flower's options are safe."""

from types import SimpleNamespace

import pytest

from gameserver.operations.flower import find_fault, is_loopback


def options(address: str, **given: object) -> SimpleNamespace:
    return SimpleNamespace(**{"address": address, "basic_auth": None, "auth": "", "unix_socket": "", **given})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_loopback_no_password_is_needed(address: str) -> None:
    assert is_loopback(address)
    assert find_fault(options(address)) == ""


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.0.0.7", "flower.example", "127.0.0.1.example"])
def test_on_any_other_address_one_is(address: str) -> None:
    assert "without a password" in find_fault(options(address))
    assert find_fault(options(address, basic_auth=["ada:a secret"])) == ""
    assert find_fault(options(address, auth=".*@example.com")) == ""
    assert find_fault(options(address, unix_socket="var/flower.socket")) == ""


@pytest.mark.parametrize("credentials", [["ada"], ["ada:"], [":secret"], ["ada:secret", ""], [" : "], ["ada:päss"]])
def test_half_a_password_is_none_not_even_on_loopback(credentials: list[str]) -> None:
    assert "neither may be empty" in find_fault(options("127.0.0.1", basic_auth=credentials))
