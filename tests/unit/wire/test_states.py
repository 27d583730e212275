from itertools import product

import pytest

from gameserver.limits import Limits
from gameserver.wire.errors import PacketFault
from gameserver.wire.packets import PROTOCOL, Welcome
from gameserver.wire.server import ServerConnection
from gameserver.wire.states import REFUSALS, TABLE, Input, State, diagram


def test_every_state_has_a_refusal_of_its_own() -> None:
    assert set(REFUSALS) == set(State)
    assert len({code for code, _ in REFUSALS.values()}) == len(State)


def test_every_state_can_be_reached_and_be_left_by_closing() -> None:
    assert set(TABLE.values()) | {State.NEW} == set(State)
    assert all(TABLE[state, Input.CLOSE] is State.CLOSED for state in State)
    assert [what for state, what in TABLE if state is State.CLOSED] == [Input.CLOSE]


@pytest.mark.parametrize(("state", "what"), list(product(State, Input)), ids=lambda value: value.name.lower())
def test_what_the_table_does_not_allow_is_refused_with_the_code_of_the_state(state: State, what: Input) -> None:
    greeting = Welcome(
        protocol=PROTOCOL,
        catalogue="",
        gateway="g1",
        frame_bytes_max=1,
        lane_waiting_max=1,
        packets_per_s=1,
        idle_s_max=1,
    )
    connection = ServerConnection(Limits(), greeting)
    connection.state = state
    if (state, what) in TABLE:
        connection._move(what)
        assert connection.state is TABLE[state, what]
        return
    with pytest.raises(PacketFault) as refused:
        connection._move(what, re=9)
    assert (refused.value.code, refused.value.re) == (REFUSALS[state][0], 9)
    assert connection.state is state


@pytest.mark.parametrize(("step", "new"), list(TABLE.items()), ids=lambda value: str(value))
def test_the_diagram_shows_every_row_of_the_table(step: tuple[State, Input], new: State) -> None:
    old, what = step
    drawn = diagram()
    assert f"{old} --> {new}: {what}" in drawn if what is not Input.CLOSE else "close (from any state)" in drawn


def test_only_who_plays_may_play() -> None:
    assert [state for state, what in TABLE if what is Input.EVENT] == [State.PLAYING]
