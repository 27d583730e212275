"""Follow the scaling signal: look, decide for each family, have it done, and say why.

Whoever starts and stops workers (``Hands``) is given. A scaler holds nothing that others need: when it dies, all
workers go on as they are, and the next one begins with what it sees.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from gameserver.errors import GameError
from gameserver.operations.scaling import Bounds, Decision, State, decide, paused, see
from gameserver.operations.snapshot import Snapshot

LOOKS = 4  # shares of time are those of so many looks


class Hands(Protocol):
    """Whoever starts and stops workers. Both methods raise ``GameError`` with what failed."""

    def own(self, family: str) -> int | None:
        """How many workers of a family can be stopped; ``None`` for all that serve it alone."""

    def change(self, *, family: str, queues: Sequence[str], step: int, workers: int, names: Collection[str]) -> None:
        """Have ``step`` workers more or fewer, so that there are ``workers``; they may come and go later.

        A worker ends what it has before it goes. ``names``: those that are taken.
        """


class Scaler:
    """Decides for families, each with its bounds. ``act``: False to say what would be done, and do nothing."""

    def __init__(
        self,
        take: Callable[..., Snapshot],
        bounds: Mapping[str, Bounds],
        hands: Hands,
        *,
        act: bool,
        one_writer: bool,
        clock_s: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        """``take`` takes a snapshot, given who is expected to answer. ``clock_s``: one that only goes forward."""
        self._take = take
        self._bounds = bounds
        self._hands = hands
        self._act = act
        self._one_writer = one_writer
        self._clock_s = clock_s
        self._say = say
        self._seen: deque[Snapshot] = deque(maxlen=LOOKS)
        self._states = {family: State() for family in bounds}
        self._told: dict[str, str] = {}

    def look(self) -> None:
        """Look once, and do what follows from it. What can't be asked or done is said, and tried again later."""
        try:
            expected = self._seen[-1].names if self._seen else frozenset[str]()
            self._seen.append(self._take(expected=expected))
        except GameError as error:
            self._seen.clear()
            self._tell("", f"{error.message} Nothing is changed until that is over.")
            return
        self._told.pop("", None)
        if len(self._seen) > 1:
            for family in self._bounds:
                self._follow(family)

    def _follow(self, family: str) -> None:
        try:
            self._decide(family)
        except GameError as error:
            self._states[family] = paused(self._states[family], self._clock_s())
            self._tell(family, f"{family}: it could not be done: {error.message}")

    def _decide(self, family: str) -> None:
        seen = see(
            self._seen[0],
            self._seen[-1],
            family,
            self._hands.own(family),
            one_writer=self._one_writer,
            coming=self._coming(family),
        )
        decision, state = decide(family, self._bounds[family], seen, self._states[family], self._clock_s())
        self._states[family] = state
        if not decision.step:
            self._tell(family, decision.why)
            return
        self._say(self._worded(decision))
        if not self._act:
            self._states[family] = paused(state, self._clock_s())
            return
        now = self._seen[-1]
        self._hands.change(
            family=family,
            queues=now.families[family],
            step=decision.step,
            workers=seen.workers + decision.step,
            names={worker.name for worker in now.workers},
        )

    def _coming(self, family: str) -> int:
        """Count the workers of other families that were asked for and are not there yet."""
        now = self._seen[-1]
        return sum(
            max(0, state.asked - len(now.serving(other)))
            for other, state in self._states.items()
            if other != family and state.up and state.asked is not None
        )

    def _worded(self, decision: Decision) -> str:
        return decision.why if self._act else f"{decision.why} (not done: --act)"

    def _tell(self, about: str, sentence: str) -> None:
        """Say why nothing is done, unless it was the last one about this, figures aside."""
        gist = "".join(letter for letter in sentence if not letter.isdigit())
        if sentence and self._told.get(about) != gist:
            self._say(sentence)
        self._told[about] = gist if sentence else self._told.get(about, "")
