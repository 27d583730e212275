"""Guarantees, each switched off by itself, with the seed that finds it out: what the adversary is held to.

``finds``: words of the contradiction that must be among those found.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import pytest
from celery.exceptions import Reject
from msgspec.structs import replace

from gameserver.declare.conserved import quantities
from gameserver.declare.entity import Entity
from gameserver.declare.hooks import hooks
from gameserver.messages.envelope import Envelope
from gameserver.modules.combat import blows, effects, growth, wounds
from gameserver.modules.instances.entities import Instance
from gameserver.modules.instances.rules import _instance_of
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import Moved
from gameserver.modules.movement.entities import Body
from gameserver.modules.quests import progress
from gameserver.modules.quests.entities import Journal
from gameserver.processing import merging
from gameserver.processing.batch_transaction import BatchTransaction
from gameserver.processing.encoding import encode_reply
from gameserver.rules.book import rules
from gameserver.rules.hooked import HookedRule
from gameserver.rules.outcome import Outcome, State
from gameserver.rules.watermarks import Watermark, read_watermarks
from gameserver.store.locked_rows import Claims
from gameserver.store.store import Trial
from gameserver.wire.server import ServerConnection
from gateway.connections.lanes import Lane, given_up_after_s
from gateway.ingress.availability import FamilyAvailability
from gateway.ingress.in_flight import Batch
from gateway.ingress.recovery import Recovery
from gateway.ingress.roll_call import RollCall
from tasks.processor import BatchProcessor
from tests.simulation.memory_store import MemoryStore, MemoryTransaction
from tests.simulation.story import Chances

Off = Callable[[pytest.MonkeyPatch], None]


class Sabotage(NamedTuple):
    """``guarantee``: what is switched off. ``story``: what the seed's story is about where few of all are."""

    guarantee: str
    off: Off
    seed: int
    finds: str
    story: dict[str, Any] = {}


CRASHING: dict[str, Any] = {
    "moves": frozenset({"family_away", "kill_worker"}),
    "chances": Chances(crash=0.5, ack_lost=0.3, switch=0.1, move=0.05),
    "actions": 40,
    "poisons": (),
}
# Stories in which what matters happens often.
SEEN: dict[str, Any] = {
    "moves": frozenset(),
    "chances": Chances(switch=0.3, poison=0.3),
    "actions": 30,
    "poisons": ("stranger",),
    "one_writer": False,
}
NEWER: dict[str, Any] = {"moves": frozenset({"foreign_field"}), "chances": Chances(move=0.08), "poisons": ()}
LOCKED: dict[str, Any] = {
    "moves": frozenset({"foreign_lock"}),
    "chances": Chances(ack_lost=0.5, switch=0.05, move=0.03),
    "wants": "attack",
    "poisons": (),
    "one_writer": False,
    "republish_after_s": 45.0,
    "actions": 14,
    "steps": 200,
}
VISITED: dict[str, Any] = {
    "moves": frozenset({"visitor", "visitor_leaves", "restart_broker", "cut", "mend"}),
    "chances": Chances(move=0.2, delayed=0.3),
    "actions": 20,
    "steps": 400,
    "poisons": (),
}
WALKING: dict[str, Any] = {"actions": 20, "steps": 200, "poisons": (), "wants": "move"}
SKEWED = {**WALKING, "moves": frozenset({"skew", "time_passes", "hang_up"}), "chances": Chances(move=0.06)}
RESUMED: dict[str, Any] = {
    "moves": frozenset({"skew", "kill_gateway", "family_away", "kill_worker", "hang_up", "time_passes"}),
    "chances": Chances(move=0.15, delayed=0.1, crash=0.2, ack_lost=0.2),
    "actions": 20,
    "steps": 400,
    "poisons": (),
}
DEAF = {**WALKING, "moves": frozenset({"cut", "mend", "time_passes"}), "chances": Chances(move=0.05)}
HUNTING: dict[str, Any] = {
    "moves": frozenset({"time_passes"}),
    "chances": Chances(ack_lost=0.5, publish_lost=0.1, delayed=0.3),
    "wants": "attack",
    "actions": 30,
    "steps": 300,
    "poisons": (),
}
REVOKED: dict[str, Any] = {
    "moves": frozenset({"revoke", "time_passes"}),
    "chances": Chances(move=0.05),
    "actions": 14,
    "steps": 150,
    "poisons": (),
    "republish_after_s": 45.0,
}

ECONOMY: dict[str, Any] = {
    "economy": True,
    "chances": Chances(crash=0.1, ack_lost=0.1, switch=0.1, move=0.02),
    "actions": 30,
    "poisons": (),
}
ADVENTURES: dict[str, Any] = {**ECONOMY, "adventures": True, "actions": 60, "steps": 300}

TRAVELLING: dict[str, Any] = {**ECONOMY, "travels": True}
FIGHTING: dict[str, Any] = {
    "fights": True,
    "chances": Chances(crash=0.1, ack_lost=0.1, switch=0.1, move=0.02),
    "actions": 80,
    "steps": 300,
    "poisons": (),
}
GROUPED: dict[str, Any] = {**TRAVELLING, "moves": frozenset(), "actions": 60, "steps": 300, "adventures": True}
# Much is under way at once when an instance ends, and some of its visitors are not in the world.
RETURNING: dict[str, Any] = {
    **TRAVELLING,
    "moves": frozenset({"hang_up", "kill_gateway", "time_passes"}),
    "chances": Chances(switch=0.5, delayed=0.2, move=0.1),
    "adventures": False,
    "actions": 40,
    "steps": 200,
    "one_writer": False,
}
DYING: dict[str, Any] = {**TRAVELLING, "chances": Chances(crash=0.5, switch=0.2, move=0.02)}


def no_watermarks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "gameserver.processing.exactly_once.read_watermarks",
        lambda text: {lane: Watermark(-1, mark.stored) for lane, mark in read_watermarks(text).items()},
    )


def no_outbox(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "add_waiting", lambda self, rows, now_ms, due_ms: None)


def no_lanes(patch: pytest.MonkeyPatch) -> None:
    real = Lane.next

    def next_(self: Lane, now_s: float) -> object:
        flying, self._flight = self._flight, {}
        group = real(self, now_s)
        self._flight = {**flying, **self._flight}
        return group

    patch.setattr(Lane, "next", next_)


def no_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryTransaction, "_lock", lambda self, table, key: None)


def halves_of_lanes(patch: pytest.MonkeyPatch) -> None:
    def halves(batch: Sequence[Envelope]) -> tuple[Sequence[Envelope], Sequence[Envelope]]:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]

    patch.setattr("tasks.batches.suspects.halves_by_lanes", halves)


def exceptions_pass(patch: pytest.MonkeyPatch) -> None:
    """What nobody handled ends in the broker's dead messages instead of the queue."""
    patch.setattr("tasks.batches.database_wait.Patience.or_give_back", lambda self, work, turn: work())


def doubt_is_refused(patch: pytest.MonkeyPatch) -> None:
    """What a queue refuses is refused, though another copy may be in it."""
    patch.setattr(Lane, "not_in_queue", lambda self, seqs: bool(self._flight))


def resent_is_new(patch: pytest.MonkeyPatch) -> None:
    """What was sent on an earlier connection is refused like anything new."""
    real: Any = ServerConnection.entered

    def entered(self: Any, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        self.sent_before_to = 0

    patch.setattr(ServerConnection, "entered", entered)


def unread_rows_raise(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gameserver.processing.batch_transaction.sort_out", lambda due: (due, {}))


def no_ears(patch: pytest.MonkeyPatch) -> None:
    """Who is silent is dead, whoever else was heard."""
    patch.setattr("gameserver.modules.sessions.rules._was_calm", lambda state, now_ms: True)


def any_tick(patch: pytest.MonkeyPatch) -> None:
    """A tick has the number that its beat gave it, by whatever clock."""
    patch.setattr("gameserver.modules.world.rules._number", lambda n, now_ms: n)
    patch.setattr("gameserver.modules.world.rules.TOLERANCE_TICKS", 10**9)


def copies_under_one_id(patch: pytest.MonkeyPatch) -> None:
    """What is published again is the same task: revoked once, it is revoked for ever."""
    patch.setattr("gateway.ingress.publisher.Publisher._copy", lambda self, first: 0)


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


def trials_come_first(patch: pytest.MonkeyPatch) -> None:
    """A trial is counted before its event has what it needs, and stays counted when who tries it gives way."""
    real = MemoryTransaction.begin

    def begin(self: MemoryTransaction, trial: Trial | None = None) -> None:
        real(self, trial)
        if trial is not None:
            self.begin_trial(trial)

    patch.setattr(MemoryTransaction, "begin", begin)
    patch.setattr(MemoryStore, "_take_back", lambda self, trial: None)


def anything_is_written(patch: pytest.MonkeyPatch) -> None:
    """What a rule has read without a lock is written."""
    patch.setattr(Claims, "check", lambda self, thing: None)


def unknown_is_dead(patch: pytest.MonkeyPatch) -> None:
    """What this version can't read is no message for any."""

    def set_apart(self: BatchProcessor, found: Any, whence: Any, turn: Any) -> None:
        raise Reject("nothing that can be read", requeue=False)

    patch.setattr(BatchProcessor, "_set_apart", set_apart)


def no_roll_call(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RollCall, "counted", lambda self, held, playing: None)


def any_time(patch: pytest.MonkeyPatch) -> None:
    """Gateways go by their machines' clocks, an event happened when they say, and who acted in the future waits."""
    patch.setattr("gameserver.server_time.ServerClock.now_ms", lambda self: int(self._wall_ms()))
    patch.setattr("gameserver.processing.applier._happens_ms", lambda envelope, now_ms: envelope.at_ms)
    for module in ("movement", "combat"):
        patch.setattr(f"gameserver.modules.{module}.rules.awaited", lambda due_ms, now_ms, most_ms: now_ms < due_ms)


def anything_goes_stale(patch: pytest.MonkeyPatch) -> None:
    """A gateway gives up whatever nobody answers in time, though it may still take effect."""

    def is_given_up(self: Recovery, envelope: Envelope) -> bool:
        spec = envelope.event.spec
        age_s = (self._now_ms() - envelope.at_ms) / 1000
        return spec.stale_after_s > 0 and age_s > given_up_after_s(spec)

    patch.setattr(Recovery, "_is_given_up", is_given_up)


def no_probes(patch: pytest.MonkeyPatch) -> None:
    """One batch that nobody answers condemns its family."""

    def falls(self: FamilyAvailability, family: str, batches: list[Batch], now_s: float) -> bool:
        return family not in self._down and bool(batches) and now_s - batches[0].published_s > self._unavailable_s

    patch.setattr(FamilyAvailability, "_falls", falls)
    patch.setattr(FamilyAvailability, "_asks", lambda self, batches, now_s: False)


def any_resume(patch: pytest.MonkeyPatch) -> None:
    """The last one that comes counts, by no clock and no count."""
    patch.setattr("gameserver.modules.sessions.rules._resumed_later", lambda state, session, event, context: False)


def merges_lose(patch: pytest.MonkeyPatch) -> None:
    """Of two gifts that are told as one the earlier one's coins are left out."""
    real = merging.merge

    def merge(earlier: Any, later: Any) -> Any:
        merged = real(earlier, later)
        return merged and replace(merged, coins=later.coins)

    patch.setattr(merging, "merge", merge)


def told_is_merged(patch: pytest.MonkeyPatch) -> None:
    """Gifts are added to what its receiver has perhaps read, under the id by which that is acknowledged."""
    real = MemoryTransaction._mail

    def mail(self: MemoryTransaction, state: State, wanted: Any) -> None:
        real(self, state, wanted)
        waiting = [row for row, _, _ in self._all("outbox") if row.kind == "mail"]
        state.untold = {id_: tuple(row for row in waiting if row.player == id_) for id_ in wanted.mail_counts}

    patch.setattr(MemoryTransaction, "_mail", mail)


def _instead(patch: pytest.MonkeyPatch, name: str, spoil: Callable[[Any], Outcome]) -> None:
    """Another rule answers an event."""
    real: Any = rules()[name]

    @wraps(real)
    def rule(state: Any, event: Any, context: Any) -> Outcome:
        return spoil(real(state, event, context))

    patch.setitem(rules(), name, rule)


def gifts_are_kept(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets to take from the giver what the receiver gets."""
    _instead(patch, "give", lambda outcome: replace(outcome, put=outcome.put[1:]))


def gifts_are_lost(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets the receiver."""
    _instead(patch, "give", lambda outcome: replace(outcome, put=outcome.put[:1]))


def no_sources(patch: pytest.MonkeyPatch) -> None:
    """Nobody says that entrances make coins."""
    found = tuple(replace(made, sources=()) for made in quantities())
    patch.setattr("gameserver.testing.conservation.quantities", lambda: found)


def two_transactions(patch: pytest.MonkeyPatch) -> None:
    """Part of what a batch did is committed before the rest."""
    real = MemoryTransaction.save

    def save(self: MemoryTransaction, put: Sequence[Entity], drop: Sequence[Entity]) -> None:
        for thing in put[:1]:
            if thing.id in self._store.things[type(thing)]:
                self._store.things[type(thing)][thing.id] = thing
        self._store.scheduler.point("between two transactions")
        real(self, put, drop)

    patch.setattr(MemoryTransaction, "save", save)


def rows_are_never_done(patch: pytest.MonkeyPatch) -> None:
    """An event that stood in the outbox is applied as often as it comes."""
    patch.setattr("gameserver.processing.exactly_once.ExactlyOnce.is_done", lambda self, id_: False)


def exchanges_copy(patch: pytest.MonkeyPatch) -> None:
    """Who trades gets a thing, and the other one keeps it."""

    def copies(there: Any, coming: Any, holder: str, most: int = 0) -> Moved:
        return Moved(tuple(replace(item, id=f"{item.id}'", holder=holder) for item in coming))

    patch.setattr("gameserver.modules.barter.rules.received", copies)


def exchanges_are_halved(patch: pytest.MonkeyPatch) -> None:
    """The rule forgets one of the two purses."""
    _instead(patch, "accept", lambda outcome: replace(outcome, put=outcome.put[1:]) if outcome.result.done else outcome)


def letters_stay(patch: pytest.MonkeyPatch) -> None:
    """A letter that was opened may be opened again."""
    _instead(patch, "openletter", lambda outcome: replace(outcome, drop=()))


def the_outbid_lose(patch: pytest.MonkeyPatch) -> None:
    """Nobody is owed a bid that was topped."""
    patch.setattr("gameserver.modules.market.rules.topped", lambda lot, id_: ())


def lots_forget(patch: pytest.MonkeyPatch) -> None:
    """What was bought stays for sale."""
    _instead(patch, "buy", lambda outcome: replace(outcome, drop=()))


def crafting_is_free(patch: pytest.MonkeyPatch) -> None:
    """A recipe uses nothing up."""
    patch.setattr("gameserver.modules.crafting.rules.used_up", lambda carried, recipe: Moved())


def drops_stay_in_hand(patch: pytest.MonkeyPatch) -> None:
    """What is put down lies there, and is carried all the same."""
    _instead(patch, "drop", lambda outcome: replace(outcome, put=(*outcome.put, *map(_again, outcome.put))))


def _again(thing: Any) -> Any:
    return Item(id=f"{thing.id}'", kind=thing.kind, count=thing.count, holder="player0")


def quests_stay(patch: pytest.MonkeyPatch) -> None:
    """A quest that was paid is under way as before."""
    _instead(
        patch,
        "turnin",
        lambda outcome: replace(outcome, put=tuple(thing for thing in outcome.put if not isinstance(thing, Journal))),
    )


def quests_take_nothing(patch: pytest.MonkeyPatch) -> None:
    """What a quest asks for is kept."""
    patch.setattr("gameserver.modules.quests.rules.all_taken", lambda carried, kinds: Moved())


def every_hour_is_another_day(patch: pytest.MonkeyPatch) -> None:
    """A daily quest can be done whenever it was done."""
    real = progress.is_over
    for module in ("progress", "rules"):
        patch.setattr(
            f"gameserver.modules.quests.{module}.is_over",
            lambda journal, quest, now_ms: not quest.daily and real(journal, quest, now_ms),
        )


def who_leaves_stays(patch: pytest.MonkeyPatch) -> None:
    """Who leaves a group is still known as a member of it."""
    _instead(patch, "leavegroup", lambda outcome: replace(outcome, drop=()))


def visitors_stay(patch: pytest.MonkeyPatch) -> None:
    """An instance ends, and who was in it stands there."""
    _instead(patch, "dissolve", lambda outcome: replace(outcome, put=_but(Body, outcome.put)))


def what_lies_is_lost(patch: pytest.MonkeyPatch) -> None:
    """What lay in an instance goes with it."""

    def loses(outcome: Outcome) -> Outcome:
        rest = _but(Item, outcome.put)
        return replace(outcome, put=rest, drop=(*outcome.drop, *(one for one in outcome.put if one not in rest)))

    _instead(patch, "dissolve", loses)


def the_tamed_stay_wild(patch: pytest.MonkeyPatch) -> None:
    """A creature that was tamed is in its lair all the same, for the next one who tames it."""
    _instead(patch, "tame", lambda outcome: replace(outcome, put=outcome.put[1:]) if outcome.result.done else outcome)


def the_tamed_are_two(patch: pytest.MonkeyPatch) -> None:
    """Who tames a creature has it twice."""

    def twice(outcome: Outcome) -> Outcome:
        second = [replace(one, id=f"{one.owner}.companion.2") for one in outcome.put if getattr(one, "owner", "")]
        return replace(outcome, put=(*outcome.put, *second))

    _instead(patch, "tame", twice)


def the_released_stay(patch: pytest.MonkeyPatch) -> None:
    """Who is let go is told to be gone, and is there."""
    _instead(patch, "release", lambda outcome: replace(outcome, drop=()))


def _share(patch: pytest.MonkeyPatch, spoil: Callable[[dict[str, int], int], dict[str, int]]) -> None:
    """Experience is shared in another way."""
    real = wounds.shared
    patch.setattr("gameserver.modules.combat.blows.shared", lambda text, xp, last: spoil(real(text, xp, last), xp))


def everyone_gets_all(patch: pytest.MonkeyPatch) -> None:
    """Each who took part gains what the creature is worth, and one alone gains it twice."""
    _share(patch, lambda shares, xp: dict.fromkeys(shares, xp if len(shares) > 1 else 2 * xp))


def bystanders_gain(patch: pytest.MonkeyPatch) -> None:
    """All experience is for one player, who may not have been there."""
    _share(patch, lambda shares, xp: {"player0": xp})


def rewards_pay_double(patch: pytest.MonkeyPatch) -> None:
    """Who is rewarded gains twice of what the reward says."""
    real = growth.grown
    patch.setattr("gameserver.modules.combat.rules.grown", lambda before, xp: real(before, 2 * xp))


def death_is_free(patch: pytest.MonkeyPatch) -> None:
    """Who dies keeps all experience."""
    patch.setattr("gameserver.modules.combat.rules.left_after_death", lambda xp: xp)


def nobody_falls(patch: pytest.MonkeyPatch) -> None:
    """Who dies is dead, and no event is born of it."""
    real = blows.wound_player

    def wounded(*given: Any) -> Any:
        return real(*given)._replace(events=())

    for module in ("blows", "zone_tick"):
        patch.setattr(f"gameserver.modules.combat.{module}.wound_player", wounded)


def death_costs_levels(patch: pytest.MonkeyPatch) -> None:
    """Death costs the same whatever one has."""
    patch.setattr("gameserver.modules.combat.rules.left_after_death", lambda xp: xp - 10)


def duels_kill(patch: pytest.MonkeyPatch) -> None:
    """A rival's blow is a blow."""
    real = blows.strike_player
    patch.setattr("gameserver.modules.combat.rules.strike_player", lambda *given, spares: real(*given))


def every_tick_pulses(patch: pytest.MonkeyPatch) -> None:
    """Effects act on each tick, doubled ones too, whenever they are due."""
    patch.setattr("gameserver.modules.combat.effects.awaited", lambda due_ms, now_ms, most_ms: False)


def pulses_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """An effect that has acted has as many pulses left as before."""
    real = effects.pulsed
    patch.setattr("gameserver.modules.combat.zone_tick.pulsed", lambda text, now_ms: (text, real(text, now_ms)[1]))


def _but(kind: type[Entity], things: Sequence[Entity]) -> tuple[Entity, ...]:
    return tuple(thing for thing in things if not isinstance(thing, kind))


def closing_is_open(patch: pytest.MonkeyPatch) -> None:
    """Who comes to the gate enters an instance that is about to end."""

    def found(state: State, owner: str, template: str) -> Instance | None:
        return next((one for _, one in sorted(state.of(Instance).items()) if one.owner == owner), None)

    patch.setattr("gameserver.modules.instances.rules._instance_of", found)


def each_opens_one(patch: pytest.MonkeyPatch) -> None:
    """A member of a group in whose instance another one is opens one more."""
    real = _instance_of

    def found(state: State, owner: str, template: str) -> Instance | None:
        theirs = real(state, owner, template)
        return theirs if theirs and not theirs.came_from else None

    patch.setattr("gameserver.modules.instances.rules._instance_of", found)


def what_is_over_stirs(patch: pytest.MonkeyPatch) -> None:
    """A late tick brings an instance to life that has ended."""
    real: Any = rules()["stir"]
    stirs = HookedRule(real._rule, [hook for hook in hooks()["world.stir"] if hook.when == "after"])
    patch.setitem(rules(), "stir", stirs)


SABOTAGES = (
    Sabotage("a watermark for each lane", no_watermarks, 3, "doubled"),
    Sabotage("the outbox", no_outbox, 5, "heard of 0 times"),
    Sabotage("one task of a lane under way", no_lanes, 0, "outcome_unknown"),
    Sabotage("rows are locked", no_locks, 11, "wrong sum"),
    Sabotage("no lane is split", halves_of_lanes, 54, "outcome_unknown", CRASHING),
    Sabotage("nothing of ours goes to the dead messages", exceptions_pass, 173, "went to the dead messages"),
    Sabotage("what is in doubt is not refused", doubt_is_refused, 42, "told no and done"),
    Sabotage("what was sent before is in doubt", resent_is_new, 42, "told no and done"),
    Sabotage("rows that nobody can read wait", unread_rows_raise, 6, "became a dead letter"),
    Sabotage("when nobody was heard it is the ears", no_ears, 347, "a living gateway"),
    Sabotage("ticks are numbered by server time", any_tick, 44, "the world stands still"),
    Sabotage("what is published again is another task", copies_under_one_id, 70, "unanswered"),
    Sabotage("a replay without an outcome is no success", unknown_is_ok, 0, "told yes and not done"),
    Sabotage("a trial begins when its event has what it needs", trials_come_first, 1, "became a dead letter", LOCKED),
    Sabotage("only what was locked is written", anything_is_written, 0, "told yes and not done", SEEN),
    Sabotage("what this version can't read goes round", unknown_is_dead, 0, "went to the dead messages", NEWER),
    Sabotage("gateways are told whom they are thought to hold", no_roll_call, 10, "is a ghost", VISITED),
    Sabotage("nobody's clock is believed blindly", any_time, 7, "too_fast", SKEWED),
    Sabotage("a gateway gives up only what has no effect", anything_goes_stale, 16, "told no and done", DEAF),
    Sabotage("an older resume that comes late is known", any_resume, 1, "session lost", RESUMED),
    Sabotage("one lost batch condemns no family", no_probes, 29, "condemned its family", REVOKED),
    Sabotage("what is told as one is the sum", merges_lose, 0, "heard of 0 times"),
    Sabotage("nothing is merged into what was told", told_is_merged, 0, "heard of 0 times"),
    Sabotage("what is given is taken from who gives it", gifts_are_kept, 0, "trade.give made"),
    Sabotage("what is given arrives", gifts_are_lost, 0, "trade.give destroyed"),
    Sabotage("what makes coins is declared", no_sources, 0, "sessions.register made 100 of coins"),
    Sabotage("an effect is one transaction", two_transactions, 24, "and what events did makes"),
    Sabotage("what is exchanged leaves its owner", exchanges_copy, 4, "barter.accept made", ECONOMY),
    Sabotage("an exchange has two ends", exchanges_are_halved, 4, "of coins", ECONOMY),
    Sabotage("a letter is opened once", letters_stay, 1, "is not in mail:", ECONOMY),
    Sabotage("who is outbid is paid back", the_outbid_lose, 0, "market.bid destroyed", ECONOMY),
    Sabotage("what is sold is for sale no more", lots_forget, 5, "is not in lot:", ECONOMY),
    Sabotage("what is made is made of something", crafting_is_free, 0, "no rate of its data file", ECONOMY),
    Sabotage("what lies is carried no more", drops_stay_in_hand, 0, "items.drop", ECONOMY),
    Sabotage("a quest is paid once", quests_stay, 1, "quests were paid", ADVENTURES),
    Sabotage("a quest takes what it asks for", quests_take_nothing, 1, "no rate of its data file", ADVENTURES),
    Sabotage("a daily quest is paid once a day", every_hour_is_another_day, 8, "times in 1 days", ADVENTURES),
    Sabotage("who leaves a group is out of it", who_leaves_stays, 5, "for the one and not", ADVENTURES),
    Sabotage("a quest is paid in one transaction", two_transactions, 33, "and what events did makes", ADVENTURES),
    Sabotage("a trade is one transaction", two_transactions, 58, "and what events did makes", ECONOMY),
    Sabotage("a trade is done once", no_watermarks, 4, "doubled", ECONOMY),
    Sabotage("a row of the outbox is dealt with once", rows_are_never_done, 0, "/e0 took effect 2 times", HUNTING),
    Sabotage("who is in an instance that ends is put back", visitors_stay, 13, "which is no zone", TRAVELLING),
    Sabotage("what lies in one lies at its gate", what_lies_is_lost, 32, "instances.dissolve destroyed", TRAVELLING),
    Sabotage("an instance that closes takes nobody in", closing_is_open, 13, "which is no zone", RETURNING),
    Sabotage("a group has one instance", each_opens_one, 1, "has two instances of den", GROUPED),
    Sabotage("nothing stirs in what is over", what_is_over_stirs, 29, "is no zone", TRAVELLING),
    Sabotage("travel is one transaction", two_transactions, 107, "which is no zone", DYING),
    Sabotage("who is tamed is wild no more", the_tamed_stay_wild, 1, "became companions, and {}", FIGHTING),
    Sabotage("who is tamed is one companion", the_tamed_are_two, 1, "creatures.tame changed", FIGHTING),
    Sabotage("who is let go is gone", the_released_stay, 1, "creatures.release changed ()", FIGHTING),
    Sabotage("a creature is tamed once", no_watermarks, 0, "took effect 2 times", FIGHTING),
    Sabotage("a reward is one transaction", two_transactions, 0, "of experience, and what events did makes", FIGHTING),
    Sabotage("experience is shared, and not given to each", everyone_gets_all, 0, "is paid for slaying", FIGHTING),
    Sabotage("experience is for who took part", bystanders_gain, 0, "and took no part", FIGHTING),
    Sabotage("a reward pays what it says", rewards_pay_double, 0, "a reward of", FIGHTING),
    Sabotage("a reward pays once", rows_are_never_done, 0, "/e0 took effect 2 times", FIGHTING),
    Sabotage("death costs experience", death_is_free, 0, "death cost", FIGHTING),
    Sabotage("who dies falls", nobody_falls, 0, "it costs nothing", FIGHTING),
    Sabotage("death costs no level", death_costs_levels, 1, "whose level began with", FIGHTING),
    Sabotage("nobody dies in a duel", duels_kill, 0, "died in a duel", FIGHTING),
    Sabotage("an effect acts when it is due", every_tick_pulses, 0, "ms before its time", FIGHTING),
    Sabotage("an effect acts so often", pulses_are_not_counted, 0, "and all are left", FIGHTING),
)
