"""Whom the data tier takes to play through this gateway, and who does.

A session can be left without a connection, and without anybody who would say so: it was let in when its client was gone
already, and the broker went down with the answer. So each heartbeat's answer says how many sessions the data tier holds
for the gateway. Where they are more than those that play, twice in a row, the next heartbeats ask who they are, a
portion each, and whose connection is not there is reported as lost.
"""

from collections.abc import Sequence

from gameserver.events.envelope import Listed

PATIENCE = 2  # answers in a row: those let in just now are on their way


class RollCall:
    """``after``: what the next heartbeat asks for, "" if it does not ask. All connections' ids come after ``first``."""

    def __init__(self, first: str) -> None:
        self.after = ""
        self._first = first
        self._too_many = 0

    def counted(self, held: int, playing: int) -> None:
        """An answer said how many there are."""
        self._too_many = self._too_many + 1 if held > playing else 0
        if not self.after and self._too_many >= PATIENCE:
            self.after = self._first

    def called(self, roll: Sequence[Listed]) -> None:
        """An answer said who they are; after the last of them all is said."""
        self.after = roll[-1].conn if roll else ""
        if not roll:
            self._too_many = 0
