"""What a gateway says of its registries: they hold those who are there, and let go of those who have gone."""

from gateway.metrics.exposition import Exposition
from tests.unit.gateway.fakes import Stage

OF_PLAYERS = ("connections", "topics", "watchers", "conflated")


def test_registries_hold_those_who_are_there_and_nothing_of_those_who_have_gone() -> None:
    stage = Stage()
    ada, bob = stage.player("ada"), stage.player("bob")
    kept = stage.hub.kept
    assert (kept["connections"], kept["watchers"]) == (2, 2)
    assert kept["topics"] >= 2
    for player in (ada, bob):
        stage.hub.ended(player.connection)
    stage.clock.advance(1)
    assert {name: stage.hub.kept[name] for name in OF_PLAYERS} == dict.fromkeys(OF_PLAYERS, 0)


def test_each_registry_is_a_metric() -> None:
    stage = Stage()
    stage.player("ada")
    text = Exposition(stage.hub, "g1").text().decode()
    for registry, entries in stage.hub.kept.items():
        assert f'gameserver_gateway_kept{{registry="{registry}"}} {float(entries)}' in text
