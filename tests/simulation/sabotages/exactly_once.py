"""Sabotages of what makes effects happen once and be told: watermarks, outbox, merged notices."""

from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.processing import merging
from gameserver.processing.batch_transaction import BatchTransaction
from gameserver.processing.encoding import encode_reply
from gameserver.rules.outcome import Outcome, State
from gameserver.rules.watermarks import Watermark, read_watermarks
from tests.simulation.memory_store import MemoryTransaction, Outbox
from tests.simulation.sabotages.gateways import no_lanes
from tests.simulation.sabotages.sabotage import Sabotage
from tests.simulation.sabotages.stories import HUNTING


def no_watermarks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gameserver.processing.exactly_once.read_watermarks",
        lambda text: {lane: Watermark(-1, mark.stored) for lane, mark in read_watermarks(text).items()},
    )


def no_outbox(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "add_waiting", lambda self, rows, now_ms, due_ms: None)


def rows_are_never_done(patch: pytest.MonkeyPatch) -> None:
    """An event that stood in the outbox is applied as often as it comes."""
    patch.setattr("gameserver.processing.exactly_once.ExactlyOnce.is_done", lambda self, id_: False)


def unknown_is_ok(patch: pytest.MonkeyPatch) -> None:
    """A replay whose outcome nobody knows is answered "ok". While all is intact there is none: lanes are off too."""
    no_lanes(patch)
    real: Any = BatchTransaction._answer_as_then

    def answer(self: Any, item: Any) -> str:
        if self._once.kept_reply(item) is not None:
            return str(real(self, item))
        reply, _ = encode_reply(item, Outcome())
        self._builder.add_unicast(item.envelope.gateway, reply)
        return "repeated"

    patch.setattr(BatchTransaction, "_answer_as_then", answer)


def unread_rows_raise(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gameserver.processing.batch_transaction.sort_out", lambda due: (due, {}))


def merges_lose(patch: pytest.MonkeyPatch) -> None:
    """Of two gifts that are told as one the earlier one's coins are left out."""
    real = merging.merge

    def merge(earlier: Any, later: Any) -> Any:
        merged = real(earlier, later)
        return merged and replace(merged, coins=later.coins)

    patch.setattr(merging, "merge", merge)


def told_is_merged(patch: pytest.MonkeyPatch) -> None:
    """Gifts are added to what its receiver has perhaps read, under the id by which that is acknowledged."""
    real = Outbox.read

    def read(self: Outbox, state: State, wanted: Any) -> frozenset[str]:
        receivers = real(self, state, wanted)
        waiting = [row for row, _, _ in self._rows.all("outbox") if row.kind == "mail"]
        state.untold = {id_: tuple(row for row in waiting if row.player == id_) for id_ in wanted.mail_counts}
        return receivers

    patch.setattr(Outbox, "read", read)


SABOTAGES = (
    Sabotage("a watermark for each lane", no_watermarks, 3, "doubled"),
    Sabotage("the outbox", no_outbox, 5, "heard of 0 times"),
    Sabotage("rows that nobody can read wait", unread_rows_raise, 6, "became a dead letter"),
    Sabotage("a replay without an outcome is no success", unknown_is_ok, 0, "told yes and not done"),
    Sabotage("what is told as one is the sum", merges_lose, 0, "heard of 0 times"),
    Sabotage("nothing is merged into what was told", told_is_merged, 0, "heard of 0 times"),
    Sabotage("a row of the outbox is dealt with once", rows_are_never_done, 0, "/e0 took effect 2 times", HUNTING),
)
