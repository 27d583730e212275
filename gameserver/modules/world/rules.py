"""The world's own life: zones stir on ticks, and the sweep heals what deaths of processes left behind.

A tick carries a number; a zone keeps the last it lived through, so doubled and late ticks do nothing. The numbers are
those of server time: a tick of a beat whose clock is wrong is a pulse of now. Zones in which players have creatures
about them, or wounds to heal, stir on every tick, where only creatures are once in ``IDLE_TICKS``, and where none are
never.

A gateway that is silent died, if others' heartbeats were applied without a pause meanwhile.
When nobody was heard it is the ears, whatever was wrong with them, and all are given time to be heard again.
"""

from zlib import crc32

from msgspec.structs import replace

from gameserver.clocks import CLOCK_TOLERANCE_MS
from gameserver.declare.base import Event
from gameserver.declare.conditions import Ids, all_of, any_of, test
from gameserver.declare.entity import Entity
from gameserver.declare.session_events import GATEWAY_SILENT_MS, UNHEARD_MS
from gameserver.errors import Repeated
from gameserver.maps.kinds import Kind, kind_of
from gameserver.maps.world import Zone
from gameserver.modules.combat.events import Respawned
from gameserver.modules.combat.rules import DEAD_MS, blow, strike_player
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.movement.players import bodies_in, creatures_in, players_in
from gameserver.modules.movement.view import appears, distance, looks_around, steps_seen
from gameserver.modules.sessions.entities import CALM, EARS, Gateway, Session
from gameserver.modules.sessions.rules import orphaned
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import TICK_MS, Show, Stir, Sweep, Tick
from gameserver.rules.needs import Matching, Needs, distinct, due, ids, matching
from gameserver.rules.outcome import Context, Notification, Outcome, State, rule
from gameserver.rules.times import awaited, heard_lately

LAPSED_MAX = 500
IDLE_TICKS = 20
HEAL_TICKS = 4
HEAL_HP = 2
REST_MS = 5_000
WANDER_ODDS = 0.2
WANDER_TILES = 4
TOLERANCE_TICKS = CLOCK_TOLERANCE_MS // TICK_MS
MISSED_TICKS = 4  # of so many that were left out what they would have brought comes with the next


BUSY_ZONES = distinct(Player, "zone", when="present")
HURT_ZONES = distinct(Player, "zone", when="hurt")  # where any of them is dead or wounded


@rule(needs=lambda event, context: (ids(ZoneClock, PULSE), BUSY_ZONES, HURT_ZONES))
def tick(state: State, event: Tick, context: Context) -> Outcome:
    """One pulse: every zone whose turn it is stirs."""
    n = _number(event.n, context.now_ms)
    before = _lived_through(state, PULSE, n)
    stirring = [name for name in sorted(state.world.zones) if _stirs(state, name, n, before)]
    stirs: tuple[Event, ...] = tuple(Stir(zone=name, n=n) for name in stirring)
    return Outcome(put=(ZoneClock(id=PULSE, tick=n),), events=stirs)


def _number(n: int, now_ms: int) -> int:
    """A tick's number: the one it says, or that of now if its beat's clock is wrong (or it waited for too long)."""
    now = now_ms // TICK_MS
    return n if abs(n - now) <= TOLERANCE_TICKS else now


def _lived_through(state: State, id_: str, n: int) -> int:
    """The tick before this one that a zone lived through. Raises ``Repeated`` if it was this or a later.

    A number that lies farther ahead than two beats can be apart was written under another clock, and says nothing.
    """
    clock = state.get(ZoneClock, id_)
    if clock is None or clock.tick > n + 2 * TOLERANCE_TICKS:
        return n - 1
    if n <= clock.tick:
        raise Repeated("This tick was lived through already.")
    return max(clock.tick, n - MISSED_TICKS)


def _stirs(state: State, zone: str, n: int, before: int) -> bool:
    hurt = zone in state.values(HURT_ZONES)
    if hurt or not state.world.zones[zone].creatures:
        return hurt
    return zone in state.values(BUSY_ZONES) or _comes_round(n, before, IDLE_TICKS, crc32(zone.encode()))


def _comes_round(n: int, before: int, every: int, phase: int = 0) -> bool:
    """Whether one of the ticks after ``before`` up to this one is the one of ``every`` that counts."""
    return (n - phase) // every > (before - phase) // every


@rule(needs=lambda event, context: (ids(ZoneClock, event.zone), *bodies_in(event.zone)))
def stir(state: State, event: Stir, context: Context) -> Outcome:
    """One zone's tick: the dead return, the wounded heal, creatures act."""
    before = _lived_through(state, event.zone, event.n)
    if event.zone not in state.world.zones:
        return Outcome()  # a worker with other maps knows it
    scene = _Scene(state.zone(event.zone), players_in(state, event.zone), creatures_in(state, event.zone), context)
    scene.raise_dead()
    if _comes_round(event.n, before, HEAL_TICKS):
        scene.heal()
    scene.act()
    return Outcome(
        put=(ZoneClock(id=event.zone, tick=event.n), *scene.changed()), notifications=tuple(scene.notifications)
    )


@rule(needs=lambda event, context: (ids(Player, event.player),))
def show(state: State, event: Show, context: Context) -> Outcome:
    """Let a player see where it stands now, and others see it there."""
    body = state.get(Player, event.player)
    if body is None or not body.present:
        return Outcome()
    mine = Notification(conn=body.conn, gateway=body.gateway, follow=looks_around(body))
    return Outcome(notifications=(mine,) if body.dead_until_ms else (mine, appears(body)))


class _Scene:
    """A zone during one tick: bodies as they are changed one after the other, and what is seen of it."""

    def __init__(self, zone: Zone, players: list[Player], creatures: list[Creature], context: Context) -> None:
        self.zone = zone
        self.now_ms = context.now_ms
        self.rng = context.rng
        self.players = {p.id: p for p in players}
        self.creatures = {c.id: c for c in creatures}
        self.before: dict[str, Entity] = {**self.players, **self.creatures}
        self.notifications: list[Notification] = []
        self.homes = {spawn.id: (spawn.x, spawn.y) for spawn in zone.creatures}

    def changed(self) -> list[Entity]:
        bodies: list[Entity] = [*self.players.values(), *self.creatures.values()]
        return [body for body in bodies if body is not self.before.get(body.id)]

    def raise_dead(self) -> None:
        for spawn in self.zone.creatures:
            body = self.creatures.get(spawn.id)
            if body is None or self._returns(body, kind_of(spawn.kind).respawn_s * 1000):
                self._spawn(Creature(id=spawn.id, kind=spawn.kind, zone=self.zone.name, x=spawn.x, y=spawn.y), body)
        for player in list(self.players.values()):
            if self._returns(player, DEAD_MS):
                self._respawn(player)

    def _returns(self, body: Player | Creature, after_ms: int) -> bool:
        return body.dead_until_ms > 0 and not awaited(body.dead_until_ms, self.now_ms, after_ms)

    def _spawn(self, fresh: Creature, before: Creature | None) -> None:
        born = replace(fresh, hp=kind_of(fresh.kind).hp_max, v=before.v + 1 if before else 0)
        self.creatures[born.id] = born
        self.notifications.append(appears(born))

    def _respawn(self, player: Player) -> None:
        x, y = self.rng.choice(self.zone.spawns)
        alive = replace(player, hp=player.hp_max, x=x, y=y, dead_until_ms=0, v=player.v + 1)
        self.players[alive.id] = alive
        notice = Respawned(zone=alive.zone, x=x, y=y, hp=alive.hp)
        self.notifications += [
            appears(alive),
            Notification(notice=notice, conn=alive.conn, gateway=alive.gateway, follow=looks_around(alive)),
        ]

    def heal(self) -> None:
        for player in list(self.players.values()):
            rests = awaited(player.hit_ms + REST_MS, self.now_ms, REST_MS)
            if player.dead_until_ms or player.hp >= player.hp_max or rests:
                continue
            healed = replace(player, hp=min(player.hp_max, player.hp + HEAL_HP), v=player.v + 1)
            self.players[healed.id] = healed
            self.notifications.append(appears(healed))

    def act(self) -> None:
        for creature in list(self.creatures.values()):
            kind = kind_of(creature.kind)
            if not creature.dead_until_ms and not awaited(creature.act_due_ms, self.now_ms, kind.act_every_ms):
                self._act(creature, kind)

    def _act(self, creature: Creature, kind: Kind) -> None:
        prey = self._prey(creature, kind)
        if prey is None:
            self._wander(creature, kind)
        elif distance(creature, prey) <= kind.reach:
            self._strike(creature, kind, prey)
        else:
            self._step(replace(creature, prey=prey.id), kind, _sign(prey.x - creature.x), _sign(prey.y - creature.y))

    def _prey(self, creature: Creature, kind: Kind) -> Player | None:
        """Whom it is after: who struck it, or (aggressive) the nearest in sight; nobody where fighting is forbidden."""
        if self.zone.safe:
            return None
        seen = [p for p in self.players.values() if not p.dead_until_ms and distance(creature, p) <= kind.sight]
        wanted = [p for p in seen if kind.aggressive or p.id == creature.prey]
        return min(wanted, key=lambda p: (p.id != creature.prey, distance(creature, p), p.id), default=None)

    def _strike(self, creature: Creature, kind: Kind, prey: Player) -> None:
        damage = blow(self.rng, kind.attack, prey.defence)
        hurt, notifications = strike_player(creature.id, prey, damage, self.now_ms)
        self.players[hurt.id] = hurt
        self.creatures[creature.id] = self._acted(replace(creature, prey=prey.id), kind)
        self.notifications += notifications

    def _wander(self, creature: Creature, kind: Kind) -> None:
        if self.rng.random() >= WANDER_ODDS:
            return
        self._step(replace(creature, prey=""), kind, self.rng.randint(-1, 1), self.rng.randint(-1, 1), home=True)

    def _step(self, creature: Creature, kind: Kind, dx: int, dy: int, *, home: bool = False) -> None:
        x, y = creature.x + dx, creature.y + dy
        if (dx, dy) == (0, 0) or not self._free(x, y) or (home and self._strays(creature, x, y)):
            return
        stepped = replace(self._acted(creature, kind), x=x, y=y, v=creature.v + 1)
        self.creatures[creature.id] = stepped
        self.notifications += steps_seen(creature, stepped)

    def _acted(self, creature: Creature, kind: Kind) -> Creature:
        return replace(creature, act_due_ms=self.now_ms + kind.act_every_ms)

    def _free(self, x: int, y: int) -> bool:
        taken = any((c.x, c.y) == (x, y) and not c.dead_until_ms for c in self.creatures.values())
        return self.zone.walkable(x, y) and (x, y) not in self.zone.portals and not taken

    def _strays(self, creature: Creature, x: int, y: int) -> bool:
        """Whether a wandering step leads away from home, and too far."""
        home_x, home_y = self.homes.get(creature.id, (x, y))
        now = max(abs(creature.x - home_x), abs(creature.y - home_y))
        then = max(abs(x - home_x), abs(y - home_y))
        return then > WANDER_TILES and then >= now


def _due(at_ms: int, now_ms: int) -> bool:
    return 0 < at_ms <= now_ms


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)


def _needs_orphans(event: Sweep, context: Context) -> Needs:
    lapsed = lapsed_sessions(context.now_ms - GATEWAY_SILENT_MS, context.now_ms)
    return (ids(Gateway, EARS, CALM), lapsed, due(context.now_ms))


def lapsed_sessions(heard_since_ms: int, now_ms: int) -> Matching:
    """Select sessions whose gateway was not heard since, and those past their time; with their players.

    What was heard in the future was heard under another clock, long ago.
    """
    lately = all_of(test("seen_ms", ">=", heard_since_ms), test("seen_ms", "<=", now_ms + CLOCK_TOLERANCE_MS))
    silent = all_of(test("gateway", "!=", ""), test("gateway", "not in", Ids(Gateway, lately)))
    over = all_of(test("expires_ms", ">", 0), test("expires_ms", "<=", now_ms))
    return matching(Session, any_of(silent, over), LAPSED_MAX, player=Player)


@rule(needs=_needs_orphans)
def sweep(state: State, event: Sweep, context: Context) -> Outcome:
    """Send again what is due; take out of the world whose gateway died; forget sessions past their time."""
    now_ms = context.now_ms
    held = [s for s in state.of(Session).values() if s.gateway] if _was_calm(state, now_ms) else []
    gone = [orphaned(state, session, now_ms) for session in sorted(held, key=lambda s: s.id)]
    over = tuple(s for s in state.of(Session).values() if _due(s.expires_ms, now_ms))
    bodies = [(state.get(Player, s.player), s.id) for s in over]
    freed = tuple(replace(body, session="") for body, session in bodies if body and body.session == session)
    return Outcome(
        put=(*freed, *(thing for outcome in gone for thing in outcome.put)),
        notifications=tuple(tell for outcome in gone for tell in outcome.notifications),
        drop=over,
        again=state.due,
    )


def _was_calm(state: State, now_ms: int) -> bool:
    """Whether gateways could be heard for as long as one may be silent."""
    never = Gateway(id="", seen_ms=0, sessions=0)
    ears, calm = (state.of(Gateway).get(id_, never).seen_ms for id_ in (EARS, CALM))
    return heard_lately(ears, now_ms, UNHEARD_MS) and now_ms - calm > GATEWAY_SILENT_MS
