from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameserver.declare import catalogue
from gameserver.declare.session_events import Lost
from gameserver.messages.envelope import Envelope, describe, lane_key, read_batch, task_body
from gameserver.modules.movement.events import Move
from gameserver.modules.sessions.events import Login
from gameserver.modules.world.events import Tick
from tests.unit.messages import samples

words = st.text(samples.characters, max_size=10)


def envelopes(event: st.SearchStrategy[Any]) -> st.SearchStrategy[Envelope]:
    return st.builds(
        Envelope,
        id=words,
        event=event,
        at_ms=st.integers(0, 2**53),
        conn=words,
        session=words,
        player=words,
        gateway=words,
        token=words,
        in_outbox=st.booleans(),
    )


@pytest.mark.parametrize("name", sorted(catalogue.events()))
@settings(max_examples=12)
@given(data=st.data())
def test_a_batch_of_any_type_survives_the_queue(name: str, data: st.DataObject) -> None:
    batch = data.draw(st.lists(envelopes(samples.event(catalogue.events()[name])), min_size=1, max_size=3))
    args, kwargs, embed = msgspec.json.decode(task_body(batch))
    assert (kwargs, embed) == ({}, None)
    assert read_batch(args[0]) == batch


@pytest.mark.parametrize(
    "raw", [None, [{}], [{"id": "1", "at_ms": 1, "event": {"type": "fly"}}], [{"id": "1", "at_ms": 1}], "x"]
)
def test_what_is_no_batch_is_refused(raw: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        read_batch(raw)


@pytest.mark.parametrize("name", sorted(spec.name for spec in catalogue.specs() if spec.secrets))
@given(data=st.data())
def test_a_description_never_holds_a_secret(name: str, data: st.DataObject) -> None:
    cls = catalogue.events()[name]
    event = data.draw(samples.event(cls))
    event = msgspec.structs.replace(event, **dict.fromkeys(cls.spec.secrets, "hush-hush"))
    envelope = Envelope(id="1", event=event, at_ms=1, token="hush-hush")
    assert "hush" not in describe([envelope])


def test_a_description_says_who_does_what() -> None:
    walk = Envelope(id="1", event=Move(dir="n", seq=3), at_ms=1, player="ada")
    lost = Envelope(id="2", event=Lost(), at_ms=1, gateway="g1")
    tick = Envelope(id="3", event=Tick(n=5), at_ms=1)
    assert describe([walk, lost, tick]) == "ada move dir='n'; g1 lost; server tick n=5"


def test_a_description_of_many_is_short() -> None:
    walk = Envelope(id="1", event=Move(dir="n"), at_ms=1, player="ada")
    assert describe([walk] * 9, most=2) == "ada move dir='n'; ada move dir='n'; and 7 more"


@given(envelopes(samples.any_event()))
def test_a_description_stays_on_one_line(envelope: Envelope) -> None:
    described = describe([msgspec.structs.replace(envelope, player="ada")])
    assert described.isprintable()


def test_what_is_ordered_is_a_sessions_lane() -> None:
    one = Envelope(id="1", event=Move(dir="n"), at_ms=1, session="s1")
    assert one.key == one.order == lane_key("s1", "act") == "s1/act"
    alone = Envelope(id="2", event=Tick(n=1), at_ms=1)
    assert alone.order == "2"
    entering = Envelope(id="3", event=Login(name="ada", password="x"), at_ms=1)
    assert entering.order == "3"
