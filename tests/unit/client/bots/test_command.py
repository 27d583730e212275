"""The options of ``gameserver bots``."""

import argparse

import pytest

from gameserver.client.bots.bot import BotOptions
from gameserver.client.bots.command import add_arguments, address, options_from


def test_the_command_line_says_what_the_options_are() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert options_from(parser.parse_args([])) == BotOptions()
    words = ["--address", "a:1", "--address", "[::1]:2", "--count", "7", "--forever", "--codec", "json"]
    given = options_from(parser.parse_args(words))
    assert given.addresses == (("a", 1), ("::1", 2))
    assert (given.count, given.duration_s, given.codec) == (7, None, "json")


def test_an_address_needs_a_host_and_a_port() -> None:
    for text in ("4000", "host", "host:", ":4000", "host:port"):
        with pytest.raises(argparse.ArgumentTypeError):
            address(text)
