"""What a batch has to tell, put together; which events tell what is told with the applier's tests."""

from gameserver.broker.gateway_routing import GATEWAYS, MANY_ROUTES, ROUTES, routing_key
from gameserver.messages.outbound import BatchResult, Multicast, Unicast
from gameserver.processing.outbound_builder import OutboundBuilder


def test_one_message_goes_to_all_who_are_told_something_once_each() -> None:
    builder = OutboundBuilder()
    unicasts = [Unicast(conn="g1.a", packet=b"1"), Unicast(conn="g2.b", packet=b"2"), Unicast(conn="g1.c", packet=b"3")]
    for unicast in unicasts:
        builder.add_unicast(unicast.conn.partition(".")[0], unicast)
    multicasts = [Multicast(to=("zone.a/0.0",), packet=b"4"), Multicast(to=("zone.a/1.0", "zone.b/0.0"), packet=b"5")]
    for multicast in multicasts:
        builder.add_multicast(multicast)
    assert builder.result("move") == BatchResult(unicasts=unicasts, multicasts=multicasts, done="move")
    assert builder.keys() == ("gateway.g1", "gateway.g2", routing_key("zone.a/0.0"), routing_key("zone.b/0.0"))


def told_in(zones: int) -> tuple[OutboundBuilder, set[str]]:
    """What concerns so many routing keys, and these."""
    builder = OutboundBuilder()
    routes: dict[str, str] = {}
    for n in range(100 * ROUTES):
        routes.setdefault(routing_key(f"zone.w{n}"), f"zone.w{n}")
    builder.add_unicast("g1", Unicast(conn="g1.a"))
    for topic in list(routes.values())[:zones]:
        builder.add_multicast(Multicast(to=(topic,), packet=b""))
    return builder, set(list(routes)[:zones])


def test_what_concerns_many_zones_goes_to_all_gateways_under_one_key() -> None:
    builder, routes = told_in(MANY_ROUTES)
    assert set(builder.keys()) == {"gateway.g1", *routes}
    builder, _ = told_in(MANY_ROUTES + 1)
    assert builder.keys() == (GATEWAYS,)


def test_who_has_no_connection_is_not_told() -> None:
    builder = OutboundBuilder()
    builder.add_unicast("", Unicast(conn="g1.a"))
    builder.add_unicast("g1", Unicast(conn=""))
    assert builder.result("move") == BatchResult(done="move")
    assert builder.keys() == ()


def test_whoever_sent_something_hears_that_it_is_done() -> None:
    builder = OutboundBuilder()
    builder.add_unicast("g2", Unicast(conn="g2.a"))
    builder.add_gateways(["g1", "", "g2", "g1"])
    assert builder.keys() == ("gateway.g2", "gateway.g1")
