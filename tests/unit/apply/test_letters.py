"""Dead letters: what was given up gets another chance, once, on the world as it stands then."""

import pytest

from gameserver import letters
from gameserver.cli import main
from gameserver.errors import Rejected
from gameserver.events.envelope import Envelope
from gameserver.events.trade import Give
from gameserver.events.world import Sweep
from gameserver.world.state import Gateway, Player
from tests.unit.apply.workshop import Workshop

ADA = Player(id="ada", name="Ada", zone="town", x=2, y=2, gateway="g", conn="c-ada", session="s-ada")
BOB = Player(id="bob", name="Bob", zone="town", x=3, y=3, gateway="g", conn="c-bob", session="s-bob")
ABSENT = Player(id="ada", name="Ada", zone="town", x=2, y=2)


@pytest.fixture
def buried(workshop: Workshop) -> Envelope:
    """Ada's gift of 30 coins, given up."""
    workshop.enter(ADA, BOB)
    workshop.put(Gateway(id="g", seen_ms=2**50, sessions=2))  # alive, or the sweep would take its players out
    gift = workshop.tell(ADA, Give(seq=1, to="Bob", coins=30))
    workshop.applier.bury(gift, RuntimeError("a bug"), 4)
    return gift


def replayed(workshop: Workshop) -> list[Envelope]:
    """What the sweep finds to be sent again."""
    workshop.now_ms += 10_000
    sweep = Envelope(id=f"sweep:{workshop.now_ms}", event=Sweep(n=workshop.now_ms), at_ms=workshop.now_ms)
    return [envelope for envelope in workshop.apply(sweep).born if envelope.id.endswith("/replay")]


def purses(workshop: Workshop) -> tuple[int, int]:
    return workshop.player("ada").coins, workshop.player("bob").coins


def test_a_replayed_letter_is_applied_once(workshop: Workshop, buried: Envelope) -> None:
    assert purses(workshop) == (100, 100)
    letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    workshop.apply(again, again)
    assert purses(workshop) == (70, 130)
    assert replayed(workshop) == []
    assert workshop.store.dead_letters() == []


def test_a_replay_meets_the_world_as_it_stands(workshop: Workshop, buried: Envelope) -> None:
    workshop.put(Player(**{name: getattr(ADA, name) for name in ADA.__struct_fields__ if name != "coins"}, coins=5))
    letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    assert purses(workshop) == (5, 100)
    assert replayed(workshop) == []


def test_a_replay_waits_for_who_is_not_in_the_world(workshop: Workshop, buried: Envelope) -> None:
    workshop.put(ABSENT)
    letters.replay(workshop.store, buried.id, workshop.now_ms)
    (again,) = replayed(workshop)
    workshop.apply(again)
    assert purses(workshop) == (100, 100)
    workshop.put(ADA)
    (later,) = replayed(workshop)
    workshop.apply(later)
    assert purses(workshop) == (70, 130)


def test_a_letter_is_replayed_or_dropped_once_and_an_unknown_one_never(workshop: Workshop, buried: Envelope) -> None:
    letters.drop(workshop.store, buried.id)
    for work in (letters.drop, lambda store, id_: letters.replay(store, id_, 1)):
        with pytest.raises(Rejected, match="no_such_letter"):
            work(workshop.store, buried.id)


def test_the_command_lists_shows_replays_and_drops(
    workshop: Workshop,
    buried: Envelope,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    assert main(["dead", "list", "--family", "trade", "--player", "Ada"]) == 0
    assert buried.id in capsys.readouterr().out
    assert main(["dead", "list", "--family", "chat"]) == 0
    assert buried.id not in capsys.readouterr().out
    assert main(["dead", "show", buried.id]) == 0
    shown = capsys.readouterr().out
    assert "RuntimeError: a bug" in shown
    assert "4 trials" in shown
    assert main(["dead", "replay", buried.id]) == 0
    assert main(["dead", "drop", buried.id]) == 1
    assert "There is no dead letter" in capsys.readouterr().err
