import pytest

from gameserver.broker.gateway_routing import ROUTES, route, routing_key
from gateway.egress.nearest_gateway import GatewayDirectory

TWO = {"gateway1": "10.0.0.1:4000", "gateway2": "10.0.0.2:4000"}
PLACES = [f"zone{n}" for n in range(500)]


def test_two_gateways_send_no_place_to_and_fro():
    one, two = GatewayDirectory("gateway1", TWO), GatewayDirectory("gateway2", TWO)
    for place in PLACES:
        assert {one.address_for(place), two.address_for(place)} in ({"", TWO["gateway1"]}, {"", TWO["gateway2"]})


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_gateway_has_as_many_routing_keys_as_the_others(count: int):
    gateways = {f"gateway{n}": f"10.0.0.{n}:4000" for n in range(count)}
    keys = [
        len(
            {
                routing_key(f"zone.{place}")
                for place in PLACES
                if not GatewayDirectory(name, gateways).address_for(place)
            }
        )
        for name in gateways
    ]
    assert sum(keys) == ROUTES
    assert max(keys) - min(keys) <= 1


def test_places_of_one_routing_key_have_one_gateway():
    directory = GatewayDirectory("gateway1", TWO)
    for place in PLACES:
        assert directory.address_for(place) == directory.address_for(
            next(each for each in PLACES if route(each) == route(place))
        )


@pytest.mark.parametrize("own", ["", "gateway3"])
def test_who_is_none_of_those_that_are_named_leads_nobody(own: str):
    assert GatewayDirectory(own, TWO).address_for("town") == ""


def test_players_of_a_place_meet_at_one_gateway_however_they_came():
    web = {"gateway1": "wss://play1.example/socket", "gateway2": "wss://play2.example/socket"}
    guide = GatewayDirectory("gateway1", TWO, web)
    for place in PLACES:
        assert bool(guide.address_for(place)) is bool(guide.address_for(place, "url"))
    assert {guide.address_for(place, "url") for place in PLACES} == {"", web["gateway2"]}
    assert {guide.address_for(place, "") for place in PLACES} == {""}
