"""All connections of a gateway, and the lanes in which the events of a batch stand."""

from collections.abc import Iterator, Sequence

from gameserver.messages.envelope import Envelope
from gateway.connections.connection import Connection
from gateway.connections.lanes import Lane


class ConnectionRegistry:
    """The connections by their ids."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def all(self) -> Sequence[Connection]:
        """Every connection, as a list of its own: they come and go while one looks at them."""
        return list(self._connections.values())

    @property
    def playing(self) -> Sequence[Connection]:
        """The connections through which a player is in the world."""
        return [connection for connection in self._connections.values() if connection.playing]

    def get(self, id_: str) -> Connection | None:
        """The connection with this id, if it is still there."""
        return self._connections.get(id_)

    def add(self, connection: Connection) -> None:
        """Take in a new connection."""
        self._connections[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """Take out a connection whose socket is closed."""
        connection.outgoing.mark_gone()
        self._connections.pop(connection.id, None)

    def lanes_of(self, envelopes: Sequence[Envelope]) -> Iterator[tuple[Connection, Lane, list[int]]]:
        """Find the lanes from which events came, as far as they are still there; with the events' numbers by lane."""
        seqs: dict[tuple[str, str], list[int]] = {}
        for envelope in envelopes:
            seqs.setdefault((envelope.conn, envelope.event.spec.lane), []).append(envelope.event.seq)
        for (id_, name), numbers in seqs.items():
            connection = self._connections.get(id_)
            if connection is not None and name in connection.lanes:
                yield connection, connection.lanes[name], numbers
