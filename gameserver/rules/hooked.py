"""A rule and its hooks, composed into one rule: whoever applies events knows of no hooks.

The event goes through the hooks that rewrite it, then through those before the rule, then the rule answers it, and the
hooks after it add to the outcome. What any of them raises is the event's: a refusal, or its own failure.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.declare.entity import Entity
from gameserver.declare.hooks import Hook
from gameserver.errors import Corrupt, Retryable
from gameserver.messages.outbound import SessionUpdate
from gameserver.rules.needs import Needs, checked
from gameserver.rules.outcome import Context, Outcome, Passwords, Reader, State, components_of

Ask = Callable[[Any, Context], Needs]


class HookedRule:
    """A rule with hooks around it; ``needs`` and ``prepare`` are those of a rule, and cover the hooks too."""

    needs: Ask | None
    prepare: Callable[[Any, Context, Reader, Passwords], Any] | None

    def __init__(self, rule: Any, hooks: Sequence[Hook]) -> None:
        update_wrapper(self, rule)
        self._rule = rule
        self._rewriting, self._before, self._after = (
            [hook for hook in hooks if hook.when == when] for when in ("rewrite", "before", "after")
        )
        self._asks: list[Ask] = [ask for ask in (self._rule.needs, *(hook.needs for hook in hooks)) if ask]
        self.needs = self._needs if self._asks else None
        if len(self._asks) == 1 and not self._rewriting:  # as a rule: it is asked for each event
            self.needs = self._asks[0]
        self.components = tuple(
            dict.fromkeys((*components_of(rule), *(kind for hook in hooks for kind in hook.components)))
        )
        self.prepare = self._prepare if self._rule.prepare else None

    def __call__(self, state: State, event: Event, context: Context) -> Outcome:
        """Play the event. Raises what rule and hooks raise, and ``TypeError`` for what they may not return."""
        if self._rewriting:
            event = self._rewritten(event)
        if self._before:
            event = self._changed(state, event, context)
        outcome: Outcome = self._rule(state, event, context)
        if type(outcome) is not Outcome:
            raise _no_outcome(outcome, event.spec.task)
        for hook in self._after:
            if hook.only is not None and not hook.only(state, event, context, outcome):
                continue
            more = hook.function(state.folded(outcome), event, context, outcome)
            outcome = outcome if more is None else merged(outcome, _added(more, hook, event))
        return outcome

    def _needs(self, event: Event, context: Context) -> Needs:
        return self._needs_of(self._rewritten(event), context)

    def _needs_of(self, event: Event, context: Context) -> Needs:
        return union([ask(event, context) for ask in self._asks])

    def _prepare(self, event: Event, context: Context, reader: Reader, passwords: Passwords) -> Any:
        return self._rule.prepare(self._rewritten(event), context, reader, passwords)

    def _rewritten(self, event: Event) -> Event:
        """The event as it is played, from the event as it was sent: the same whenever it is asked for."""
        try:
            for hook in self._rewriting:
                event = _fitting(hook.function(event), hook, event)
        except Retryable as error:  # would make the whole batch wait for the data tier
            raise TypeError("a hook waits for no data tier") from error
        return event

    def _changed(self, state: State, event: Event, context: Context) -> Event:
        for hook in self._before:
            returned = hook.function(state, event, context)
            if returned is not None and returned is not event:
                changed = _fitting(returned, hook, event)
                self._check_needs(hook, event, changed, context)
                event = changed
        return event

    def _check_needs(self, hook: Hook, event: Event, changed: Event, context: Context) -> None:
        """Raise ``Corrupt`` where a change would need other rows: those of the event are found out and locked."""
        if self.prepare is not None or self._needs_of(event, context) != self._needs_of(changed, context):
            raise Corrupt(
                "bad_hook",
                f"{hook.at}: the hook {hook.name} of {hook.event} changes what the rule has prepared or locked for: "
                "declare it with reads_state=False, so that it runs before that.",
            )


def union(needs: Iterable[Needs]) -> Needs:
    """What all of these need together: some of it twice, as a batch does. Raises ``TypeError`` for no selections."""
    return tuple(chain.from_iterable(map(checked, needs)))


def merged(outcome: Outcome, more: Outcome) -> Outcome:
    """Both outcomes as one: of two puts of one thing the later counts, and of a put and a drop; other things add up.

    So does what the gateway has to do: of each field that both set the later counts, and of the topics of each slot.
    """
    put, drop = _changes(outcome, more)
    return Outcome(
        result=outcome.result if more.result is None else more.result,
        parts=(*outcome.parts, *more.parts),
        put=put,
        drop=drop,
        notifications=(*outcome.notifications, *more.notifications),
        events=(*outcome.events, *more.events),
        again=(*outcome.again, *more.again),
        done=(*outcome.done, *more.done),
        follow=_both(outcome.follow, more.follow),
    )


def _changes(outcome: Outcome, more: Outcome) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
    """What both put, and what both drop."""
    if not (outcome.drop or more.drop):  # as a rule
        return tuple(_by_id((*outcome.put, *more.put)).values()), ()
    put, drop = _by_id(outcome.put), _by_id(outcome.drop)
    put_more, drop_more = _by_id(more.put), _by_id(more.drop)
    put = {key: thing for key, thing in put.items() if key not in drop_more} | put_more
    drop = {key: thing for key, thing in (drop | drop_more).items() if key not in put_more}
    return tuple(put.values()), tuple(drop.values())


def _both(update: SessionUpdate | None, more: SessionUpdate | None) -> SessionUpdate | None:
    if update is None or more is None:
        return update or more
    said = {name: value for name in more.__struct_fields__ if (value := getattr(more, name)) != getattr(_NOTHING, name)}
    return replace(update, **said | {"watch": update.watch | more.watch})


_NOTHING = SessionUpdate()


def _by_id(things: Iterable[Any]) -> dict[tuple[type, str], Any]:
    return {(type(thing), thing.id): thing for thing in things}


def _no_outcome(returned: Any, who: str) -> TypeError:
    return TypeError(f"{who} returned {type(returned).__name__}, which is no Outcome")


def _added(returned: Any, hook: Hook, event: Event) -> Outcome:
    """What an after-hook adds. A result that replaces the rule's is of the type that clients are told of."""
    if type(returned) is not Outcome:
        raise _no_outcome(returned, f"{hook.at}: the hook {hook.name}")
    more: Outcome = returned
    if more.result is not None and type(more.result) is not event.spec.result:
        raise TypeError(f"{hook.at}: {type(more.result).__name__} is not the result of {event.spec.task}")
    return more


def _fitting(returned: Any, hook: Hook, event: Event) -> Event:
    """What a before-hook makes of an event, if it fits the event's declaration; ``None`` leaves it as it is."""
    if returned is None or returned is event:
        return event
    if type(returned) is not type(event) or returned.seq != event.seq:
        raise TypeError(f"{hook.at}: the hook {hook.name} returned no {event.spec.task} of the same number")
    fitting: Event = msgspec.convert(msgspec.to_builtins(returned), type(event))
    return fitting
