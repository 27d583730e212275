"""A handshake matches one answer with its request, and accepts it before anything that follows."""

import asyncio

import pytest

from gameserver.client.errors import Refused
from gameserver.client.handshake import WELCOME, Handshake


async def test_the_answer_is_accepted_before_the_caller_goes_on() -> None:
    handshake, accepted = Handshake(), []
    reply = handshake.begin(3, accepted.append)
    handshake.succeed({"zone": "meadow"})
    assert accepted == [{"zone": "meadow"}]
    assert reply.result() == {"zone": "meadow"}


async def test_only_the_answer_to_the_open_request_is_expected() -> None:
    handshake = Handshake()
    assert not handshake.is_answered_by(WELCOME)
    handshake.begin(3, print)
    assert (handshake.is_answered_by(3), handshake.is_answered_by(2)) == (True, False)
    handshake.fail(Refused("wrong_password", ""))
    assert not handshake.is_answered_by(3)


async def test_an_answer_that_nobody_waits_for_is_accepted_all_the_same() -> None:
    handshake, accepted = Handshake(), []
    handshake.begin(1, accepted.append).cancel()
    assert not handshake.is_open
    assert handshake.is_answered_by(1)
    handshake.succeed({})
    assert accepted == [{}]


async def test_a_refusal_is_raised_to_the_caller_and_not_accepted() -> None:
    handshake, accepted = Handshake(), []
    waiting = asyncio.ensure_future(handshake.begin(1, accepted.append))
    handshake.fail(Refused("wrong_password", ""))
    with pytest.raises(Refused, match="wrong_password"):
        await waiting
    assert accepted == []


async def test_failing_when_nothing_is_open_does_nothing() -> None:
    Handshake().fail(Refused("wrong_password", ""))
