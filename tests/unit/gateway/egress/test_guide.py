import pytest

from gameserver.broker.routing import ROUTES, route, routing_key
from gateway.egress.guide import Guide

TWO = {"gateway1": "10.0.0.1:4000", "gateway2": "10.0.0.2:4000"}
PLACES = [f"zone{n}" for n in range(500)]


def test_two_gateways_send_no_place_to_and_fro():
    one, two = Guide("gateway1", TWO), Guide("gateway2", TWO)
    for place in PLACES:
        assert {one.address_for(place), two.address_for(place)} in ({"", TWO["gateway1"]}, {"", TWO["gateway2"]})


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_gateway_has_as_many_routing_keys_as_the_others(count: int):
    gateways = {f"gateway{n}": f"10.0.0.{n}:4000" for n in range(count)}
    keys = [
        len({routing_key(f"zone.{place}") for place in PLACES if not Guide(name, gateways).address_for(place)})
        for name in gateways
    ]
    assert sum(keys) == ROUTES
    assert max(keys) - min(keys) <= 1


def test_places_of_one_routing_key_have_one_gateway():
    guide = Guide("gateway1", TWO)
    for place in PLACES:
        assert guide.address_for(place) == guide.address_for(
            next(each for each in PLACES if route(each) == route(place))
        )


@pytest.mark.parametrize("own", ["", "gateway3"])
def test_who_is_none_of_those_that_are_named_leads_nobody(own: str):
    assert Guide(own, TWO).address_for("town") == ""
