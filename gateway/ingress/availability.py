"""Judge which families answer.

A family is judged by the batches in flight that were published since it was last heard of. However many they are, they
may themselves be what is lost (an operator revoked their tasks, or purged the queue). So once the oldest is out for
half the time after which a family counts as unavailable, the family is probed: one of them is published again. Only if
the probe is not answered for the other half of the time is the family unavailable, until a process is heard of again;
meanwhile it is probed every now and then. What a transient batch carries is worthless after a while, and then it no
longer counts; a durable one counts for a minute. When nothing counts any more the family is tried again.
"""

from collections import defaultdict
from math import inf

import msgspec

from gateway.connections.lanes import given_up_after_s
from gateway.ingress.in_flight import Batch, InFlightRegistry

# A durable batch may have been lost with a queue: a family that fell because of it is tried again after so long.
TRIED_AGAIN_S = 60.0


class Judged(msgspec.Struct, frozen=True):
    """What a look at all families found: which fell, which may be tried again, and which batches to publish again.

    For each family to be probed there are all its batches that count, the oldest first: one of them will do. ``deaf``:
    no process of any family was heard of since the first of these was published.
    """

    fallen: list[str]
    back: list[str]
    probes: list[list[Batch]]
    deaf: bool = False


class FamilyAvailability:
    """Families by what is in flight. ``unavailable_s``: how long a batch may be. Times in seconds, monotonic."""

    def __init__(self, unavailable_s: float, in_flight: InFlightRegistry) -> None:
        self._unavailable_s = unavailable_s
        self._in_flight = in_flight
        self._heard_s: dict[str, float] = {}  # family -> when a process last said something
        self._probed_s: dict[str, float] = {}  # family -> when it was last probed, if it was not heard of since
        self._down: set[str] = set()
        self._doubted_s = inf
        self.missed = False  # whether answers went by unheard; whoever makes up for it resets this

    def doubt(self, now_s: float) -> None:
        """Let the next answer tell whether those before it were lost: bindings of the gateway's queue may have been.

        An answer to what was asked before now says that nobody had answered; one to what was asked since, that it was
        not heard. (What was asked before may be answered late: then less is shown anew than might be.)
        """
        self._doubted_s = min(self._doubted_s, now_s)

    def answered(self, published_s: float) -> None:
        """Note that a batch of this gateway's was answered."""
        if self._doubted_s < inf:
            self.missed |= published_s >= self._doubted_s
            self._doubted_s = inf

    def heard(self, family: str, now_s: float) -> bool:
        """Note that a process of the family has said something. Returns whether it was unavailable, and is back."""
        self._heard_s[family] = now_s
        self._probed_s.pop(family, None)
        was_down = family in self._down
        self._down.discard(family)
        return was_down

    def probed(self, family: str, now_s: float) -> None:
        """Note that the family is probed from now on: it is judged by whether it answers that."""
        self._probed_s[family] = now_s

    def excuse(self, now_s: float) -> None:
        """Expect no answer to what is in flight: the broker takes nothing, and nobody is to blame."""
        for batch in self._in_flight:
            self._heard_s[batch.family] = now_s
        self._probed_s.clear()

    def forget(self) -> None:
        """Take no family for unavailable: the broker is away, and nobody knows which answers."""
        self._down.clear()
        self._probed_s.clear()

    @property
    def down(self) -> frozenset[str]:
        """The families that are unavailable."""
        return frozenset(self._down)

    @property
    def all_up(self) -> bool:
        """Whether no family is unavailable."""
        return not self._down

    def is_down(self, family: str) -> bool:
        """Whether a family is unavailable."""
        return family in self._down

    def sweep(self, now_s: float) -> Judged:
        """Judge all families by what is in flight now."""
        unheard = self._unheard(now_s)
        self._probed_s = {family: at_s for family, at_s in self._probed_s.items() if family in unheard}
        fallen = [family for family, batches in unheard.items() if self._falls(family, batches, now_s)]
        back = [family for family in self._down if not unheard.get(family)]
        self._down.update(fallen)
        self._down.difference_update(back)
        probes = [batches for family, batches in unheard.items() if self._asks(family, batches, now_s)]
        return Judged(fallen, back, probes, self._is_deaf(probes))

    def _is_deaf(self, probes: list[list[Batch]]) -> bool:
        since_s = min((batches[0].published_s for batches in probes), default=inf)
        return bool(probes) and not any(heard_s >= since_s for heard_s in self._heard_s.values())

    def _unheard(self, now_s: float) -> dict[str, list[Batch]]:
        """Collect each family's batches that count: published since it was last heard of, and still worth something."""
        unheard: dict[str, list[Batch]] = defaultdict(list)
        for batch in self._in_flight:
            since_heard = batch.published_s >= self._heard_s.get(batch.family, float("-inf"))
            if since_heard and now_s - batch.published_s < _counts_s(batch):
                unheard[batch.family].append(batch)
        return unheard

    def _falls(self, family: str, batches: list[Batch], now_s: float) -> bool:
        """Whether a family lets its probe wait for half of the time."""
        probe = self._probe_of(family, batches)
        return family not in self._down and probe is not None and now_s - probe.published_s > self._unavailable_s / 2

    def _asks(self, family: str, batches: list[Batch], now_s: float) -> bool:
        """Whether to probe: after half of the time and once, a family that is down after all of it and ever again."""
        if family in self._down:
            return now_s - batches[-1].published_s > self._unavailable_s
        since_s = self._probed_s.get(family, batches[0].published_s)
        return self._probe_of(family, batches) is None and now_s - since_s > self._unavailable_s / 2

    def _probe_of(self, family: str, batches: list[Batch]) -> Batch | None:
        """Find the first batch that went out since the family was probed: the probe, or what was no earlier."""
        probed_s = self._probed_s.get(family, inf)
        return next((batch for batch in batches if batch.published_s >= probed_s), None)


def nobody_serves(family: str) -> str:
    """What a client is told whose event would wait for a family that is unavailable."""
    return f"Nobody serves {family} at the moment."


def _counts_s(batch: Batch) -> float:
    spec = batch.spec
    return given_up_after_s(spec) if spec.stale_after_s else TRIED_AGAIN_S
