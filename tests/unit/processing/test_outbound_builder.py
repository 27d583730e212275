"""What a batch has to tell, put together; which events tell what is told with the applier's tests."""

from gameserver.broker.routing import GATEWAYS, MANY_ROUTES, ROUTES, routing_key
from gameserver.messages.outbound import BatchResult, Multicast, Unicast
from gameserver.processing.outbound_builder import Speech


def test_one_message_goes_to_all_who_are_told_something_once_each() -> None:
    speech = Speech()
    unicasts = [Unicast(conn="g1.a", packet=b"1"), Unicast(conn="g2.b", packet=b"2"), Unicast(conn="g1.c", packet=b"3")]
    for direct in unicasts:
        speech.direct(direct.conn.partition(".")[0], direct)
    multicasts = [Multicast(to=("zone.a/0.0",), packet=b"4"), Multicast(to=("zone.a/1.0", "zone.b/0.0"), packet=b"5")]
    for dispatch in multicasts:
        speech.dispatch(dispatch)
    assert speech.outbound("move") == BatchResult(unicasts=unicasts, multicasts=multicasts, done="move")
    assert speech.keys() == ("gateway.g1", "gateway.g2", routing_key("zone.a/0.0"), routing_key("zone.b/0.0"))


def told_in(zones: int) -> tuple[Speech, set[str]]:
    """What concerns so many routing keys, and these."""
    speech = Speech()
    routes: dict[str, str] = {}
    for n in range(100 * ROUTES):
        routes.setdefault(routing_key(f"zone.w{n}"), f"zone.w{n}")
    speech.direct("g1", Unicast(conn="g1.a"))
    for topic in list(routes.values())[:zones]:
        speech.dispatch(Multicast(to=(topic,), packet=b""))
    return speech, set(list(routes)[:zones])


def test_what_concerns_many_zones_goes_to_all_gateways_under_one_key() -> None:
    speech, routes = told_in(MANY_ROUTES)
    assert set(speech.keys()) == {"gateway.g1", *routes}
    speech, _ = told_in(MANY_ROUTES + 1)
    assert speech.keys() == (GATEWAYS,)


def test_who_has_no_connection_is_not_told() -> None:
    speech = Speech()
    speech.direct("", Unicast(conn="g1.a"))
    speech.direct("g1", Unicast(conn=""))
    assert speech.outbound("move") == BatchResult(done="move")
    assert speech.keys() == ()


def test_whoever_sent_something_hears_that_it_is_done() -> None:
    speech = Speech()
    speech.direct("g2", Unicast(conn="g2.a"))
    speech.heard_by(["g1", "", "g2", "g1"])
    assert speech.keys() == ("gateway.g2", "gateway.g1")
