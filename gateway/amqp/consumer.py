"""Receive outbound messages from a gateway's own queue, on one channel, until that is lost."""

import logging
from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from gameserver.messages.outbound import Outbound, decode_outbound
from gameserver.runtime.logging import Seldom

log = logging.getLogger(__name__)
unread = Seldom(log)


class OutboundConsumer:
    """Passes on what comes, and acknowledges it in parts of ``acknowledged_at_once``.

    ``on_cancelled`` is called when nothing will come any more: the channel was closed, or the queue removed.
    """

    def __init__(
        self,
        channel: Any,
        queue: Any,
        acknowledged_at_once: int,
        on_outbound: Callable[[Outbound], None],
        on_cancelled: Callable[[BaseException | None], None],
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._acknowledged_at_once = acknowledged_at_once
        self._on_outbound = on_outbound
        self._on_cancelled = on_cancelled
        self._unacknowledged = 0
        self._last_tag = 0

    def consume(self) -> None:
        """Take the next message when it is there, and so on."""
        self._queue.get().addCallbacks(self._received, self._cancelled)

    def stop(self) -> None:
        """Acknowledge nothing any more: the channel is lost."""
        self._channel = None

    def _cancelled(self, failure: Failure) -> None:
        self._on_cancelled(failure.value)

    def _received(self, delivery: Any) -> None:
        _, method, _, body = delivery
        self._acknowledge(method.delivery_tag)
        try:
            outbound, lost = decode_outbound(body)
            if lost:
                unread.warning("%d of what a process of another version told can't be read, and is passed over", lost)
            self._on_outbound(outbound)
        except Exception:  # one unreadable message must not deafen the gateway
            log.exception("an outbound message could not be handled")
        self.consume()

    def _acknowledge(self, tag: int) -> None:
        """Acknowledge what came so far once it is enough; ``acknowledge_rest`` does so for what remains."""
        self._unacknowledged += 1
        self._last_tag = tag
        if self._unacknowledged >= self._acknowledged_at_once:
            self.acknowledge_rest()

    def acknowledge_rest(self) -> None:
        """Acknowledge all deliveries so far. Called periodically, for a gateway that receives little."""
        if self._unacknowledged and self._channel is not None:
            self._channel.basic_ack(self._last_tag, multiple=True)
            self._unacknowledged = 0
