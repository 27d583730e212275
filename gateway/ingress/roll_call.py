"""Whom the data tier takes to play through this gateway, and who does.

A session can be left without a connection, and without anybody who would say so: it was let in when its client was gone
already, and the broker went down with the answer. So each heartbeat's answer says how many sessions the data tier holds
for the gateway. Where they are not as many as those that play, twice in a row, the next heartbeats ask who they are, a
portion each, and whose connection is not there is reported as lost.

The reverse happens, too: a player was taken out of the world and plays on. Who played before the roll was called and is
not on it returns to the world, a portion of them with each answer.
"""

from collections.abc import Collection, Sequence

from gameserver.messages.outbound import Listed

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
