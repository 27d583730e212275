"""Dead letters: what was given up gets another chance, once, on the world as it stands then."""

from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.session_events import Heartbeat, Lost, Rejoin
from gameserver.errors import Rejected
from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.entities import Membership
from gameserver.modules.chat.events import Join, Leave, Say, Shout, Talk, Whisper, Who
from gameserver.modules.combat.events import Attack, Reward
from gameserver.modules.movement.events import Chart, Look, Move, Show
from gameserver.modules.sessions.entities import Gateway
from gameserver.modules.sessions.events import Ack, Login, Logout, Register, Resume, Sweep
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give
from gameserver.modules.trade.events import Purse as AskPurse
from gameserver.modules.world.events import Announce, Stir, Tick
from gameserver.processing import dead_letters
from gameserver.rules.outcome import Waiting
from gameserver.store.tables import metadata
from gameserver.testing.two_zones import absent, player, players
from tests import module_samples
from tests.unit.processing.workshop import Workshop, reply

ADA = player(zone="town", x=2, y=2, v=0, gateway="g")
BOB = player("Bob", zone="town", x=3, y=3, v=0, gateway="g")
ABSENT = absent(ADA)


@pytest.fixture
def buried(workshop: Workshop) -> Envelope:
    """Ada's gift of 30 coins, given up."""
    workshop.enter(ADA, BOB)
    workshop.put(Gateway(id="g", seen_ms=2**50, sessions=2))  # alive, or the sweep would take its players out
    gift = workshop.tell(ADA, Give(seq=1, to="Bob", coins=30))
    workshop.applier.dead_letter(gift, RuntimeError("a bug"), 4)
    return gift


def replayed(workshop: Workshop) -> list[Envelope]:
    """What the sweep finds to be sent again."""
    workshop.now_ms += 10_000
    sweep = Envelope(id=f"sweep:{workshop.now_ms}", event=Sweep(n=workshop.now_ms), at_ms=workshop.now_ms)
    return [envelope for envelope in workshop.apply(sweep).born if envelope.id.endswith("/replay")]


def purses(workshop: Workshop) -> tuple[int, int]:
    return workshop.coins("ada"), workshop.coins("bob")


def test_a_replayed_letter_is_applied_once(workshop: Workshop, buried: Envelope) -> None:
    assert purses(workshop) == (100, 100)
    dead_letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    workshop.apply(again, again)
    assert purses(workshop) == (70, 130)
    assert replayed(workshop) == []
    assert workshop.store.dead_letters() == []


def test_a_replay_meets_the_world_as_it_stands(workshop: Workshop, buried: Envelope) -> None:
    workshop.put(Purse(id="ada", coins=5))
    dead_letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    assert purses(workshop) == (5, 100)
    assert replayed(workshop) == []


def test_a_replay_waits_for_who_is_not_in_the_world(workshop: Workshop, buried: Envelope) -> None:
    workshop.put(ABSENT)
    dead_letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    assert purses(workshop) == (100, 100)
    workshop.put(ADA)
    (later,) = replayed(workshop)
    workshop.apply(later)
    assert purses(workshop) == (70, 130)


def test_a_letter_is_replayed_or_dropped_once_and_an_unknown_one_never(workshop: Workshop, buried: Envelope) -> None:
    dead_letters.drop(workshop.store, buried.id)
    for work in (dead_letters.drop, lambda store, id_: dead_letters.replay(store, id_, 1)):
        with pytest.raises(Rejected, match="no_such_letter"):
            work(workshop.store, buried.id)


class Unspeakable(Exception):
    """An error that can't be said."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


CAUSES = {
    "the character 0": ValueError("a\0b"),
    "half a character": ValueError("\ud800"),
    "ten megabytes": ValueError("x" * 10_000_000),
    "no text": Unspeakable(),
    "its own cause": ValueError(ValueError("within")),
}


@pytest.mark.parametrize("what", CAUSES)
def test_a_cause_of_any_content_is_kept(workshop: Workshop, what: str) -> None:
    workshop.enter(ADA, BOB)
    gift = workshop.tell(ADA, Give(seq=1, to="Bob", coins=30))
    assert reply(workshop.applier.dead_letter(gift, CAUSES[what], 4))["code"] == "dead_lettered"
    (letter,) = workshop.store.dead_letters()
    assert letter.cause.startswith(type(CAUSES[what]).__name__)
    assert len(letter.cause) <= dead_letters.CAUSE_CHARS_MAX
    assert len(letter.traceback) <= dead_letters.TRACEBACK_CHARS_MAX
    assert type(CAUSES[what]).__name__ in letter.traceback


SAMPLES: dict[str, Event] = {
    "register": Register(name="Eve", password="long enough"),
    "login": Login(name="Ada", password="long enough"),
    "resume": Resume(token="t"),
    "logout": Logout(),
    "ack": Ack(ids=["w1"]),
    "lost": Lost(),
    "rejoin": Rejoin(),
    "heartbeat": Heartbeat(sessions=2),
    "tick": Tick(n=7),
    "stir": Stir(zone="town", n=7),
    "show": Show(player="ada"),
    "announce": Announce(text="Supper!"),
    "sweep": Sweep(n=7),
    "give": Give(to="Bob", coins=30),
    "purse": AskPurse(),
    "say": Say(text="hello"),
    "shout": Shout(text="hello"),
    "whisper": Whisper(to="Bob", text="hello"),
    "join": Join(channel="news"),
    "leave": Leave(channel="trade"),
    "talk": Talk(channel="trade", text="hello"),
    "who": Who(),
    "move": Move(dir="e"),
    "look": Look(),
    "chart": Chart(),
    "attack": Attack(target="bob"),
    "reward": Reward(player="ada", xp=5, slain="rat"),
    **module_samples.SAMPLES,
}
REPLAYED = {"ack", "give", "say", "shout", "whisper", "join", "leave", "talk", "attack", "reward", "show", "announce"}
REPLAYED |= {name for name, event in module_samples.SAMPLES.items() if event.spec.durable}


def given_up(workshop: Workshop, event: Event) -> str:
    """A dead letter of an event, as its origin sent it. Returns its id."""
    numbered = replace(event, seq=1) if event.spec.numbered else event
    if event.spec.origin == "server":
        envelope = Envelope(id=f"{event.spec.name}:7", event=event, at_ms=workshop.now_ms, in_outbox=False)
    else:
        envelope = workshop.tell(ADA, numbered, id="c-ada:1", token="hash")
    workshop.applier.dead_letter(envelope, RuntimeError("a bug"), 4)
    return envelope.id


def test_every_event_of_the_catalogue_has_a_sample() -> None:
    assert set(SAMPLES) == set(catalogue.events())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_replay_of_whatever_event_is_applied_once_and_moves_no_connection_or_is_refused(
    workshop: Workshop, name: str
) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(Gateway(id="g", seen_ms=2**50, sessions=2), Membership(id="trade/ada", channel="trade", player="ada"))
    with workshop.store.transaction() as transaction:
        transaction.add_waiting([Waiting("w1", "mail", "ada", b"x")], workshop.now_ms, 2**50)
    id_ = given_up(workshop, SAMPLES[name])
    before = everything(workshop)
    if name not in REPLAYED:
        with pytest.raises(Rejected, match=r"not_replayable: .* can't be replayed"):
            dead_letters.replay(workshop.store, id_, workshop.now_ms)
        assert everything(workshop) == before
        return
    dead_letters.replay(workshop.store, id_, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    once = everything(workshop)
    workshop.apply(again, again)
    assert everything(workshop) == once
    assert presence(workshop) == {"ada": ("g", "c-ada", "s-ada"), "bob": ("g", "c-bob", "s-bob")}
    assert replayed(workshop) == []


def everything(workshop: Workshop) -> Any:
    """What the database holds, but for what the sweep writes."""
    waiting = workshop.due()
    with workshop.store._engine.connect() as connection:
        tables = {name: table for name, table in metadata().tables.items() if name != "outbox"}
        rows = {name: sorted(map(repr, connection.execute(table.select()))) for name, table in tables.items()}
    return {**rows, "waiting": waiting}


def presence(workshop: Workshop) -> dict[str, tuple[str, str, str]]:
    found = players(workshop.load(players=("ada", "bob")))
    return {id_: (body.gateway, body.conn, body.session) for id_, body in found.items()}


@pytest.mark.parametrize(
    ("event", "channels"), [(Join(channel="news"), ["news", "trade"]), (Leave(channel="trade"), [])]
)
def test_a_replay_is_followed_where_its_player_is_now(workshop: Workshop, event: Event, channels: list[str]) -> None:
    workshop.enter(ADA, BOB)
    workshop.put(Membership(id="trade/ada", channel="trade", player="ada"))
    id_ = given_up(workshop, event)
    workshop.put(replace(ADA, gateway="g2", conn="c-later"))
    dead_letters.replay(workshop.store, id_, workshop.now_ms)
    workshop.put(*(Gateway(id=id_, seen_ms=2**50, sessions=2) for id_ in ("g", "g2")))
    (again,) = replayed(workshop)
    (direct,) = workshop.apply(again).outbound.unicasts
    assert (direct.conn, direct.re, direct.packet) == ("c-later", 0, b"")
    assert direct.follow is not None
    assert direct.follow.watch == {"channels": tuple(f"channel.{channel}" for channel in channels)}


def test_a_letter_that_this_version_cant_read_stays(workshop: Workshop, buried: Envelope) -> None:
    with workshop.store.transaction() as transaction:
        letter = transaction.take_dead(buried.id)
        assert letter is not None
        transaction.add_dead(replace(letter, envelope=b'{"id":"x","event":{"type":"of tomorrow"}}'))
    with pytest.raises(Rejected, match="not_replayable: This version can't read"):
        dead_letters.replay(workshop.store, buried.id, workshop.now_ms)
    assert [letter.id for letter in workshop.store.dead_letters()] == [buried.id]
