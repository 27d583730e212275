"""Rules as they are, with somebody who writes down what takes effect, and with poison in the events that a seed chose.

What was committed is known from here and not from watermarks or replies: those are what is to be judged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.modules.building.entities import Change
from gameserver.modules.chat.events import Heard
from gameserver.modules.combat.events import Reward
from gameserver.modules.movement.bodies import around
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Player
from gameserver.rules.book import rules
from gameserver.rules.needs import Needs
from gameserver.rules.outcome import Context, Notification, Outcome, Rule, State, components_of
from gameserver.testing.effect_log import AuditedBatch, Entry
from tests.simulation import building
from tests.simulation.fights import FightAccounts, witnessed
from tests.simulation.memory_store import MemoryTransaction
from tests.simulation.scheduler import Crash


class Effect(msgspec.Struct, frozen=True):
    """A numbered event that took effect. ``lane``: of its session."""

    id: str
    lane: str
    seq: int


class Journal:
    """What took effect, in the order of the commits. ``poisoned``: how an event's rule fails, by the event's id.

    ``entries``: what its events made and destroyed; ``fights``: who has struck whom, and what came of that; ``built``:
    how maps were changed.
    """

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.entries: list[Entry] = []
        self.fights = FightAccounts()
        self.built: list[Change] = []
        self.poisoned: dict[str, str] = {}

    def watched(self, *, prepared: bool) -> dict[str, Rule]:
        """The rule book, watched; ``prepared``: every client's event has a preparation, in which it may fail."""
        return {name: self._watch(name, rule, prepared) for name, rule in rules().items()}

    def _watch(self, name: str, rule: Any, prepared: bool) -> Rule:
        spec = catalogue.events()[name].spec

        def play(state: State, event: Any, context: Context) -> Outcome:
            state.transaction.event = name  # type: ignore[attr-defined]
            poison = self.poisoned.get(context.id, "")
            if poison in BEFORE:
                BEFORE[poison]()
            outcome: Outcome = rule(state, event, context)
            if poison in AFTER:
                spoilt = AFTER[poison](state, context, outcome)
                if spoilt is not outcome:
                    return spoilt
            seen = witnessed(name, state, event, context, outcome)
            if seen is not None:
                state.transaction.fights[context.id] = seen  # type: ignore[attr-defined]
            if name in building.EVENTS:
                state.transaction.built += [one for one in outcome.put if isinstance(one, Change)]  # type: ignore[attr-defined]
            if spec.numbered and event.seq:
                effect = Effect(context.id, f"{context.session}/{spec.lane}", event.seq)
                state.transaction.note[effect.id] = effect  # type: ignore[attr-defined]
            return outcome

        def asks(event: Any, context: Context) -> Needs:
            poison = self.poisoned.get(context.id, "")
            if poison == "needs":
                raise Poisoned("needs")
            mine: Needs = rule.needs(event, context) if rule.needs else ()
            return (*mine, around(context.player)) if poison == "stranger" else mine

        def prepare(event: Any, context: Context, reader: Any, passwords: Any) -> Any:
            if self.poisoned.get(context.id, "") == "prepare":
                raise Poisoned("prepare")
            return rule.prepare(event, context, reader, passwords) if rule.prepare else None

        watched: Any = play
        watched.needs = asks if spec.origin == "client" else rule.needs
        watched.repeat = rule.repeat
        watched.components = (*components_of(rule), Body) if spec.origin == "client" else rule.components
        watched.prepare = prepare if rule.prepare or (prepared and spec.origin == "client") else None
        return play

    def committed(self, transaction: MemoryTransaction) -> None:
        """A transaction was committed: what was played in it took effect."""
        self.effects += transaction.note.values()
        self.entries += transaction.entries
        self.fights.add(transaction.fights.values())
        self.built += transaction.built


class JournalledBatch(AuditedBatch):
    """A batch that keeps its entries with its transaction, for ``Journal.committed``."""

    def _keep(self, entries: Sequence[Entry]) -> None:
        self._transaction.entries += entries  # type: ignore[attr-defined] # the simulation's transaction


class Poisoned(Exception):
    """What a poisoned event raises."""


def _raise() -> None:
    raise Poisoned("rule")


def _die() -> None:
    raise Crash()


BEFORE: dict[str, Callable[[], None]] = {"rule": _raise, "killer": _die}


def _part(kind: Any, state: State, context: Context, outcome: Outcome) -> Any:
    """A part of the player's record as the rule leaves it."""
    mine = [thing for thing in outcome.put if type(thing) is kind and thing.id == context.player]
    return mine[0] if mine else state.of(kind)[context.player]


def _puts(kind: Any, **fields: Any) -> Callable[[State, Context, Outcome], Outcome]:
    def spoil(state: State, context: Context, outcome: Outcome) -> Outcome:
        return replace(outcome, put=(*outcome.put, replace(_part(kind, state, context, outcome), **fields)))

    return spoil


def _unreadable_result(state: State, context: Context, outcome: Outcome) -> Outcome:
    return replace(outcome, result=object())  # type: ignore[arg-type]


def _unreadable_notice(state: State, context: Context, outcome: Outcome) -> Outcome:
    heard = Heard(how="say", by="", text=object(), at_ms=0)  # type: ignore[arg-type]
    return replace(outcome, notifications=(*outcome.notifications, Notification(notice=heard, player=context.player)))


def _unreadable_birth(state: State, context: Context, outcome: Outcome) -> Outcome:
    return replace(outcome, events=(*outcome.events, Reward(player=object(), xp=1, slain="")))  # type: ignore[arg-type]


def _changes_strangers(state: State, context: Context, outcome: Outcome) -> Outcome:
    """What a rule may do that does not know who of those it sees is locked."""
    locked = state.transaction.held[Body]  # type: ignore[attr-defined]
    seen = [body for body in state.of(Body).values() if body.id not in locked]
    if not seen:
        return outcome  # there is nobody whom it could change
    return replace(outcome, put=(*outcome.put, *(replace(body, v=body.v + 1) for body in seen)))


AFTER: dict[str, Callable[[State, Context, Outcome], Outcome]] = {
    "result": _unreadable_result,
    "put": _puts(Player, conn=7),
    "null": _puts(Player, conn=None),
    "wide": _puts(Body, v=2**70),
    "notice": _unreadable_notice,
    "born": _unreadable_birth,
    "stranger": _changes_strangers,
}
