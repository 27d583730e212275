from collections import Counter
from zlib import crc32

import pytest

from gameserver.broker.gateway_routing import GATEWAYS, ROUTES, gateway_key, gateway_queue, routing_key
from gameserver.broker.topology import Queues
from gameserver.modules.movement.events import Move


@pytest.mark.parametrize("topic", ["zone.meadow/1.-2", "zone.meadow/0.0", "zone.meadow"])
def test_cells_share_the_routing_key_of_their_zone(topic: str) -> None:
    assert routing_key(topic) == f"topics.{crc32(b'meadow') % ROUTES}"


def test_however_many_zones_there_are_their_routing_keys_are_few_and_all_of_use() -> None:
    keys = Counter(routing_key(f"zone.w{n}/1.1") for n in range(100 * ROUTES))
    assert len(keys) == ROUTES
    assert max(keys.values()) < 200


def test_a_part_of_a_split_queue_speaks_under_keys_of_its_own() -> None:
    zones = [f"w{n}" for n in range(1000)]
    split = Queues(split={"movement": 4})
    parts = {
        part: {routing_key(f"zone.{z}") for z in zones if split.of(Move.spec, z) == part}
        for part in split.parts("movement")
    }
    assert sorted(key for keys in parts.values() for key in keys) == sorted({routing_key(f"zone.{z}") for z in zones})


def test_a_gateway_has_a_queue_and_a_key_of_its_own() -> None:
    assert gateway_queue("g1") == gateway_key("g1") == "gateway.g1"
    assert gateway_key("g1") not in {gateway_key("g2"), GATEWAYS, routing_key("zone.g1")}
