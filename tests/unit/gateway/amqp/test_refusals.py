"""What a gateway makes of a broker's refusals: a longer pause, and a sentence."""

from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker
from twisted.internet.error import ConnectionDone

from gateway.amqp.refusals import REFUSED_PAUSE_S, Refusals, what_to_do

REFUSED = [
    ChannelClosedByBroker(403, "ACCESS_REFUSED - write access to exchange 'events' refused"),
    ConnectionClosedByBroker(403, "ACCESS_REFUSED - Login was refused using PLAIN."),
    ConnectionClosedByBroker(530, "NOT_ALLOWED - access to vhost 'x' refused"),
]
NOT_REFUSED = [ChannelClosedByBroker(404, "NOT_FOUND"), ConnectionClosedByBroker(320, "forced"), ConnectionDone(), None]


@pytest.mark.parametrize("reason", REFUSED)
def test_who_is_refused_waits_once_for_longer_and_then_tries_whether_it_still_is(reason: Any) -> None:
    refusals = Refusals(lambda attempt: attempt / 10)
    assert refusals.note(reason)
    assert refusals.in_doubt
    assert [refusals.pause_s(1), refusals.pause_s(2)] == [REFUSED_PAUSE_S, 0.2]
    assert refusals.in_doubt


@pytest.mark.parametrize("reason", NOT_REFUSED)
def test_what_is_merely_away_or_missing_is_tried_again_at_once(reason: Any) -> None:
    refusals = Refusals(lambda attempt: attempt / 10)
    assert not refusals.note(reason)
    assert not refusals.in_doubt
    assert refusals.pause_s(1) == 0.1


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (REFUSED[0], "The broker refuses the user of AMQP_URL: ACCESS_REFUSED - write access"),
        (REFUSED[1], "using PLAIN."),
        (REFUSED[2], "does not have what AMQP_URL names"),
        (ChannelClosedByBroker(406, "PRECONDITION_FAILED - inequivalent arg"), "is there with other arguments"),
        (ChannelClosedByBroker(404, "NOT_FOUND - no queue 'chat'"), "`gameserver declare`"),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED"), "CONNECTION_FORCED"),
        (None, "None"),
    ],
)
def test_what_it_does_not_like_is_said_with_what_to_do(reason: Any, said: str) -> None:
    assert said in what_to_do(reason)
