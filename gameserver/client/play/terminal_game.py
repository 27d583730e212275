"""A game as a person at a terminal plays it: what is typed becomes events, and what is told becomes prose.

It has no screen: whoever shows it gives ``say``, which takes styled prose (``gameserver.declare.phrases``).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from gameserver.client.client import Client
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.packet_types import Packet
from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.phrasebook import phrasebook
from gameserver.declare.phrases import Sight, styled

HISTORY_MAX = 200


class TerminalGame:
    """One player's game. ``say``: takes prose; ``changed``: called when the picture may be another."""

    def __init__(
        self,
        addresses: list[tuple[str, int]],
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
        **options: Any,
    ) -> None:
        self.sight = Sight()
        self.history: list[str] = []
        self.client = Client(addresses, on_notice=self._take_notice, **options)
        self._say = say
        self._changed = changed
        self._waiting: set[asyncio.Task[None]] = set()

    async def enter(self, name: str, password: str, *, new: bool) -> None:
        """Enter the world. Raises ``Refused``, ``ConnectionLost``."""
        enter = self.client.register if new else self.client.login
        data = await enter(name, password)
        event = catalogue.client_events()["register" if new else "login"]
        self._answer(event(name=name, password=""), data)  # type: ignore[call-arg]

    def type(self, line: str) -> None:
        """Do what a line means."""
        line = line.strip()
        if not line:
            return
        self.history = [*self.history[-HISTORY_MAX:], line]
        meant = phrasebook().read(line, self.sight)
        if isinstance(meant, str):
            self._say(meant)
        else:
            self._send(meant, shown=True)

    async def close(self) -> None:
        """Leave the game; the session remains for a while."""
        for task in self._waiting:
            task.cancel()
        await self.client.close()

    def completions(self, line: str) -> list[str]:
        """The lines that this one may become."""
        return phrasebook().completions(line, self.sight)

    def picture(self, columns: int, rows: int) -> str:
        """What is around the player, so many columns wide."""
        return phrasebook().picture(self.sight, columns, rows)

    @property
    def status(self) -> str:
        """How the player is."""
        return phrasebook().status(self.sight)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self.client.connection is not None

    def _send(self, event: Event, *, shown: bool) -> None:
        task = asyncio.get_running_loop().create_task(self._ask(event, shown=shown))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _ask(self, event: Event, *, shown: bool) -> None:
        packet = msgspec.to_builtins(event)
        name = packet.pop("type")
        packet.pop("seq", None)
        try:
            data = await self.client.send(name, **packet)
        except Refused as refusal:
            if shown:
                self._say(styled("bad", refusal.message))
        except ConnectionLost:
            pass  # whoever shows this sees that the client has ended
        else:
            self._answer(event, data, shown=shown)

    def _answer(self, event: Event, data: Packet, *, shown: bool = True) -> None:
        result = event.spec.result
        told = _read(data, result) if result else None
        text = phrasebook().answer(event, told, self.sight)
        if text and shown:
            self._say(text)
        self._follow()

    def _take_notice(self, packet: Packet) -> None:
        if packet["type"] == "error":
            self._say(styled("bad", packet["message"]))
        cls = catalogue.notices().get(packet["type"])
        notice = _read(packet, cls) if cls else None
        if notice is None:
            return
        text = phrasebook().tell(notice, self.sight)
        if text:
            self._say(text)
        self._follow()

    def _follow(self) -> None:
        """Send what prose has wished for, and have the picture drawn anew.

        Replies come here a little later than notices that followed them: who and where I am the client knows in order.
        """
        self.sight.me |= self.client.me
        for event in self.sight.take_wishes():
            self._send(event, shown=False)
        self._changed()


def _read(packet: Packet, cls: Any) -> Any:
    """A packet as it is declared; ``None`` for one of another version."""
    try:
        return msgspec.convert(packet, cls)
    except msgspec.ValidationError:
        return None
