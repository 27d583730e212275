"""Tell a crowd of those farther away where each of them is now and then, and not each of their steps.

In a crowd everyone's step is told to everyone, which grows with the square of its size. So where very many watch a
topic, notices with a conflation key are told at once only to those who are in that topic themselves. All others are
told later, and only the newest notice of each key; the more watch, the longer they wait.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from gameserver.messages.outbound import Multicast
from gateway.clock import ROUNDING_S, Clock

CROWDED = 100  # watchers; with fewer nothing is kept back
WAIT_S_PER_WATCHER = 0.002
LOOKS = 10  # in the longest wait

Audience = tuple[tuple[str, ...], tuple[str, ...]]  # a dispatch's ``to`` and ``unless``
Notification = Callable[[Audience, Sequence[Multicast]], None]


class _Digest:
    """What waits for one audience, by conflation key: since when, and the newest notice; the longest first."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self.waiting: dict[str, tuple[float, Multicast]] = {}


class Conflator:
    """Keeps the latest back and gives it to ``tell`` when its time has come. ``window_s_max``: the longest wait."""

    def __init__(self, clock: Clock, tell: Notification, window_s_max: float) -> None:
        self._clock = clock
        self._tell = tell
        self._window_s_max = window_s_max
        self._digests: dict[Audience, _Digest] = {}

    def __len__(self) -> int:
        """How many audiences something is kept back from."""
        return len(self._digests)

    def add(self, audience: Audience, watchers: int, multicasts: Iterable[Multicast]) -> None:
        """Tell these later, each unless a newer one of its key comes before that."""
        is_new = audience not in self._digests
        digest = self._digests.setdefault(audience, _Digest())
        digest.wait_s = min(self._window_s_max, watchers * WAIT_S_PER_WATCHER)
        now_s = self._clock.seconds()
        for multicast in multicasts:
            since_s, _ = digest.waiting.get(multicast.conflation_key, (now_s, None))
            digest.waiting[multicast.conflation_key] = since_s, multicast
        if is_new:
            self._look_later(audience, digest)

    def _look_later(self, audience: Audience, digest: _Digest) -> None:
        self._clock.callLater(digest.wait_s / LOOKS, self._look, audience, digest)

    def _look(self, audience: Audience, digest: _Digest) -> None:
        """Tell those that are due: a few at a time, because all of a crowd's at once would stop everything else."""
        due_s = self._clock.seconds() - digest.wait_s + ROUNDING_S
        due = [multicast for _, multicast in takewhile(lambda pair: pair[0] <= due_s, digest.waiting.values())]
        for multicast in due:
            del digest.waiting[multicast.conflation_key]
        if digest.waiting:
            self._look_later(audience, digest)
        else:
            del self._digests[audience]
        self._tell(audience, due)
