"""One batch within its transaction.

An event whose rule fails, or whose outcome can't be encoded, spoils nothing but itself and what follows it in its lane:
these come back as ``held``. What is put off (``NotNow``) puts off what follows it in its lane. What breaks the whole
transaction (at loading, or at saving) is raised.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from gameserver.declare.entity import Entity, actor_kind, beginning, components_apart
from gameserver.errors import Corrupt, NotNow, Rejected
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Unicast
from gameserver.processing.applied_batch import Applied, Held
from gameserver.processing.changes import Changes
from gameserver.processing.dead_letters import letter_of
from gameserver.processing.emissions import Emissions
from gameserver.processing.encoding import encode_refusal, encode_reply, read_unicast, sound_texts
from gameserver.processing.exactly_once import ExactlyOnce
from gameserver.processing.outbound_builder import OutboundBuilder
from gameserver.processing.prepared_event import FAULTS, Prepared, find_needs
from gameserver.rules.needs import Needs, Rows
from gameserver.rules.outcome import Outcome, State, components_of
from gameserver.runtime.logging import Seldom, about
from gameserver.store.store import Transaction, Trial
from gameserver.store.unread_rows import sort_out

log = logging.getLogger(__name__)
unread = Seldom(log)


class BatchTransaction:
    """One batch within its transaction. ``put_off``: lanes of which nothing may be applied now, and why."""

    _state: State
    _changes: Changes
    _once: ExactlyOnce
    _emissions: Emissions

    def __init__(self, transaction: Transaction, limits: Limits, now_ms: int, put_off: Mapping[str, NotNow]) -> None:
        self._transaction = transaction
        self._limits = limits
        self._now_ms = now_ms
        self._builder = OutboundBuilder()
        self._held: dict[str, list[Envelope]] = {}
        self._causes: dict[str, BaseException] = {}
        self._put_off = dict(put_off)
        self._outcomes: Counter[str] = Counter()
        self._tried: list[str] = []

    def run(self, batch: Sequence[Prepared], trial: Trial | None) -> Applied:
        """Apply the batch's events one after the other."""
        self._date(batch)
        self._begin(batch, [item.needs for item in batch if item.needs is not None])
        if trial is not None:
            self._transaction.begin_trial(trial)
        for item in batch:
            self._outcomes[self._take(item)] += 1
        self._builder.add_gateways([item.envelope.gateway for item in batch])
        if trial is not None and trial.ends and not self._is_held(trial.id):
            self._tried.append(trial.id)
        self._save()
        if not any(item.spec.durable for item in batch) and not self._emissions.in_outbox:
            self._transaction.need_not_wait_for_disk()
        return self._applied(batch[0].event.spec.name)

    def dead_letter(self, item: Prepared, cause: BaseException, attempts: int) -> Applied:
        """Keep an event as a dead letter, and tell its sender, unless it was applied or given up before."""
        self._begin([item], [])
        self._tried.append(item.envelope.id)
        if not self._is_past(item):
            self._transaction.add_dead(letter_of(item.envelope, cause, attempts, self._now_ms))
            sentence = "This could not be done. It was kept, and a game master will look at it."
            self._once.advance(item, self._refuse(item, "dead_lettered", sentence))
            self._outcomes["dead_lettered"] += 1
        self._save()
        return self._applied(item.event.spec.name)

    # Beginning.

    def _date(self, batch: Sequence[Prepared]) -> None:
        """Let what no client sent happen now, which is when it was its batch's turn.

        What it needs is found out only then: rows that were looked for at one time and judged at another would
        contradict each other, because a transaction may wait for seconds until it begins.
        """
        for item in batch:
            if item.spec.origin != "client":
                item.context = replace(item.context, now_ms=self._now_ms)
                if item.order not in self._put_off:
                    find_needs(item)

    def _begin(self, batch: Sequence[Prepared], needs: list[Needs]) -> None:
        """Lock and load: a second run of the same event waits here for the first, and then sees it done.

        In the order in which everybody locks: things first, the outbox after them (see ``store.loading``).
        """
        players = tuple({item.envelope.player for item in batch if item.envelope.player})
        actors: Needs = (Rows(actor_kind(), "id", players, components=_components(batch)),)
        state = self._state = self._transaction.load([actors, *needs])
        state.now_ms = self._now_ms
        in_outbox = self._transaction.waiting([item.envelope.id for item in batch if item.envelope.in_outbox])
        if state.due:
            self._sort_out()
        self._changes = Changes(state, self._transaction)
        self._once = ExactlyOnce(state, self._transaction, in_outbox, self._limits.outcomes_kept)
        self._emissions = Emissions(state, self._builder, self._transaction.held)

    def _sort_out(self) -> None:
        """Leave out of what is due what another version of the code wrote and this one can't read."""
        self._state.due, faults = sort_out(self._state.due)
        if faults:
            self._transaction.set_aside(faults, self._now_ms)
            self._outcomes["unread"] += len(faults)
            ids = [row.id for row in faults]
            unread.warning(
                "%d rows of the outbox can't be read and wait for a worker of another version: %s",
                len(ids),
                next(iter(faults.values())),
                extra=about(*ids),
            )

    # One event. What these return is how it ended.

    def _take(self, item: Prepared) -> str:
        """Hold an event behind a failed one, answer it as past, put it off, or play it.

        What was given up is not tried again because another copy of it comes: so its failure comes after its past.
        """
        if self._held and item.order in self._held:
            self._held[item.order].append(item.envelope)
            return "held"
        try:
            past = self._past(item)
        except Corrupt as unreadable:
            return self._fail(item, unreadable)
        if past:
            return past
        if self._put_off and item.order in self._put_off:
            return self._defer(item, self._put_off[item.order])
        return self._play(item) if item.failure is None else self._fail(item, item.failure)

    def _play(self, item: Prepared) -> str:
        """Play its rule. Everything that can go wrong does so before anything of it becomes part of the batch."""
        try:
            outcome = self._outcome(item)
            reply, kept = encode_reply(item, outcome)
            emissions = self._emissions.encode(item, outcome)
            self._changes.fold(outcome)  # the last that may raise, and then it has changed nothing
        except Rejected as refusal:
            return self._reject(item, refusal)
        except FAULTS as error:  # a broken rule must not take its neighbours along
            return self._fail(item, error)
        if outcome.done:
            self._emissions.done += outcome.done
        if item.envelope.in_outbox:
            self._answer_at_home(item.envelope, reply)
        elif reply is not None:
            self._builder.add_unicast(item.envelope.gateway, reply)
        self._once.advance(item, kept)
        for emit, what in emissions:
            emit(what)
        return "ok"

    def _outcome(self, item: Prepared) -> Outcome:
        """Ask its rule. Raises ``Rejected``, and whatever is wrong with the rule or its outcome."""
        if item.refusal is not None:
            raise item.refusal
        stale_ms = item.spec.stale_after_s * 1000
        if stale_ms and self._now_ms - item.envelope.at_ms > stale_ms:
            raise Rejected("stale", "This took too long and was dropped.")
        outcome: Outcome = item.rule(self._state, item.event, item.context)
        if type(outcome) is not Outcome or outcome.done:
            _check(outcome)
        return self._made_whole(outcome)

    def _made_whole(self, outcome: Outcome) -> Outcome:
        """Add to an outcome the components of who is new in it, as they begin, but those that it puts itself."""
        owners, things = components_apart(), self._state.things
        new = [thing for thing in outcome.put if type(thing) in owners and thing.id not in things[type(thing)]]
        if not new:  # as a rule
            return outcome
        put = {(type(thing), thing.id) for thing in outcome.put}
        lacking = [(kind, thing.id) for thing in new for kind in owners[type(thing)] if (kind, thing.id) not in put]
        return replace(outcome, put=(*outcome.put, *(beginning(kind, id_) for kind, id_ in lacking)))

    def _reject(self, item: Prepared, refusal: Rejected) -> str:
        try:
            if isinstance(refusal, NotNow):
                return self._defer(item, refusal)
            kept = self._refuse(item, refusal.code, refusal.message)
        except FAULTS as error:  # a refusal that can't be told
            return self._fail(item, error)
        self._once.advance(item, kept)
        return refusal.code

    def _defer(self, item: Prepared, refusal: NotNow) -> str:
        """Put it off, and with it what follows in its lane: applied before it, that would be out of order."""
        self._refuse(item, refusal.code, refusal.message, not_now=True)
        self._put_off[item.order] = refusal
        return refusal.code

    def _fail(self, item: Prepared, cause: BaseException) -> str:
        id_ = item.envelope.id
        log.error("%s failed: %s", id_, item.event.spec.task, exc_info=cause, extra=about(id_))
        self._held[item.order] = [item.envelope]
        self._causes[item.order] = cause
        return "failed"

    # What was applied before.

    def _is_past(self, item: Prepared) -> bool:
        """Whether it is over already; then it is answered. Marks that nobody can read are why it is given up."""
        try:
            return self._past(item) != ""
        except Corrupt:
            return False

    def _past(self, item: Prepared) -> str:
        """Answer what is over already, and return how it ended as far as can be told; "" for a fresh event.

        Raises ``Corrupt`` when nobody can read where its lane stands.
        """
        if item.envelope.in_outbox and self._once.is_done(item.envelope.id):
            log.info("%s was applied before", item.envelope.id, extra=about(item.envelope.id))
            return "repeated"
        if not item.marked:
            return ""
        mark = item.mark = self._once.position(item)
        if mark is None:
            self._refuse(item, "session_over", "This session is over.")
            return "session_over"
        return self._repeat(item) if item.event.seq <= mark.seq else ""

    def _repeat(self, item: Prepared) -> str:
        """Answer an event that was applied before: a durable one as then, a transient one with how things stand now."""
        return self._answer_as_then(item) if item.spec.durable else self._answer_as_now(item)

    def _answer_as_now(self, item: Prepared) -> str:
        """Answer with what the event's rule says of the present, be it no; where that fails, nobody can tell."""
        try:
            outcome = _how_things_stand(item, self._state)
            reply, _ = encode_reply(item, outcome)
            emissions = self._emissions.encode_present(outcome.notifications)
        except Rejected as no:
            self._refuse(item, no.code, no.message)
            return "repeated"
        except FAULTS:
            log.exception("%s can't be answered again", item.envelope.id, extra=about(item.envelope.id))
            return self._outcome_unknown(item)
        if reply is not None:
            self._builder.add_unicast(item.envelope.gateway, reply)
        for emit, what in emissions:
            emit(what)
        return "repeated"

    def _answer_as_then(self, item: Prepared) -> str:
        """Answer with the reply that was kept."""
        kept = self._once.kept_reply(item)
        if kept is not None:
            self._builder.add_unicast(item.envelope.gateway, replace(read_unicast(kept), conn=item.envelope.conn))
            return "repeated"
        id_ = item.envelope.id
        log.error("%s: its lane is past it, and no outcome is kept", id_, extra=about(id_))
        return self._outcome_unknown(item)

    def _outcome_unknown(self, item: Prepared) -> str:
        """Say neither that it took effect nor that it did not."""
        self._refuse(item, "outcome_unknown", "The server can't tell what became of this.")
        return "outcome_unknown"

    # Telling the sender.

    def _answer_at_home(self, envelope: Envelope, reply: Unicast | None) -> None:
        """Reply to a replayed dead letter where its player is now."""
        body = self._state.actors.get(envelope.player)
        if body is not None and reply is not None:
            self._builder.add_unicast(body.gateway, replace(reply, conn=body.conn))

    def _refuse(self, item: Prepared, code: str, message: str, *, not_now: bool = False) -> bytes:
        """Tell the sender of a numbered event that it took no effect. Returns the reply that is to be kept."""
        if not item.event.seq:
            return b""
        reply, kept = encode_refusal(item, code, message, not_now)
        self._builder.add_unicast(item.envelope.gateway, reply)
        return kept

    # Ending.

    def _is_held(self, id_: str) -> bool:
        return any(id_ == envelope.id for group in self._held.values() for envelope in group)

    def _save(self) -> None:
        self._once.fold_into(self._changes)
        self._changes.save()
        self._once.save()
        self._emissions.save(self._transaction, self._now_ms)
        self._transaction.remove_waiting([*self._emissions.done, *self._once.done])
        self._transaction.forget_trials(self._tried)

    def _applied(self, event: str) -> Applied:
        held = [Held(envelopes=tuple(group), cause=self._causes[order]) for order, group in self._held.items()]
        return Applied(
            outbound=self._builder.result(event),
            keys=self._builder.keys(),
            born=tuple(self._emissions.born),
            published=tuple(self._emissions.published),
            held=tuple(held),
            put_off=self._put_off,
            outcomes=dict(self._outcomes),
        )


def _components(batch: Sequence[Prepared]) -> tuple[type[Entity], ...]:
    """What the batch's rules want of their actors beside the actors themselves."""
    rules = {id(item.rule): item.rule for item in batch if item.rule is not None}
    return tuple(dict.fromkeys(kind for rule in rules.values() for kind in components_of(rule)))


def _check(outcome: Any) -> None:
    """Check what a rule wants, before any of it is done. Raises what is wrong with it."""
    if type(outcome) is not Outcome:
        raise TypeError(f"{type(outcome).__name__} is no Outcome")
    sound_texts(outcome.done)


def _how_things_stand(item: Prepared, state: State) -> Outcome:
    """Ask the event's rule what is told to a sender whose event was applied before. Raises what is wrong with that."""
    outcome = item.rule.repeat(state, item.event, item.context) if item.rule.repeat else Outcome()
    if type(outcome) is not Outcome:
        raise TypeError(f"{type(outcome).__name__} is no Outcome")
    if outcome.result is None and item.spec.result is not None:
        raise TypeError(f"nothing says how {item.spec.task} is answered again: @rule(repeat=...)")
    told = Outcome(
        result=outcome.result, parts=outcome.parts, notifications=outcome.notifications, follow=outcome.follow
    )
    if outcome != told:
        raise TypeError(f"{item.spec.task} was applied before, and changes nothing more")
    return outcome
