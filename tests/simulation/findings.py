"""What is wrong at the end of a run: contradictions between what was told, what was done and what is kept."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from gameserver.declare import catalogue
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.chat.entities import ChatLine
from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.quests.entities import Journal
from gameserver.modules.sessions.entities import Player
from gameserver.modules.trade.entities import Purse
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.operations.current_maps import REDRAW_MS
from gameserver.testing.chaos.verdict import DISORDER, DONE, DOUBLED, HARM, NOT_DONE, SUM
from gameserver.testing.conservation import amounts
from gameserver.testing.effect_log import misdeeds, repeated
from gateway.ingress.in_flight import Batch
from tests import places
from tests.chaos.checker import DEAD, NO_WONDER, PATIENCE, verdict
from tests.simulation import adventures, building, fights, travel
from tests.simulation.adventures import overpaid, scattered
from tests.simulation.cluster import EPOCH_S, SLICE_S, SimulatedCluster
from tests.simulation.economy import CODES, miscounted, unpaid
from tests.simulation.moves import MOVES
from tests.simulation.player import Deed
from tests.simulation.story import make_full_story, make_story

SETTLED_S_MAX = 200.0  # an answer that was lost is asked for again, a gateway that died is missed, an outcome told
ACT_S_MAX = 60.0
TICK_S_MAX = 5.0
UNDER_WAY_S_MAX = 2.0
# What the rules of fighting say no with.
FIGHTS = frozenset({"no_such_target", "out_of_reach", "cooldown", "dead"})


def play(seed: int, *, full: bool = False, **changes: Any) -> tuple[SimulatedCluster, list[str]]:
    """Play a seed to its end. Gives the cluster and every contradiction, a sentence each. ``changes``: of its story.

    ``full``: its players do all that there is, and its workers and gateways die.
    """
    make = make_full_story if full else make_story
    cluster = SimulatedCluster(replace(make(seed, tuple(MOVES)), **changes))
    try:
        for _ in range(cluster.story.steps):
            cluster.step()
        unsettled = settle(cluster)
    finally:
        for process in cluster.processes.all:
            cluster.processes.kill(process)
    return cluster, [*unsettled, *contradictions(cluster)]


def settle(cluster: SimulatedCluster) -> list[str]:
    """Let everything come to its end. Returns what does not."""
    cluster.rest()
    began_s = cluster.now_s()
    while True:
        cluster.pass_time(SLICE_S)
        cluster.everyone()
        if cluster.now_s() - began_s > ACT_S_MAX:
            for player in cluster.players:
                player.stop_acting()
        left = unfinished(cluster)
        if not left or cluster.now_s() - began_s > SETTLED_S_MAX:
            return left


def unfinished(cluster: SimulatedCluster) -> list[str]:
    """What has not come to its end, and should within a few minutes."""
    left = [f"{player.name} waits" for player in cluster.players if not player.content]
    left += [f"{process.name} is at work" for process in cluster.processes.all if process.busy and left]
    if left:
        return left
    visitors = {visitor.name for visitor in cluster.visitors}  # gone for good: what they were to be told waits for ever
    rows = [
        id_
        for id_, (row, *_) in cluster.store.outbox.items()
        if id_ not in cluster.foreign_rows and row.player not in visitors
    ]
    left += [f"row {id_} stays in the outbox" for id_ in rows]
    excused = cluster.parcels.lost | cluster.parcels.overtaken
    left += [f"trials of {id_} stay" for id_ in cluster.store.counts if id_ not in excused]
    left += [
        f"{parcel.message.task_id} stays in its queue" for parcel in cluster.parcels.waiting if parcel.family != "world"
    ]
    left += fights.unsettled(cluster.store.things, cluster.now_ms())
    return left + _bodies(cluster) + _world(cluster) + _registries(cluster)


def _bodies(cluster: SimulatedCluster) -> list[str]:
    """Who is in the world and who should be."""
    bodies = cluster.store.things[Player]
    connected = {player.name: player.connection for player in cluster.players if player.playing}
    wrong = [f"{name} is connected and not in the world" for name in connected if not bodies[name].present]
    for id_, body in bodies.items():
        connection = connected.get(id_)
        if body.present and (connection is None or connection.id != body.conn):
            wrong.append(f"{id_} is a ghost: {body.conn} is gone")
    return wrong


def _world(cluster: SimulatedCluster) -> list[str]:
    if PULSE not in cluster.store.things[ZoneClock]:
        return ["the world has never ticked"]
    late_s = EPOCH_S + cluster.now_s() - max(c.tick for c in cluster.store.things[ZoneClock].values()) * 0.5
    return [f"the world stands still, {late_s:.0f} s late"] if abs(late_s) > TICK_S_MAX else []


def _registries(cluster: SimulatedCluster) -> list[str]:
    """What gateways remember is back at its base."""
    wrong = []
    for hub in cluster.hubs:
        left = {
            "unanswered events": hub.unanswered,
            "unavailable families": len(hub.unavailable),
            "connections nobody holds": len(hub.connections) - sum(player.hub is hub for player in cluster.players),
            "batches under way": sum(_is_left(cluster, batch) for batch in hub._in_flight),
        }
        wrong += [f"a gateway has {n} {what} left" for what, n in left.items() if n]
    return wrong


def _is_left(cluster: SimulatedCluster, batch: Batch) -> bool:
    """Whether a batch still counts as under way that is not; of what was revoked, or never read, nobody ever hears."""
    unheard = batch.task_id in cluster.parcels.revoked or any(e.id in cluster.foreign_events for e in batch.envelopes)
    return cluster.now_s() - batch.published_s > UNDER_WAY_S_MAX and not unheard


def contradictions(cluster: SimulatedCluster) -> list[str]:
    """What must not be, whenever it happened."""
    purses = {purse.id: purse.coins for purse in cluster.store.things[Purse].values()}
    if cluster.story.economy:  # no gifts are made there, and what else becomes of coins is for conservation to prove
        purses = dict.fromkeys(purses, cluster.diary.coins_at_first)
    purses.update({player.name: 0 for player in cluster.players if player.name not in purses})
    lines = Counter(line.text for line in cluster.store.things[ChatLine].values())
    return [
        *dict.fromkeys(cluster.broken),
        *(f"deadlock: {circle}" for circle in cluster.store.deadlocks),
        *verdict(cluster.diary, purses, lines),
        *_conservation(cluster),
        *_places(cluster),
        *_adventures(cluster),
        *_fights(cluster),
        *_building(cluster),
        *_effects(cluster),
        *_letters(cluster),
    ]


def _conservation(cluster: SimulatedCluster) -> list[str]:
    """What the game declares as conserved, by what its events did and by what is kept."""
    kept = amounts(thing for things in cluster.store.things.values() for thing in things.values())
    return [f"{SUM}: {sentence}" for sentence in misdeeds(cluster.journal.entries, amounts(cluster.furnished), kept)]


def _places(cluster: SimulatedCluster) -> list[str]:
    """Each thing and each player is in a place that there is, and was paid for; each deed was counted once."""
    entries, things = cluster.journal.entries, cluster.store.things
    wrong = [
        *places.faults(cluster.store.world, things),
        *unpaid(entries),
        *miscounted(entries, things[Deeds].values()),
    ]
    return [f"{SUM}: {sentence}" for sentence in wrong]


def _adventures(cluster: SimulatedCluster) -> list[str]:
    """Each quest was paid once, and each player is in one group at most."""
    journals, groups, members = (cluster.store.things[kind].values() for kind in (Journal, Group, Member))
    paid = overpaid(cluster.journal.entries, journals, int(EPOCH_S * 1000), cluster.now_ms())
    return [f"{SUM}: {sentence}" for sentence in (*paid, *scattered(groups, members))]


def _fights(cluster: SimulatedCluster) -> list[str]:
    """What fights made and cost is what they should, and each companion is somebody's."""
    wrong = [*cluster.journal.fights.faults, *fights.misled(cluster.journal.entries)]
    return [f"{SUM}: {sentence}" for sentence in (*wrong, *fights.overrun(cluster.store.things))]


def _building(cluster: SimulatedCluster) -> list[str]:
    """The map is what was built, for every worker, and what is kept in its objects is kept in some."""
    if not cluster.story.builds:
        return []
    cluster.clock.advance(REDRAW_MS / 1000)  # by then every worker has read all
    wrong = [*building.lost(cluster.journal.built, cluster.first_files, cluster)]
    return [f"{SUM}: {sentence}" for sentence in (*wrong, *building.homeless(cluster.built(), cluster.store.things))]


def _effects(cluster: SimulatedCluster) -> list[str]:
    """What was told against what was done, and in which order."""
    done = Counter(effect.id for effect in cluster.journal.effects)
    lanes: dict[str, list[int]] = defaultdict(list)
    for effect in cluster.journal.effects:
        lanes[effect.lane].append(effect.seq)
    many = {**{id_: n for id_, n in done.items() if n > 1}, **repeated(cluster.journal.entries)}
    wrong = [f"{DOUBLED}: {id_} took effect {n} times" for id_, n in many.items()]
    wrong += [f"{DISORDER}: {seqs} in {lane}" for lane, seqs in lanes.items() if seqs != sorted(seqs)]
    for player in cluster.players:
        for deed in player.deeds:
            wrong += _deed(cluster, deed, done[deed.id])
    return wrong


def _deed(cluster: SimulatedCluster, deed: Deed, times: int) -> Iterator[str]:
    """What is wrong with how one event was answered, which took effect so many times."""
    what, end, code = f"{deed.id} {deed.action.event}", deed.action.end, deed.action.code
    if end == "refused" and times:
        yield f"{DONE}: {what} was refused as {code}"
    elif end == "ok" and not times and catalogue.events()[deed.action.event].spec.durable:  # others: how things stand
        yield f"{NOT_DONE}: {what}"
    elif end == "refused" and code not in _foreseen(cluster, deed):
        yield f"{HARM}: {what} was refused as {code}"


def _foreseen(cluster: SimulatedCluster, deed: Deed) -> frozenset[str]:
    """What it may be refused with: among that, that nobody can tell, where a gateway refused it and died with that.

    What killed as many workers as it may, or was with these, is given up.
    """
    given_up = cluster.killed[deed.id] >= catalogue.events()[deed.action.event].spec.max_attempts
    codes = DEAD if given_up or deed.id in guilty(cluster) else PATIENCE
    codes |= NO_WONDER | FIGHTS | CODES | adventures.CODES | travel.CODES | fights.CODES
    codes |= building.CODES if cluster.story.builds else frozenset()
    return codes | {"outcome_unknown"} if deed.id in cluster.refused else codes


def guilty(cluster: SimulatedCluster) -> set[str]:
    """Ids of what the adversary itself has spoilt."""
    return {*cluster.journal.poisoned, *cluster.foreign_events, *cluster.foreign_rows}


def _letters(cluster: SimulatedCluster) -> list[str]:
    letters = [letter for letter in cluster.store.dead_letters() if letter.id not in guilty(cluster)]
    innocent = [one for one in letters if cluster.killed[one.id] < catalogue.events()[one.event].spec.max_attempts]
    return [f"{HARM}: {letter.event} {letter.id} became a dead letter: {letter.cause}" for letter in innocent]
