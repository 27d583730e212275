"""One session in the world, over as many connections as it takes.

Packets are handled where they arrive, in the connection's callback; no task is made per packet. After a lost connection
the session is resumed through the next address, and the unanswered events are sent again with the numbers that they
had, before anything new.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

from gameserver.client.backoff import Backoff
from gameserver.client.connection import Dialer
from gameserver.client.connector import Connector
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.handshake import WELCOME
from gameserver.client.inbox import Inbox
from gameserver.client.limits import ClientLimits
from gameserver.client.notice_acknowledgements import Acknowledger
from gameserver.client.packet_types import Packet, Reply
from gameserver.client.pending import PendingRequests
from gameserver.client.phases import Lifecycle, Phase
from gameserver.client.reconnection import Reconnection
from gameserver.client.world_view import WorldView
from gameserver.declare.client_view import Follows
from gameserver.errors import GameError

# The session goes on, on another connection.
RESUMABLE_FAREWELLS = frozenset({"going_away", "too_many_unanswered"})


class Session:
    """Takes a client through its phases, and routes each packet of the server to the part that it concerns.

    The parts: ``connector`` (connection, handshakes), ``reconnection`` (backoff, attempts), ``requests`` (numbers,
    replies), ``inbox`` and ``acknowledger`` (notices), ``world_view``. ``token``: for the next resume;
    ``id``: of the session, on the server.
    """

    def __init__(
        self,
        dialer: Dialer,
        hello: Packet,
        limits: ClientLimits,
        backoff: Backoff,
        away: Backoff,
        *,
        follows: Follows,
        on_notice: Callable[[Packet], None] | None,
        clock: Callable[[], float],
        rng: Random,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.token = self.id = ""
        self.lifecycle = Lifecycle()
        self.connector = Connector(dialer, hello, limits, self._route, self._on_lost)
        self.reconnection = Reconnection(
            backoff, away, is_over=lambda: self.lifecycle.has_ended, clock=clock, rng=rng, sleep=sleep
        )
        self.requests = PendingRequests()
        self.acknowledger = Acknowledger(self._send_ack, limits.ack_delay_s, limits.ack_ids_max)
        self.inbox = Inbox(limits, self.acknowledger.add, on_notice)
        self.world_view = WorldView(follows)
        self._limits = limits
        self._resumes = 0  # how many were sent; the server knows by it which was the last
        self._handlers: dict[str, Callable[[Packet], None]] = {
            "welcome": self._on_welcome,
            "token": self._on_token,
            "ok": self._on_ok,
            "error": self._on_error,
            "bye": self._on_bye,
            "elsewhere": self._on_elsewhere,
        }

    async def open(self) -> None:
        """Connect and be greeted. Raises ``ConnectionLost``."""
        try:
            await self.reconnection.retry(self._greet)
        except (OSError, GameError) as error:
            lost = ConnectionLost.because_of(error)
            self._end(lost)
            raise lost from error

    async def enter(self, event: Packet) -> Packet:
        """Register or log in. Gives the reply's data; raises ``Refused``, ``ConnectionLost``."""
        self.lifecycle.check_may_enter()
        handshake = self.connector.handshake
        if handshake.is_open:
            raise Refused("entering", "Wait for the reply to the login.")
        # An entrance has a number of its own, above that of the one refused before on this connection.
        return await self._ask_to_enter({**event, "seq": handshake.seq + 1})

    async def post(self, event: Packet) -> Reply:
        """Send an event once there is room in the window. Gives the reply's future."""
        self.lifecycle.check_in_world()
        await self.requests.wait_for_room()
        return self._submit(event, counted=True)

    async def close(self) -> None:
        """Close the connection and end the client; the session remains on the server for a while."""
        if self.lifecycle.phase is Phase.PLAYING:
            self.acknowledger.flush()
        connection = self.connector.detach()
        self._end(ConnectionLost("closed", "This client was closed."))
        await self.reconnection.stop()
        if connection is not None:
            await connection.close(self._limits.close_timeout_s)

    # Connecting

    async def _greet(self) -> None:
        async with self.connector.attempt():
            await self.connector.greet(self._accept_welcome)

    async def _resume(self) -> None:
        async with self.connector.attempt():
            await self.connector.greet(self._accept_welcome)
            self._resumes += 1
            resume = {"type": "resume", "token": self.token}
            extended = resume | {"sent": self.requests.highest, "attempt": self._resumes}
            try:
                await self._ask_to_enter({**extended, "seq": 1})
            except Refused as refusal:
                if refusal.code != "bad_field":
                    raise
                # A gateway of the version before does not know the other fields.
                await self._ask_to_enter({**resume, "seq": 2})

    def _accept_welcome(self, welcome: Packet) -> None:
        if self.lifecycle.phase is Phase.CONNECTING:
            lane_waiting_max = welcome["lane_waiting_max"]
            self.requests.set_window(min(self._limits.window or lane_waiting_max, lane_waiting_max))
            self.lifecycle.phase = Phase.GREETED

    async def _ask_to_enter(self, event: Packet) -> Packet:
        return await self.connector.ask(event, partial(self._accept_entrance, event))

    def _accept_entrance(self, event: Packet, data: Packet) -> None:
        self.world_view.apply_reply(event, data)
        self.requests.skip_to(max(self.connector.handshake.seq, data.get("seq", 0)))
        self.reconnection.note_entrance(resumed=self.lifecycle.phase is Phase.AWAY)
        self.lifecycle.phase = Phase.PLAYING
        self.connector.write(*self.requests.packets())

    def _on_lost(self, reason: ConnectionLost) -> None:
        if self.lifecycle.phase is Phase.PLAYING and self.token:
            self.lifecycle.phase = Phase.AWAY
            self.reconnection.start(self._resume, self._end)
        elif self.lifecycle.phase in (Phase.GREETED, Phase.PLAYING):
            self._end(reason)

    def _end(self, lost: ConnectionLost) -> None:
        if self.lifecycle.has_ended:
            return
        self.lifecycle.end(lost)
        self.connector.hang_up()
        self.connector.handshake.fail(lost)
        self.acknowledger.stop()
        self.requests.fail(lost)
        self.inbox.end(lost)

    # Sending

    def _submit(self, event: Packet, *, counted: bool) -> Reply:
        """Number an event and send it; while away it waits for the connection like all that is unanswered."""
        request = self.requests.add(event, counted=counted)
        if self.lifecycle.phase is Phase.PLAYING:
            self.connector.write(request.packet)
        return request.reply

    def _send_ack(self, ids: list[str]) -> Reply | None:
        if not self.lifecycle.is_in_world:
            return None
        return self._submit({"type": "ack", "ids": ids}, counted=False)

    # Receiving

    def _route(self, packet: Packet) -> None:
        self._handlers.get(packet["type"], self._on_notice)(packet)

    def _on_welcome(self, packet: Packet) -> None:
        if self.connector.handshake.is_answered_by(WELCOME):
            self.connector.handshake.succeed(packet)

    def _on_token(self, packet: Packet) -> None:
        self.token, self.id = packet["token"], packet.get("session", "")

    def _on_ok(self, packet: Packet) -> None:
        re, data = packet["re"], packet.get("data") or {}
        if self.connector.handshake.is_answered_by(re):
            self.connector.handshake.succeed(data)
            return
        request = self.requests.succeed(re, data)
        if request is not None:
            self.world_view.apply_reply(request.packet, data)

    def _on_error(self, packet: Packet) -> None:
        re, refusal = packet.get("re", 0), Refused(packet["code"], packet["message"])
        if self.connector.handshake.is_answered_by(re):
            self.connector.handshake.fail(refusal)
        elif self.requests.refuse(re, refusal) is None:
            self._on_notice(packet)  # it answers nothing of ours, but somebody should see it

    def _on_bye(self, packet: Packet) -> None:
        farewell = ConnectionLost(packet["code"], packet["message"])
        if self.lifecycle.phase is Phase.PLAYING and farewell.code not in RESUMABLE_FAREWELLS:
            self._end(farewell)
        else:
            self.connector.drop(farewell)

    def _on_elsewhere(self, packet: Packet) -> None:
        """Resume where the players of one's place are served."""
        host, _, port = packet["address"].rpartition(":")
        if self.lifecycle.phase is Phase.PLAYING and port.isdecimal():
            self.connector.leave_for(host.strip("[]"), int(port))

    def _on_notice(self, notice: Packet) -> None:
        if self.inbox.admit(notice):
            self.world_view.apply_notice(notice)
            self.inbox.deliver(notice)
