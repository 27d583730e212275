"""Which calls a client allows in each of its phases."""

import pytest

from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.phases import Lifecycle, Phase

ENTERING = {Phase.GREETED}
SENDING = {Phase.PLAYING, Phase.AWAY}


def in_phase(phase: Phase) -> Lifecycle:
    lifecycle = Lifecycle()
    lifecycle.phase = phase
    return lifecycle


@pytest.mark.parametrize("phase", set(Phase) - ENTERING - {Phase.ENDED})
def test_entering_is_refused_but_after_the_greeting(phase: Phase) -> None:
    in_phase(Phase.GREETED).check_may_enter()
    with pytest.raises(Refused, match="already_playing"):
        in_phase(phase).check_may_enter()


@pytest.mark.parametrize("phase", set(Phase) - SENDING - {Phase.ENDED})
def test_sending_is_refused_outside_the_world(phase: Phase) -> None:
    for allowed in SENDING:
        in_phase(allowed).check_in_world()
    with pytest.raises(Refused, match="not_logged_in"):
        in_phase(phase).check_in_world()


def test_after_the_end_every_check_raises_its_reason() -> None:
    lifecycle, reason = in_phase(Phase.PLAYING), ConnectionLost("taken_over", "Elsewhere.")
    lifecycle.end(reason)
    assert lifecycle.has_ended
    for check in (lifecycle.check_alive, lifecycle.check_may_enter, lifecycle.check_in_world):
        with pytest.raises(ConnectionLost, match="taken_over") as raised:
            check()
        assert raised.value is not reason  # each caller gets an exception of its own
