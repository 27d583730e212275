"""Connections to PostgreSQL that fall silent: nobody closes them, nobody answers."""

import socket
import time
from collections.abc import Iterator

import pytest

from gameserver.declare import catalogue
from gameserver.errors import Retryable
from gameserver.modules.sessions.entities import Account
from gameserver.store import Store, engine
from gameserver.testing.proxy import Proxy
from gameserver.testing.two_zones import WORLD, player
from gameserver.testing.whole_entities import parts_of
from tests.databases import Cluster
from tests.selections import selected

SHORTEST_LEASE_S = min(spec.lease_s for spec in catalogue.specs())


@pytest.fixture
def proxy(postgresql_cluster: Cluster) -> Iterator[Proxy]:
    folder = postgresql_cluster.url("x").rpartition("host=")[2]
    made = Proxy(f"{folder}/.s.PGSQL.5432")
    yield made
    made.stop()


@pytest.fixture
def store(postgresql_url: str, proxy: Proxy) -> Iterator[Store]:
    """A store whose connections go through the proxy."""
    made = Store(f"postgresql://postgres@127.0.0.1:{proxy.port}/{Cluster.migrated}", WORLD)
    yield made
    made.close()


def test_a_connection_that_fell_silent_is_told_from_a_slow_one_and_not_waited_for(store: Store, proxy: Proxy) -> None:
    assert store.get(Account, "ada") is None
    proxy.cut()
    began_s = time.monotonic()
    with pytest.raises(Retryable, match="database_away"):
        store.get(Account, "ada")
    assert time.monotonic() - began_s < engine.PING_S_MAX + engine.CONNECT_S_MAX + 2
    proxy.mend()
    with store.transaction() as transaction:
        transaction.load([selected(players=("ada",))])
        transaction.save(parts_of(player()), [])


def test_a_silent_connection_is_left_for_another_that_answers(
    store: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.get(Account, "ada") is None
    asked = []
    real = engine.select

    def select(*arguments: object) -> tuple[list[object], list[object], list[object]]:
        asked.append(arguments)
        return ([], [], []) if len(asked) == 1 else real(*arguments)  # type: ignore[call-overload]

    monkeypatch.setattr(engine, "select", select)
    assert store.get(Account, "ada") is None
    assert asked


def test_the_kernel_gives_up_on_a_peer_that_is_gone_well_within_a_lease(store: Store) -> None:
    connection = store._engine.raw_connection()
    fd = connection.driver_connection.fileno()  # type: ignore[union-attr]
    with socket.socket(fileno=socket.dup(fd)) as line:
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        between_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        missed = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        unacknowledged_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
    connection.close()
    assert idle_s + between_s * missed < SHORTEST_LEASE_S
    assert 0 < unacknowledged_s < SHORTEST_LEASE_S
    assert engine.CONNECT_S_MAX < SHORTEST_LEASE_S
    assert engine.PING_S_MAX < SHORTEST_LEASE_S
