"""Whom the data tier takes to play through this gateway, and who does.

A session can be left without a connection, and without anybody who would say so: it was let in when its client was gone
already, and the broker went down with the answer. So each heartbeat's answer says how many sessions the data tier holds
for the gateway. Where they are not as many as those that play, twice in a row, the next heartbeats ask who they are, a
portion each, and whose connection is not there is reported as lost.

The reverse happens, too: a player was taken out of the world and plays on. Who played before the roll was called and is
not on it returns to the world, a portion of them with each answer.
"""

import logging
from collections.abc import Collection, Sequence

from gameserver.declare.session_events import Heartbeat, Lost
from gameserver.messages.outbound import Listed, SessionUpdate
from gateway.connections.registry import ConnectionRegistry
from gateway.ingress.gateway_events import Emitter
from gateway.ingress.in_flight import Batch
from gateway.ingress.recovery import Recovery

log = logging.getLogger(__name__)

PATIENCE = 2  # answers in a row: those let in just now are on their way
RETURNING_AT_ONCE = 500  # players per heartbeat that return to the world


class RollCall:
    """``after``: what the next heartbeat asks for, "" if it does not ask. All connections' ids come after ``first``."""

    def __init__(self, first: str) -> None:
        self.after = ""
        self._first = first
        self._unequal = 0
        self._unlisted: set[str] = set()  # connections that played when the roll was begun, and were not on it yet
        self._absent: list[str] = []

    def counted(self, held: int, playing: Collection[str]) -> None:
        """An answer said how many there are; ``playing``: the connections that play."""
        self._unequal = self._unequal + 1 if held != len(playing) else 0
        if not self.after and not self._absent and self._unequal >= PATIENCE:
            self.after, self._unlisted = self._first, set(playing)

    def called(self, roll: Sequence[Listed]) -> None:
        """An answer said who they are; after the last of them all is said."""
        self._unlisted -= {listed.conn for listed in roll}
        self.after = roll[-1].conn if roll else ""
        if not roll:
            self._unequal = 0
            self._absent, self._unlisted = sorted(self._unlisted), set()

    def returning(self) -> list[str]:
        """Take the next portion of connections that play, and whose players are not in the world."""
        now, self._absent = self._absent[:RETURNING_AT_ONCE], self._absent[RETURNING_AT_ONCE:]
        return now


class Attendance:
    """Holds the roll call: reports who is in the world without a connection, and lets the absent return."""

    def __init__(self, gateway: str, registry: ConnectionRegistry, emitter: Emitter, recovery: Recovery) -> None:
        self._registry = registry
        self._emitter = emitter
        self._recovery = recovery
        self._roll_call = RollCall(first=gateway)

    @property
    def after(self) -> str:
        """What the next heartbeat asks for, "" if it does not ask."""
        return self._roll_call.after

    def answered(self, answer: SessionUpdate, batch: Batch | None) -> None:
        """Compare whom the data tier takes to play here with who does; a late answer's roll says nothing new."""
        players = [connection.id for connection in self._registry.all if connection.player]
        self._roll_call.counted(answer.held, players)
        if answer.roll is not None and _asked_after(batch) == self._roll_call.after:
            self._roll_call.called(answer.roll)
            self._report_gone(answer.roll)
        self._let_return(self._roll_call.returning())

    def _report_gone(self, roll: Sequence[Listed]) -> None:
        gone = [listed for listed in roll if self._registry.get(listed.conn) is None]
        if gone:
            log.warning("%d players are in the world without a connection, and leave it", len(gone))
        for listed in gone:
            self._emitter.emit(Lost(), conn=listed.conn, session=listed.session, player=listed.player)

    def _let_return(self, ids: Sequence[str]) -> None:
        found = [self._registry.get(id_) for id_ in ids]
        absent = [connection for connection in found if connection is not None and connection.playing]
        if absent:
            log.warning("%d players play without being in the world, and return to it", len(absent))
        for connection in absent:
            self._recovery.rejoin(connection)


def _asked_after(batch: Batch | None) -> str:
    """Which portion of the roll a batch of heartbeats asked for, "" for none; all of them get one answer."""
    beats = [envelope.event for envelope in batch.envelopes] if batch is not None else []
    return max((beat.after for beat in beats if isinstance(beat, Heartbeat)), default="")
