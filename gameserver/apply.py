"""One batch, one transaction.

``Applier.apply`` takes a batch of envelopes and makes it true: opens what is sealed and hashes what is slow to hash,
begins, loads and locks what the rules need, leaves out what was applied before, runs the rules one after the other,
saves, and commits. What is to be told comes back as a value: the caller speaks after the commit.

An event whose rule breaks spoils nothing but itself and what follows it in its lane: these come back as ``held``.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gameserver.errors import Corrupt, NotNow, Rejected, Retryable
from gameserver.events.base import Event
from gameserver.events.envelope import Direct, Dispatch, Envelope, Follow, Outbound
from gameserver.letters import letter_of
from gameserver.limits import Limits
from gameserver.logs import about
from gameserver.prepared import Prepared, SeededDice
from gameserver.rules.outcome import Context, Needs, Outcome, Passwords, Rule, Tell, Waiting
from gameserver.rules.view import appears, looks_around
from gameserver.secrecy import Sealer
from gameserver.speech import Speech
from gameserver.store.store import Store, Stored, Transaction
from gameserver.wire.packets import Error, Ok
from gameserver.world.marks import START, Mark, read_marks, write_marks
from gameserver.world.state import Player, Thing

log = logging.getLogger(__name__)

RESEND_MS = 3_000

_packed = msgspec.msgpack.Encoder().encode
_read_direct = msgspec.msgpack.Decoder(Direct).decode
_read_dispatch = msgspec.msgpack.Decoder(Dispatch).decode
_envelope_json = msgspec.json.Decoder(Envelope).decode


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Events that could not be applied now: the first one broke, the others follow it in its lane."""

    envelopes: tuple[Envelope, ...]
    cause: BaseException


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch leaves to be done after its commit.

    ``outbound`` goes to the gateways that listen to one of ``keys``; ``born`` are new events for the queue;
    ``published``: outbox rows that are done with once ``outbound`` was published; ``held`` must be tried again.
    ``outcomes``: how many events ended how.
    """

    outbound: Outbound
    keys: tuple[str, ...]
    born: tuple[Envelope, ...]
    published: tuple[str, ...]
    held: tuple[Held, ...]
    outcomes: dict[str, int] = {}


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

    def apply(self, batch: Sequence[Envelope], *, tried: bool = False) -> Applied:
        """Apply a batch. Raises ``Retryable`` when the data tier is not ready; then nothing has happened.

        ``tried``: trials were counted for these events, and are forgotten for those that come to an end.
        """
        prepared = [self._prepare(envelope) for envelope in batch]
        with self._store.transaction() as transaction:
            work = _Work(transaction, self._limits, self._clock_ms())
            return work.run(prepared, tried=tried)

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
            work = _Work(transaction, self._limits, self._clock_ms())
            return work.bury(item, cause, attempts)

    def _prepare(self, envelope: Envelope) -> Prepared:
        item = self._item(envelope)
        if item.rule is None or item.rule.prepare or item.spec.secrets:
            self._prepare_slowly(item)
        return item

    def _prepare_slowly(self, item: Prepared) -> None:
        """Everything that is slow and needs no lock."""
        try:
            item.event = self._sealer.open(item.event)
            prepare = self._rules[item.spec.name].prepare  # type: ignore[attr-defined]
            if prepare:
                found = prepare(item.event, item.context, self._store, self._passwords)
                item.context = replace(item.context, prepared=found)
        except Rejected as refusal:
            item.refusal = refusal
        except Retryable:
            raise  # the data tier is not ready: nobody's failure, and the whole batch waits
        except Exception as error:  # whatever else a rule's preparation raises is this event's own failure
            item.failure = error

    def _item(self, envelope: Envelope) -> Prepared:
        event = envelope.event
        spec = event.spec
        context = Context(
            envelope.id,
            envelope.at_ms,
            SeededDice(self._seed, envelope.id),  # the id makes a replay fall alike
            envelope.player,
            envelope.session,
            envelope.conn,
            envelope.gateway,
            envelope.token,
        )
        marked = spec.numbered and event.seq > 0
        return Prepared(envelope, event, spec, context, self._rules.get(spec.name), marked)


class _Work:
    """One batch within its transaction."""

    def __init__(self, transaction: Transaction, limits: Limits, now_ms: int) -> None:
        self._transaction = transaction
        self._limits = limits
        self._now_ms = now_ms
        self._changed: defaultdict[type[Thing], dict[str, None]] = defaultdict(dict)  # ids of what the state holds
        self._dropped: dict[tuple[type[Thing], str], Thing] = {}
        self._marks: dict[str, dict[str, Mark]] = {}
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
        self._outcomes: Counter[str] = Counter()

    def run(self, batch: Sequence[Prepared], *, tried: bool) -> Applied:
        asking = [item for item in batch if item.rule and item.rule.needs and item.sound]
        self._begin(batch, [item.rule.needs(item.event, item.context) for item in asking])
        for item in batch:
            self._outcomes[self._take(item)] += 1
        self._speech.heard_by(item.envelope.gateway for item in batch)
        if tried:
            self._tried += [item.envelope.id for item in batch if item.order not in self._held]
        self._save()
        return self._applied(batch[0].event.spec.name)

    def bury(self, item: Prepared, cause: BaseException, attempts: int) -> Applied:
        self._begin([item], [])
        self._tried.append(item.envelope.id)
        if self._fresh(item):
            self._transaction.add_dead(letter_of(item.envelope, cause, attempts, self._now_ms))
            sentence = "This could not be done. It was kept, and a game master will look at it."
            self._advance(item, self._refuse(item, "dead_lettered", sentence))
            self._outcomes["dead_lettered"] += 1
        self._save()
        return self._applied(item.event.spec.name)

    def _begin(self, batch: Sequence[Prepared], needs: list[Needs]) -> None:
        """Lock and load: a second run of the same event waits here for the first, and then sees it done."""
        self._to_be_done = self._transaction.waiting([item.envelope.id for item in batch if item.envelope.kept])
        actors = Needs(players=tuple({item.envelope.player for item in batch if item.envelope.player}))
        self._state = self._transaction.load([actors, *needs])

    def _stands(self, item: Prepared) -> Mark | None:
        """Where its lane stands; None when its session is over. Raises ``Corrupt`` when nobody can read that."""
        envelope = item.envelope
        player = self._state.players.get(envelope.player)
        if player is None or not envelope.session or player.session != envelope.session:
            return None
        lanes = self._marks.get(envelope.session)
        if lanes is None:
            lanes = self._marks[envelope.session] = read_marks(player.marks)
        return lanes.get(item.spec.lane, START)

    def _fresh(self, item: Prepared) -> bool:
        """Whether it was not applied before, nor given up, as far as can be told."""
        if item.envelope.kept:
            return item.envelope.id in self._to_be_done
        if not item.marked:
            return True
        try:
            item.mark = self._stands(item)
        except Corrupt:
            return True  # given up because of that, most likely
        return item.mark is not None and item.event.seq > item.mark.seq

    def _take(self, item: Prepared) -> str:
        """One event: held behind a failed one, answered as seen or over, or played. Returns how it ended."""
        if self._held and item.order in self._held:
            self._held[item.order].append(item.envelope)
            return "held"
        if item.failure is not None:
            return self._fail(item, item.failure)
        if item.envelope.kept and item.envelope.id not in self._to_be_done:
            log.info("%s was applied before", item.envelope.id, extra=about(item.envelope.id))
            return "repeated"
        if item.marked:
            try:
                item.mark = self._stands(item)
            except Corrupt as unreadable:
                return self._fail(item, unreadable)
            if item.mark is None:
                self._refuse(item, "session_over", "This session is over.")
                return "session_over"
            if item.event.seq <= item.mark.seq:
                self._replay(item)
                return "repeated"
        return self._play(item)

    def _play(self, item: Prepared) -> str:
        try:
            outcome = self._rule(item)
        except Rejected as refusal:
            not_now = isinstance(refusal, NotNow)
            reply = self._refuse(item, refusal.code, refusal.message, not_now=not_now)
            if not not_now:
                self._advance(item, reply)
            return refusal.code
        except Exception as error:  # a broken rule must not take its neighbours along
            return self._fail(item, error)
        self._fold(outcome)
        reply = self._answer(item, outcome.result, outcome.follow)
        self._advance(item, reply)
        self._tell(item, outcome)
        return "ok"

    def _rule(self, item: Prepared) -> Outcome:
        if item.refusal is not None:
            raise item.refusal
        stale_ms = item.spec.stale_after_s * 1000
        if stale_ms and self._now_ms - item.envelope.at_ms > stale_ms:
            raise Rejected("stale", "This took too long and was dropped.")
        outcome: Outcome = item.rule(self._state, item.event, item.context)
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

    def _answer(self, item: Prepared, data: Any, follow: Follow | None) -> Direct | None:
        """The reply to an event that a client numbered; without a number, only what the gateway has to do."""
        envelope, seq = item.envelope, item.event.seq
        if not seq and follow is None:
            return None
        packet = _packed(Ok(re=seq, data=data)) if seq else b""
        gateway, conn = self._whereto(envelope)
        direct = Direct(conn=conn, packet=packet, re=seq, lane=item.spec.lane, follow=follow)
        self._speech.direct(gateway, direct)
        return direct

    def _whereto(self, envelope: Envelope) -> tuple[str, str]:
        """Gateway and connection that an event came from; of a replayed one those at which its player is now."""
        body = self._state.players.get(envelope.player) if envelope.kept else None
        return (body.gateway, body.conn) if body is not None else (envelope.gateway, envelope.conn)

    def _refuse(self, item: Prepared, code: str, message: str, *, not_now: bool = False) -> Direct | None:
        """The reply to an event that took no effect, to whoever numbered it."""
        envelope, seq = item.envelope, item.event.seq
        if not seq:
            return None
        packet = _packed(Error(code=code, message=message, re=seq))
        direct = Direct(conn=envelope.conn, packet=packet, re=seq, lane=item.spec.lane, refused=True, not_now=not_now)
        self._speech.direct(envelope.gateway, direct)
        return direct

    def _advance(self, item: Prepared, reply: Direct | None) -> None:
        """Move the watermark, and keep what was answered: with a durable event, so that a replay answers the same."""
        if item.envelope.kept:
            self._done.append(item.envelope.id)
            self._to_be_done -= {item.envelope.id}  # the same one may come again in this very batch
        if item.mark is None:
            return
        stored = item.mark.stored
        session, seq = item.envelope.session, item.event.seq
        if item.spec.durable and reply is not None:
            slot = stored % self._limits.outcomes_kept
            self._stored.append(
                Stored(lane=item.envelope.key, session=session, slot=slot, seq=seq, direct=_packed(reply))
            )
            stored += 1
        self._marks[session][item.spec.lane] = Mark(seq, stored)
        self._moved[session] = item.envelope.player

    def _replay(self, item: Prepared) -> None:
        """Answer an event that was applied before: as then, or (transient, or long ago) with how things stand now."""
        stored = self._reply_kept(item) if item.event.spec.durable else None
        if stored is not None:
            direct = replace(_read_direct(stored), conn=item.envelope.conn)
            self._speech.direct(item.envelope.gateway, direct)
            return
        player = self._state.players.get(item.envelope.player)
        data = present_state(item.event, player)
        follow = looks_around(player) if player is not None else None
        self._answer(item, data, follow)
        if player is not None and player.present and not player.dead_until_ms:
            self._dispatch(appears(player), "")

    def _reply_kept(self, item: Prepared) -> bytes | None:
        """What was answered to an event, in this very batch or before."""
        key, seq = item.envelope.key, item.event.seq
        just_now = (stored.direct for stored in self._stored if (stored.lane, stored.seq) == (key, seq))
        return next(just_now, None) or self._transaction.stored(key, seq)

    def _tell(self, item: Prepared, outcome: Outcome) -> None:
        for n, tell in enumerate(outcome.tells):
            durable = tell.notice is not None and tell.notice.notice.durable
            id_ = f"{item.envelope.id}/{n}" if durable else ""  # under which it is kept until it has arrived
            if tell.to:
                self._dispatch(tell, id_)
            elif tell.player and tell.notice is not None:
                self._mail(tell, id_)
            else:
                packet = _packed(tell.notice) if tell.notice is not None else b""
                self._speech.direct(tell.gateway, Direct(conn=tell.conn, packet=packet, follow=tell.follow))
        for n, event in enumerate(outcome.events):
            self._bear(item, event, f"{item.envelope.id}/e{n}")
        for waiting in outcome.again:
            self._send_again(waiting)

    def _dispatch(self, tell: Tell, id_: str) -> None:
        notice: Any = tell.notice
        whom = notice.notice.latest  # which field says it, where another of the same takes this one's place
        latest = f"{notice.notice.name}/{getattr(notice, whom)}" if whom else ""
        dispatch = Dispatch(to=tell.to, packet=_packed(notice), unless=tell.unless, id=id_, latest=latest)
        self._speech.dispatch(dispatch)
        if id_:
            self._waiting.append(Waiting(id_, "talk", "", _packed(dispatch)))
            self._published.append(id_)

    def _mail(self, tell: Tell, id_: str) -> None:
        assert tell.notice is not None  # noqa: S101 - the caller looked
        packet = _packed(replace(tell.notice, id=id_))
        if id_:
            self._waiting.append(Waiting(id_, "mail", tell.player, packet))
        self._deliver(tell.player, packet, id_)

    def _deliver(self, player: str, packet: bytes, id_: str) -> None:
        body = self._state.players.get(player)
        if body is not None and body.present:
            self._speech.direct(body.gateway, Direct(conn=body.conn, packet=packet, id=id_))

    def _bear(self, item: Prepared, event: Event, id_: str) -> None:
        place = getattr(event, "zone", "") or item.envelope.place  # of what it is about, or where it was born
        envelope = Envelope(id=id_, event=event, at_ms=item.envelope.at_ms, kept=event.spec.durable, place=place)
        self._born.append(envelope)
        if envelope.kept:
            self._waiting.append(Waiting(id_, "event", "", msgspec.json.encode(envelope)))

    def _send_again(self, waiting: Waiting) -> None:
        self._again.append(waiting.id)
        if waiting.kind == "mail":
            self._deliver(waiting.player, waiting.body, waiting.id)
        elif waiting.kind == "talk":
            self._speech.dispatch(_read_dispatch(waiting.body))
            self._published.append(waiting.id)
        else:
            self._born.append(_envelope_json(waiting.body))

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
                players[id_] = replace(player, marks=write_marks(self._marks[session]))
                changed[id_] = None

    def _applied(self, event: str) -> Applied:
        held = [Held(envelopes=tuple(group), cause=self._causes[order]) for order, group in self._held.items()]
        return Applied(
            outbound=self._speech.outbound(event),
            keys=self._speech.keys(),
            born=tuple(self._born),
            published=tuple(self._published),
            held=tuple(held),
            outcomes=dict(self._outcomes),
        )


def present_state(event: Event, player: Player | None) -> dict[str, Any] | None:
    """How things stand now, in the shape of a transient event's result as far as the player's row can tell.

    A durable one's result is what it did then, which nobody can tell any more.
    """
    if player is None or event.spec.result is None or event.spec.durable:
        return None
    return {name: getattr(player, name) for name in event.spec.result.__struct_fields__ if hasattr(player, name)}
