"""One batch, one transaction.

``Applier.apply`` takes a batch of envelopes and makes it true: opens what is sealed and hashes what is slow to hash,
begins, loads and locks what the rules need, leaves out what was applied before, runs the rules one after the other,
saves, and commits. What is to be told comes back as a value: the caller speaks after the commit.

An event whose code breaks at any step (preparation, needs, rule, encoding of what it wants) spoils nothing but itself
and what follows it in its lane: these come back as ``held``. So that nothing of it is left behind, everything that an
event wants is encoded before any of it is folded into the batch. What breaks the whole transaction (at loading, or at
saving) is raised: the caller finds the guilty event by halves. What is put off (``NotNow``) puts off what follows it in
its lane.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.clocks import CLOCK_TOLERANCE_MS
from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.errors import Corrupt, NotNow, Rejected, Retryable
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult, Multicast, SessionUpdate, Unicast
from gameserver.processing.dead_letters import letter_of
from gameserver.processing.outbound_builder import Speech, sound_text, sound_texts
from gameserver.processing.prepared import Prepared, SeededDice
from gameserver.rules.outcome import Context, Needs, Notification, Outcome, Passwords, Rule, State, Waiting
from gameserver.runtime.logging import Seldom, about
from gameserver.security.sealing import Sealer
from gameserver.store.store import Store, Stored, Transaction, Trial
from gameserver.store.unread import sort_out
from gameserver.wire.packets import Error, Ok
from gameserver.world.marks import START, Watermark, read_watermarks, write_watermarks
from gameserver.world.state import Player, Thing

log = logging.getLogger(__name__)
unread = Seldom(log)

RESEND_MS = 3_000

# What the code of one event may raise without ending anything else. ``sys.exit`` in a rule ends no worker.
FAULTS = (Exception, SystemExit)

# Something that is to be told or kept once its event was folded in: who does it, and with what.
Word = tuple[Callable[[Any], None], Any]

_packed = msgspec.msgpack.Encoder().encode
_read_direct = msgspec.msgpack.Decoder(Unicast).decode
_read_dispatch = msgspec.msgpack.Decoder(Multicast).decode
_envelope_json = msgspec.json.Decoder(Envelope).decode
_READ_AGAIN: dict[str, Callable[[bytes], Any]] = {"talk": _read_dispatch, "event": _envelope_json}


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Events that could not be applied now: the first one broke, the others follow it in its lane."""

    envelopes: tuple[Envelope, ...]
    cause: BaseException


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch leaves to be done after its commit.

    ``outbound`` goes to the gateways that listen to one of ``keys``; ``born`` are new events for the queue;
    ``published``: outbox rows that are done with once ``outbound`` was published; ``held`` must be tried again.
    ``put_off``: lanes (``Envelope.order``) in which an event was put off, and why: nothing of them may be applied
    before it. ``outcomes``: how many events ended how.
    """

    outbound: BatchResult
    keys: tuple[str, ...]
    born: tuple[Envelope, ...]
    published: tuple[str, ...]
    held: tuple[Held, ...]
    put_off: dict[str, NotNow] = {}
    outcomes: dict[str, int] = {}


NOTHING_PUT_OFF: Mapping[str, NotNow] = {}


class Applier:
    """Applies batches. ``clock_ms``: milliseconds since 1970; ``seed`` makes all randomness of the rules repeatable."""

    def __init__(
        self,
        *,
        store: Store,
        rules: dict[str, Rule],
        passwords: Passwords,
        sealer: Sealer,
        limits: Limits,
        clock_ms: Callable[[], int],
        seed: str = "",
    ) -> None:
        self._store = store
        self._rules = rules
        self._passwords = passwords
        self._sealer = sealer
        self._limits = limits
        self._clock_ms = clock_ms
        self._seed = seed

    def apply(
        self, batch: Sequence[Envelope], *, trial: Trial | None = None, put_off: Mapping[str, NotNow] = NOTHING_PUT_OFF
    ) -> Applied:
        """Apply a batch. Raises ``Retryable`` when the data tier is not ready, and whatever breaks the transaction.

        Then nothing has happened. ``trial`` is counted once all that the batch needs is locked, and forgotten when it
        came to its end; ``put_off``: lanes of which nothing may be applied now.
        """
        prepared = [self._prepare(envelope, put_off) for envelope in batch]
        with self._store.transaction(trial) as transaction:
            work = _Work(transaction, self._limits, self._clock_ms(), put_off)
            return work.run(prepared, trial)

    def nothing(self, batch: Sequence[Envelope]) -> Applied:
        """What there is to tell of a batch of which nothing is left to be done: that it is done."""
        speech = Speech()
        speech.heard_by(envelope.gateway for envelope in batch)
        outbound = speech.outbound(batch[0].event.spec.name)
        return Applied(outbound=outbound, keys=speech.keys(), born=(), published=(), held=())

    def bury(self, envelope: Envelope, cause: BaseException, attempts: int) -> Applied:
        """Give an event up: keep it as a dead letter, tell its sender, and let its lane go on."""
        item = self._item(envelope)
        with self._store.transaction() as transaction:
            work = _Work(transaction, self._limits, self._clock_ms(), NOTHING_PUT_OFF)
            return work.bury(item, cause, attempts)

    def _prepare(self, envelope: Envelope, put_off: Mapping[str, NotNow]) -> Prepared:
        item = self._item(envelope)
        if put_off and item.order in put_off:
            return item  # its rule is not asked
        rule = item.rule
        if rule is None or rule.prepare or item.spec.secrets:
            _guarded(self._prepare_slowly, item)
        if item.spec.origin == "client":
            _find_needs(item)
        return item

    def _prepare_slowly(self, item: Prepared) -> None:
        """Everything that is slow and needs no lock."""
        item.event = self._sealer.open(item.event)
        prepare = self._rules[item.spec.name].prepare  # type: ignore[attr-defined]
        if prepare:
            found = prepare(item.event, item.context, self._store, self._passwords)
            item.context = replace(item.context, prepared=found)

    def _item(self, envelope: Envelope) -> Prepared:
        event = envelope.event
        spec = event.spec
        context = Context(
            envelope.id,
            _happens_ms(envelope, self._clock_ms()),
            SeededDice(self._seed, envelope.id),  # the id makes a replay fall alike
            envelope.player,
            envelope.session,
            envelope.conn,
            envelope.gateway,
            envelope.token,
        )
        marked = spec.numbered and event.seq > 0
        return Prepared(envelope, event, spec, context, self._rules.get(spec.name), marked)


def _happens_ms(envelope: Envelope, now_ms: int) -> int:
    """When an event happens, by server time: a client's when its gateway accepted it, but not in the future."""
    believed = envelope.event.spec.origin == "client" and envelope.at_ms <= now_ms + CLOCK_TOLERANCE_MS
    return envelope.at_ms if believed else now_ms


def _guarded(step: Callable[[Prepared], None], item: Prepared) -> None:
    try:
        step(item)
    except Rejected as refusal:
        item.refusal = refusal
    except Retryable:
        raise  # the data tier is not ready: nobody's failure, and the whole batch waits
    except FAULTS as error:  # whatever else a step raises is this event's own failure
        item.failure = error


def _find_needs(item: Prepared) -> None:
    """Ask its rule, if it has one, unless something went wrong before."""
    if item.rule is not None and item.rule.needs and item.sound:
        _guarded(_ask, item)


def _ask(item: Prepared) -> None:
    """Find out which rows its rule needs. Raises ``TypeError`` or ``ValidationError`` when that is no ``Needs``."""
    try:
        needs = item.rule.needs(item.event, item.context)
    except Retryable as error:
        raise TypeError("needs are found out without the data tier") from error
    if type(needs) is not Needs:
        raise TypeError(f"needs of {item.spec.task}: {type(needs).__name__} is no Needs")
    item.needs = msgspec.convert(msgspec.to_builtins(needs), Needs)


class _Work:
    """One batch within its transaction."""

    def __init__(self, transaction: Transaction, limits: Limits, now_ms: int, put_off: Mapping[str, NotNow]) -> None:
        self._transaction = transaction
        self._held_rows = transaction.held
        self._limits = limits
        self._now_ms = now_ms
        self._changed: defaultdict[type[Thing], dict[str, None]] = defaultdict(dict)  # ids of what the state holds
        self._dropped: dict[tuple[type[Thing], str], Thing] = {}
        self._marks: dict[str, dict[str, Watermark]] = {}
        self._moved: dict[str, str] = {}
        self._stored: list[Stored] = []
        self._waiting: list[Waiting] = []
        self._again: list[str] = []
        self._done: list[str] = []
        self._published: list[str] = []
        self._tried: list[str] = []
        self._speech = Speech()
        self._born: list[Envelope] = []
        self._held: dict[str, list[Envelope]] = {}
        self._causes: dict[str, BaseException] = {}
        self._put_off = dict(put_off)
        self._outcomes: Counter[str] = Counter()

    def run(self, batch: Sequence[Prepared], trial: Trial | None) -> Applied:
        self._date(batch)
        self._begin(batch, [item.needs for item in batch if item.needs is not None])
        if trial is not None:
            self._transaction.begin_trial(trial)
        for item in batch:
            self._outcomes[self._take(item)] += 1
        self._speech.heard_by(item.envelope.gateway for item in batch)
        if trial is not None and trial.ends and not self._is_held(trial.id):
            self._tried.append(trial.id)
        self._save()
        return self._applied(batch[0].event.spec.name)

    def _is_held(self, id_: str) -> bool:
        return any(id_ == envelope.id for group in self._held.values() for envelope in group)

    def bury(self, item: Prepared, cause: BaseException, attempts: int) -> Applied:
        self._begin([item], [])
        self._tried.append(item.envelope.id)
        if not self._is_past(item):
            self._transaction.add_dead(letter_of(item.envelope, cause, attempts, self._now_ms))
            sentence = "This could not be done. It was kept, and a game master will look at it."
            self._advance(item, self._refuse(item, "dead_lettered", sentence))
            self._outcomes["dead_lettered"] += 1
        self._save()
        return self._applied(item.event.spec.name)

    def _date(self, batch: Sequence[Prepared]) -> None:
        """What no client sent happens now, and now is when it was its batch's turn.

        What it needs is found out only then: rows that were looked for at one time and judged at another would
        contradict each other, because a transaction may wait for seconds until it begins.
        """
        for item in batch:
            if item.spec.origin != "client":
                item.context = replace(item.context, now_ms=self._now_ms)
                if item.order not in self._put_off:
                    _find_needs(item)

    def _begin(self, batch: Sequence[Prepared], needs: list[Needs]) -> None:
        """Lock and load: a second run of the same event waits here for the first, and then sees it done.

        In the order in which everybody locks: things first, the outbox after them (see ``store.loading``).
        """
        actors = Needs(players=tuple({item.envelope.player for item in batch if item.envelope.player}))
        self._state = self._transaction.load([actors, *needs])
        self._state.now_ms = self._now_ms
        self._to_be_done = self._transaction.waiting([item.envelope.id for item in batch if item.envelope.in_outbox])
        if self._state.due:
            self._sort_out()

    def _sort_out(self) -> None:
        """Of what is due, leave out what another version of the code wrote and this one can't read."""
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

    def _stands(self, item: Prepared) -> Watermark | None:
        """Where its lane stands; None when its session is over. Raises ``Corrupt`` when nobody can read that."""
        envelope = item.envelope
        player = self._state.players.get(envelope.player)
        if player is None or not envelope.session or player.session != envelope.session:
            return None
        lanes = self._marks.get(envelope.session)
        if lanes is None:
            lanes = self._marks[envelope.session] = read_watermarks(player.marks)
        return lanes.get(item.spec.lane, START)

    def _is_past(self, item: Prepared) -> bool:
        """Whether it is over already; then it is answered. Marks that nobody can read are why it is given up."""
        try:
            return self._past(item) != ""
        except Corrupt:
            return False

    def _past(self, item: Prepared) -> str:
        """How it ended that is over already, as far as can be told, and is answered here; "" for a fresh one.

        Raises ``Corrupt`` when nobody can read where its lane stands.
        """
        if item.envelope.in_outbox and item.envelope.id not in self._to_be_done:
            log.info("%s was applied before", item.envelope.id, extra=about(item.envelope.id))
            return "repeated"
        if not item.marked:
            return ""
        item.mark = self._stands(item)
        if item.mark is None:
            self._refuse(item, "session_over", "This session is over.")
            return "session_over"
        return self._replay(item) if item.event.seq <= item.mark.seq else ""

    def _take(self, item: Prepared) -> str:
        """One event: held behind a failed one, answered as seen or over, or played. Returns how it ended.

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
        """Play its rule. Everything that can go wrong does so before anything of it is folded into the batch."""
        try:
            outcome = self._rule(item)
            reply, stored = self._reply(item, outcome.result, outcome.follow)
            words = self._words(item, outcome)
        except Rejected as refusal:
            return self._rejected(item, refusal)
        except FAULTS as error:  # a broken rule must not take its neighbours along
            return self._fail(item, error)
        self._fold(outcome)
        if reply is not None:
            if item.envelope.in_outbox:
                self._reply_at_home(item.envelope, reply)
            else:
                self._speech.direct(item.envelope.gateway, reply)
        self._advance(item, stored)
        for say, what in words:
            say(what)
        return "ok"

    def _rejected(self, item: Prepared, refusal: Rejected) -> str:
        try:
            if isinstance(refusal, NotNow):
                return self._defer(item, refusal)
            reply = self._refuse(item, refusal.code, refusal.message)
        except FAULTS as error:  # a refusal that can't be told
            return self._fail(item, error)
        self._advance(item, reply)
        return refusal.code

    def _defer(self, item: Prepared, refusal: NotNow) -> str:
        """Put it off, and with it what follows in its lane: applied before it, that would be out of order."""
        self._refuse(item, refusal.code, refusal.message, not_now=True)
        self._put_off[item.order] = refusal
        return refusal.code

    def _rule(self, item: Prepared) -> Outcome:
        if item.refusal is not None:
            raise item.refusal
        stale_ms = item.spec.stale_after_s * 1000
        if stale_ms and self._now_ms - item.envelope.at_ms > stale_ms:
            raise Rejected("stale", "This took too long and was dropped.")
        outcome: Outcome = item.rule(self._state, item.event, item.context)
        if type(outcome) is not Outcome or outcome.done:
            _check(outcome)
        held = self._held_rows
        for thing in (*outcome.put, *outcome.drop) if outcome.drop else outcome.put:
            if thing.id not in held[type(thing)]:  # which hardly ever happens
                self._transaction.check_writable(thing)
        return outcome

    def _fail(self, item: Prepared, cause: BaseException) -> str:
        log.error(
            "%s failed: %s", item.envelope.id, item.event.spec.task, exc_info=cause, extra=about(item.envelope.id)
        )
        self._held[item.order] = [item.envelope]
        self._causes[item.order] = cause
        return "failed"

    def _fold(self, outcome: Outcome) -> None:
        """Into the state, where the batch's next event finds it, and into what is to be written."""
        for thing in outcome.drop:
            kind, id_ = type(thing), thing.id
            self._state.things[kind].pop(id_, None)
            self._changed[kind].pop(id_, None)
            self._dropped[kind, id_] = thing
        for thing in outcome.put:
            kind, id_ = type(thing), thing.id
            self._state.things[kind][id_] = thing
            self._changed[kind][id_] = None
            if self._dropped:
                self._dropped.pop((kind, id_), None)
        if outcome.done:
            self._done += outcome.done

    def _reply(self, item: Prepared, result: Any, follow: SessionUpdate | None) -> tuple[Unicast | None, bytes]:
        """The reply to an event that a client numbered; without a number, only what the gateway has to do.

        With it, encoded, what a replay is to be answered; b"" for a transient event.
        """
        seq = item.event.seq
        if not seq and follow is None:
            return None, b""
        packet = _packed(Ok(re=seq, data=result)) if seq else b""
        direct = Unicast(conn=item.envelope.conn, packet=packet, re=seq, lane=item.spec.lane, follow=follow)
        if follow is not None:
            return direct, _packed_soundly(direct)
        return direct, _packed(direct) if item.spec.durable else b""

    def _reply_at_home(self, envelope: Envelope, reply: Unicast) -> None:
        """To where the player of a replayed dead letter is now."""
        body = self._state.players.get(envelope.player)
        if body is not None:
            self._speech.direct(body.gateway, replace(reply, conn=body.conn))

    def _refuse(self, item: Prepared, code: str, message: str, *, not_now: bool = False) -> bytes:
        """Tell whoever numbered an event that it took no effect. Returns the reply, encoded as above."""
        envelope, seq = item.envelope, item.event.seq
        if not seq:
            return b""
        packet = _packed(Error(code=code, message=message, re=seq))
        direct = Unicast(conn=envelope.conn, packet=packet, re=seq, lane=item.spec.lane, refused=True, not_now=not_now)
        reply = _packed(direct) if item.spec.durable else b""
        self._speech.direct(envelope.gateway, direct)
        return reply

    def _advance(self, item: Prepared, reply: bytes) -> None:
        """Move the watermark, and keep what was answered: with a durable event, so that a replay answers the same."""
        if item.envelope.in_outbox:
            self._done.append(item.envelope.id)
            self._to_be_done -= {item.envelope.id}  # the same one may come again in this very batch
        if item.mark is None:
            return
        stored = item.mark.stored
        session, seq = item.envelope.session, item.event.seq
        if item.spec.durable and reply:
            slot = stored % self._limits.outcomes_kept
            self._stored.append(Stored(lane=item.envelope.key, session=session, slot=slot, seq=seq, direct=reply))
            stored += 1
        self._marks[session][item.spec.lane] = Watermark(seq, stored)
        self._moved[session] = item.envelope.player

    def _replay(self, item: Prepared) -> str:
        """Answer an event that was applied before: a durable one as then, a transient one with how things stand now."""
        return self._answer_as_then(item) if item.spec.durable else self._answer_as_now(item)

    def _answer_as_now(self, item: Prepared) -> str:
        """Answer with what the event's rule says of the present; where that breaks, nobody can tell."""
        try:
            outcome = _how_things_stand(item, self._state)
            reply, _ = self._reply(item, outcome.result, outcome.follow)
            words = [self._word(tell, "") for tell in outcome.notifications]
        except FAULTS:
            log.exception("%s can't be answered again", item.envelope.id, extra=about(item.envelope.id))
            return self._outcome_unknown(item)
        if reply is not None:
            self._speech.direct(item.envelope.gateway, reply)
        for say, what in words:
            say(what)
        return "repeated"

    def _answer_as_then(self, item: Prepared) -> str:
        """Answer with the reply that was kept."""
        stored = self._reply_kept(item)
        if stored is not None:
            direct = replace(_read_direct(stored), conn=item.envelope.conn)
            self._speech.direct(item.envelope.gateway, direct)
            return "repeated"
        id_ = item.envelope.id
        log.error("%s: its lane is past it, and no outcome is kept", id_, extra=about(id_))
        return self._outcome_unknown(item)

    def _outcome_unknown(self, item: Prepared) -> str:
        """Say neither that it took effect nor that it did not."""
        self._refuse(item, "outcome_unknown", "The server can't tell what became of this.")
        return "outcome_unknown"

    def _reply_kept(self, item: Prepared) -> bytes | None:
        """What was answered to an event, in this very batch or before."""
        key, seq = item.envelope.key, item.event.seq
        just_now = (stored.direct for stored in self._stored if (stored.lane, stored.seq) == (key, seq))
        kept = next(just_now, None) or self._transaction.stored(key, seq)
        return kept if kept and _is_direct(kept) else None

    def _words(self, item: Prepared, outcome: Outcome) -> list[Word]:
        """What is to be told and kept beside the reply, encoded: nothing can go wrong with it any more."""
        words: list[Word] = []
        for n, tell in enumerate(outcome.notifications):
            durable = tell.notice is not None and tell.notice.notice.durable
            # the id under which it is kept until it has arrived
            words.append(self._word(tell, f"{item.envelope.id}/{n}" if durable else ""))
        if outcome.events:
            words += [self._birth(item, event, f"{item.envelope.id}/e{n}") for n, event in enumerate(outcome.events)]
        if outcome.again:
            words += map(self._again_word, outcome.again)
        return words

    def _word(self, tell: Notification, id_: str) -> Word:
        notice: Any = tell.notice
        if tell.to:
            spec = notice.notice
            whom = spec.latest  # which field says it, where another of the same takes this one's place
            dispatch = Multicast(
                to=sound_texts(tell.to),
                packet=_packed(notice),
                unless=sound_texts(tell.unless) if tell.unless else (),
                id=id_,
                latest=f"{spec.name}/{getattr(notice, whom)}" if whom else "",
            )
            return (self._talk, (dispatch, _packed(dispatch))) if id_ else (self._speech.dispatch, dispatch)
        if tell.player and notice is not None:
            return self._mail, Waiting(id_, "mail", sound_text(tell.player), _packed(replace(notice, id=id_)))
        direct = Unicast(conn=tell.conn, packet=_packed(notice) if notice is not None else b"", follow=tell.follow)
        _packed_soundly(direct)
        return self._direct, (sound_text(tell.gateway), direct)

    def _direct(self, what: tuple[str, Unicast]) -> None:
        self._speech.direct(*what)

    def _talk(self, what: tuple[Multicast, bytes]) -> None:
        dispatch, body = what
        self._speech.dispatch(dispatch)
        self._waiting.append(Waiting(dispatch.id, "talk", "", body))
        self._published.append(dispatch.id)

    def _mail(self, waiting: Waiting) -> None:
        if waiting.id:
            self._waiting.append(waiting)
            self._state.count_mail(waiting.player)
        self._deliver(waiting.player, waiting.body, waiting.id)

    def _deliver(self, player: str, packet: bytes, id_: str) -> None:
        body = self._state.players.get(player)
        if body is not None and body.present:
            self._speech.direct(body.gateway, Unicast(conn=body.conn, packet=packet, id=id_))

    def _birth(self, item: Prepared, event: Event, id_: str) -> Word:
        """Raises ``TypeError`` or ``DecodeError`` for what no process could read."""
        if catalogue.events().get(event.spec.name) is not type(event):
            raise TypeError(f"{type(event).__name__} is not in the catalogue")
        shard_key = getattr(event, "zone", "") or item.envelope.shard_key  # of what it is about, or where it was born
        envelope = Envelope(
            id=id_, event=event, at_ms=item.context.now_ms, in_outbox=event.spec.durable, shard_key=shard_key
        )
        body = msgspec.json.encode(envelope)
        return self._bear, (_envelope_json(body), body)

    def _bear(self, what: tuple[Envelope, bytes]) -> None:
        envelope, body = what
        self._born.append(envelope)
        if envelope.in_outbox:
            self._waiting.append(Waiting(envelope.id, "event", "", body))

    def _again_word(self, waiting: Waiting) -> Word:
        read = _READ_AGAIN.get(waiting.kind)
        return self._send_again, (waiting, read(waiting.body) if read else waiting.body)

    def _send_again(self, what: tuple[Waiting, Any]) -> None:
        waiting, read = what
        self._again.append(waiting.id)
        if waiting.kind == "mail":
            self._deliver(waiting.player, read, waiting.id)
        elif waiting.kind == "talk":
            self._speech.dispatch(read)
            self._published.append(waiting.id)
        else:
            self._born.append(read)

    def _save(self) -> None:
        self._mark()
        things = self._state.things
        put = [things[kind][id_] for kind, ids in self._changed.items() for id_ in ids]
        self._transaction.save(put, list(self._dropped.values()))
        self._transaction.keep(self._stored)
        self._transaction.add_waiting(self._waiting, self._now_ms, self._now_ms + RESEND_MS)
        self._transaction.postpone_waiting(self._again, self._now_ms + RESEND_MS)
        self._transaction.remove_waiting(self._done)
        self._transaction.forget_trials(self._tried)

    def _mark(self) -> None:
        """Write the marks that moved to their players; those of a session that ended in this very batch stay gone."""
        players, changed = self._state.things[Player], self._changed[Player]
        for session, id_ in self._moved.items():
            player = players[id_]
            if player.session == session:
                players[id_] = replace(player, marks=write_watermarks(self._marks[session]))
                changed[id_] = None

    def _applied(self, event: str) -> Applied:
        held = [Held(envelopes=tuple(group), cause=self._causes[order]) for order, group in self._held.items()]
        return Applied(
            outbound=self._speech.outbound(event),
            keys=self._speech.keys(),
            born=tuple(self._born),
            published=tuple(self._published),
            held=tuple(held),
            put_off=self._put_off,
            outcomes=dict(self._outcomes),
        )


def _check(outcome: Any) -> None:
    """Check what a rule wants, before any of it is done. Raises what is wrong with it."""
    if type(outcome) is not Outcome:
        raise TypeError(f"{type(outcome).__name__} is no Outcome")
    sound_texts(outcome.done)


def _packed_soundly(direct: Unicast) -> bytes:
    """Encode it. Raises ``DecodeError`` when gateways could not read it, and with it nothing that a batch tells."""
    packed = _packed(direct)
    _read_direct(packed)
    return packed


def _is_direct(kept: bytes) -> bool:
    """Whether this version can read a stored outcome; another may have written it."""
    try:
        _read_direct(kept)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True


def _how_things_stand(item: Prepared, state: State) -> Outcome:
    """Ask the event's rule what is told to a sender whose event was applied before. Raises what is wrong with that."""
    outcome = item.rule.repeat(state, item.event, item.context) if item.rule.repeat else Outcome()
    if type(outcome) is not Outcome:
        raise TypeError(f"{type(outcome).__name__} is no Outcome")
    if outcome.result is None and item.spec.result is not None:
        raise TypeError(f"nothing says how {item.spec.task} is answered again: @rule(repeat=...)")
    if outcome != Outcome(result=outcome.result, notifications=outcome.notifications, follow=outcome.follow):
        raise TypeError(f"{item.spec.task} was applied before, and changes nothing more")
    return outcome
