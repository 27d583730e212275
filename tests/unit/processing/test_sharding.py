"""To which part of a split queue an event goes that is born of another."""

import pytest
from msgspec.structs import replace

from gameserver.messages.envelope import Envelope
from gameserver.modules.combat.events import Attack
from gameserver.modules.world.events import Stir, Tick
from gameserver.testing.two_zones import creature
from tests.unit.processing.workshop import ADA, Workshop


def ticked(workshop: Workshop) -> list[str]:
    """The parts to which zones' ticks go that are born of a pulse."""
    tick = Envelope(id="tick", event=Tick(n=workshop.now_ms // 500), at_ms=workshop.now_ms, shard_key="elsewhere")
    born = workshop.apply(tick).born
    return [
        envelope.shard_key for envelope in born if isinstance(envelope.event, Stir) and envelope.event.zone == "meadow"
    ]


def test_it_goes_where_its_declaration_says(workshop: Workshop) -> None:
    workshop.enter(ADA)
    assert ticked(workshop) == ["meadow"]


def test_without_a_word_of_that_it_goes_with_its_parent(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.enter(ADA)
    workshop.put(creature(hp=1))
    slain = workshop.apply(workshop.tell(ADA, Attack(target="meadow.rat.1", seq=1), shard_key="cave"))
    assert [envelope.shard_key for envelope in slain.born] == ["cave", "cave"]
    monkeypatch.setattr(Stir, "spec", replace(Stir.spec, shard_by=""))  # though it has a field called zone
    assert ticked(workshop) == ["elsewhere"]
