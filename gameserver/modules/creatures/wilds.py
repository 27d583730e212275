"""A zone's creatures during one of its ticks: they appear, and each does what it is about."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from gameserver.game import Context, Notification, State, awaited
from gameserver.modules.combat.blows import OWNED_DEAD_MS, Blow, blow_of_creature, strike_creature, strike_player
from gameserver.modules.combat.creature_kinds import SUMMONED_MAX, Kind, Phase, kind_of
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.combat.zone_tick import Scene
from gameserver.modules.creatures.events import Heel, Roared
from gameserver.modules.creatures.lairs import Table, drawn_kind, drawn_respawn_ms, most_respawn_ms
from gameserver.modules.creatures.maps import SUMMONED, Lair, homes, ids_of
from gameserver.modules.creatures.moods import (
    CHASE,
    FLEE,
    FOLLOW,
    GUARD,
    HOME_TILES,
    RETURN,
    WANDER,
    WANDER_TILES,
    Knows,
    Other,
    next_mood,
    tile_of,
)
from gameserver.modules.creatures.paths import Tile, free_near, tile_away, tiles_between, way
from gameserver.modules.movement.maps import Portal
from gameserver.modules.movement.view import appears, cell_of, steps_seen, vanishes

WANDER_ODDS = 0.2
PURSUIT_TILES = 8  # beyond what it sees a creature still knows where its prey is
HELPERS_MAX = 6  # kin that come to one call
WAYS_MAX = 40  # ways that are looked for in one tick of a zone; who wants one after that goes straight on
HEAL_SHARE = 10  # at home a tenth of its health comes back each time
FOLLOW_TILES = 2  # so near an owner its creature stays
FOLLOW_STEPS = 4  # tiles that it runs in one turn
LOST_TILES = 24  # so far behind, it is beside its owner again


class Wilds(Scene):
    """A zone's creatures during one tick, bodies as they are changed one after the other."""

    def __init__(self, state: State, zone: str, context: Context) -> None:
        super().__init__(state, zone, context)
        self._homes = homes(self.zone)
        self._safe = is_safe(self.zone)
        self._taken = {(c.x, c.y): c.id for c in self.creatures.values() if not c.dead}
        self._ways = 0

    def _place(self, creature: Creature) -> None:
        """Let a creature be as it is now, where it is now."""
        before = self.creatures.get(creature.id)
        if before is not None and self._taken.get((before.x, before.y)) == creature.id:
            del self._taken[before.x, before.y]
        if not creature.dead:
            self._taken[creature.x, creature.y] = creature.id
        self.put_creature(creature)

    def _free(self, x: int, y: int) -> bool:
        return (x, y) not in self._taken and self.zone.walkable(x, y) and self.zone.on(Portal, x, y) is None

    # Birth and death.

    def populate(self) -> None:
        """Let creatures appear whose time has come, and those go that were summoned by one that is gone."""
        for placed, lair in self.zone.placed(Lair):
            for id_ in ids_of(placed, lair):
                self._perhaps_born(id_, lair.table)
        for creature in list(self.creatures.values()):
            if SUMMONED in creature.id:
                self._perhaps_gone(creature)
            elif creature.owner and self.is_over(creature.dead_until_ms, OWNED_DEAD_MS):
                self._revive(creature)

    def _perhaps_born(self, id_: str, table: Table) -> None:
        before = self.creatures.get(id_)
        if before is not None and not self.is_over(before.dead_until_ms, most_respawn_ms(table, before.kind)):
            return
        at = free_near(self._homes[id_], self._free) or self._homes[id_]
        kind, respawn_ms = drawn_kind(table, self.rng), drawn_respawn_ms(table, self.rng)
        v = before.v + 1 if before else 0
        self._born(Creature(id=id_, kind=kind, zone=self.zone.name, x=at[0], y=at[1], v=v, respawn_ms=respawn_ms))

    def _born(self, fresh: Creature) -> None:
        born = replace(fresh, hp=kind_of(fresh.kind).hp_max)
        self._place(born)
        self.notifications += appears(self.state, born)

    def _perhaps_gone(self, creature: Creature) -> None:
        summoner = self.creatures.get(creature.id.partition(SUMMONED)[0])
        if creature.dead or summoner is None or summoner.dead or not summoner.phase:
            self.remove(creature)

    def remove(self, creature: Creature) -> None:
        """Take a creature out of the world that was summoned into it."""
        self.drop_creature(creature)
        if self._taken.get((creature.x, creature.y)) == creature.id:
            del self._taken[creature.x, creature.y]
        if not creature.dead:
            self.notifications.append(vanishes(replace(creature, v=creature.v + 1)))

    def _revive(self, creature: Creature) -> None:
        owner = self.players.get(creature.owner)
        x, y = self._beside(owner) if owner else (creature.x, creature.y)
        alive = replace(creature, hp=kind_of(creature.kind).hp_max, dead_until_ms=0, x=x, y=y, v=creature.v + 1)
        self._place(alive)
        self.notifications += appears(self.state, alive)

    def _beside(self, player: Fighter) -> Tile:
        return free_near(tile_of(player), self._free) or tile_of(player)

    def heal(self) -> None:
        """Let creatures heal that are at home, after nobody. Who is well again has no wounds to share."""
        for creature in list(self.creatures.values()):
            kind = kind_of(creature.kind)
            rests = creature.mood in (WANDER, FOLLOW, GUARD) and not creature.prey
            if rests and not creature.dead and creature.hp < kind.hp_max:
                self._heal(creature, kind)

    def _heal(self, creature: Creature, kind: Kind) -> None:
        hp = min(kind.hp_max, creature.hp + max(1, kind.hp_max // HEAL_SHARE))
        healed = replace(creature, hp=hp, v=creature.v + 1)
        if hp == kind.hp_max:
            healed = replace(healed, wounds="", phase=0)
        self.put_creature(healed)
        self.notifications += appears(self.state, healed)

    # What they are about.

    def act(self) -> None:
        """Let each creature act whose turn it is, one after the other."""
        for id_ in list(self.creatures):
            creature = self.creatures.get(id_)
            if creature is None or creature.dead:
                continue
            kind = kind_of(creature.kind)
            self._begin_phases(creature, kind)
            creature = self.creatures[id_]
            if not awaited(creature.act_due_ms, self.now_ms, kind.act_every_ms):
                self._act(creature, kind)

    def _act(self, creature: Creature, kind: Kind) -> None:
        knows = self._knows(creature, kind)
        mood = next_mood(knows)
        if mood == CHASE and creature.mood == WANDER and knows.prey is not None:
            self._call(knows, knows.prey)
        prey = knows.prey.id if knows.prey is not None and mood in (CHASE, FOLLOW, GUARD) else ""
        DEEDS[mood](self, replace(knows, creature=replace(creature, mood=mood, prey=prey)))

    def _knows(self, creature: Creature, kind: Kind) -> Knows:
        seen = [] if self._safe else list(self._seen(creature, kind))
        nearest = min(seen, key=lambda other: self._rank(creature, other), default=None)
        home = self._homes.get(creature.id.partition(SUMMONED)[0], (creature.x, creature.y))
        return Knows(creature, kind, home, self._prey(creature, kind, seen), nearest)

    def _seen(self, creature: Creature, kind: Kind) -> Iterator[Other]:
        """Those in sight that it may fight: of players all alive, and what is theirs; of those players' others."""
        at = creature.x, creature.y
        if not creature.owner:
            for player in self.players.values():
                far = kind.sight + (PURSUIT_TILES if player.id == creature.prey else 0)
                if not player.dead and tiles_between(at, tile_of(player)) <= far:
                    yield player
        for other in self.creatures.values():
            is_enemy = bool(other.owner) != bool(creature.owner) and not other.dead
            if is_enemy and tiles_between(at, (other.x, other.y)) <= kind.sight:
                yield other

    def _prey(self, creature: Creature, kind: Kind, seen: list[Other]) -> Other | None:
        """Whom it is after: who struck it, or the nearest that it hunts."""
        wanted = [other for other in seen if self._wants(creature, kind, other)]
        return min(wanted, key=lambda other: self._rank(creature, other), default=None)

    def _wants(self, creature: Creature, kind: Kind, other: Other) -> bool:
        if creature.owner:  # it fights what is after its owner, or after itself
            return isinstance(other, Creature) and other.prey in (creature.owner, creature.id)
        return kind.aggressive or other.id == creature.prey

    def _rank(self, creature: Creature, other: Other) -> tuple[bool, int, str]:
        return other.id != creature.prey, tiles_between((creature.x, creature.y), tile_of(other)), other.id

    def _call(self, knows: Knows, prey: Other) -> None:
        """Let kin in earshot that are after nobody be after the same one."""
        at, kin = knows.at, knows.kind.kin
        heard = [
            other
            for other in self.creatures.values()
            if other.id != knows.creature.id
            and not (other.dead or other.owner or other.prey or other.mood)
            and kind_of(other.kind).kin == kin
            and tiles_between(at, (other.x, other.y)) <= knows.kind.calls
        ]
        heard.sort(key=lambda other: (tiles_between(at, (other.x, other.y)), other.id))
        for other in heard[:HELPERS_MAX]:
            self.put_creature(replace(other, prey=prey.id))

    def _acted(self, creature: Creature, kind: Kind) -> Creature:
        faster = kind.phases[creature.phase - 1].faster if 0 < creature.phase <= len(kind.phases) else 100
        return replace(creature, act_due_ms=self.now_ms + kind.act_every_ms * faster // 100)

    # The deeds.

    def _wander(self, knows: Knows) -> None:
        creature = knows.creature
        strolls = self.rng.random() < WANDER_ODDS
        x, y = (creature.x + self.rng.randint(-1, 1), creature.y + self.rng.randint(-1, 1)) if strolls else knows.at
        if (x, y) != knows.at and self._free(x, y) and tiles_between((x, y), knows.home) <= WANDER_TILES:
            self._step(knows, (x, y))
        elif creature != self.creatures[creature.id]:
            self.put_creature(creature)

    def _chase(self, knows: Knows) -> None:
        if knows.prey is None:
            return
        if tiles_between(knows.at, tile_of(knows.prey)) <= knows.kind.reach:
            self._strike(knows, knows.prey)
        else:
            self._go(knows, tile_of(knows.prey), knows.kind.reach)

    def _flee(self, knows: Knows) -> None:
        threat = tile_of(knows.nearest) if knows.nearest is not None else knows.at
        tile = tile_away(knows.at, threat, self._free)
        if tile is not None:
            self._step(knows, tile)
        elif knows.nearest is not None and tiles_between(knows.at, threat) <= knows.kind.reach:
            self._strike(knows, knows.nearest)  # it is cornered

    def _return(self, knows: Knows) -> None:
        self._go(knows, knows.home, 0 if self._free(*knows.home) else HOME_TILES)

    def _follow(self, knows: Knows) -> None:
        owner = self.players.get(knows.creature.owner)
        if knows.prey is not None:
            self._chase(knows)
        elif owner is not None and tiles_between(knows.at, tile_of(owner)) > LOST_TILES:
            self._step(knows, self._beside(owner))
        elif owner is not None and tiles_between(knows.at, tile_of(owner)) > FOLLOW_TILES:
            self._go(knows, tile_of(owner), FOLLOW_TILES - 1, FOLLOW_STEPS)

    def _guard(self, knows: Knows) -> None:
        if knows.prey is not None and tiles_between(knows.at, tile_of(knows.prey)) <= knows.kind.sight:
            self._chase(knows)

    def _go(self, knows: Knows, goal: Tile, within: int, steps: int = 1) -> None:
        self._ways += 1
        if self._ways > WAYS_MAX:
            tiles = [tile for tile in [_towards(knows.at, goal)] if self._free(*tile)]
        else:
            tiles = way(knows.at, goal, self._free, within)
        if tiles:
            self._step(knows, tiles[min(steps, len(tiles)) - 1])
        elif knows.creature != self.creatures[knows.creature.id]:
            self.put_creature(knows.creature)

    def _step(self, knows: Knows, tile: Tile) -> None:
        before = self.creatures[knows.creature.id]
        stepped = replace(self._acted(knows.creature, knows.kind), x=tile[0], y=tile[1], v=before.v + 1)
        self._place(stepped)
        self.notifications += steps_seen(self.state, before, stepped)

    def _strike(self, knows: Knows, prey: Other) -> None:
        self.put_creature(self._acted(replace(knows.creature, prey=prey.id), knows.kind))
        blow = blow_of_creature(knows.creature, knows.kind)
        self._fall_on(blow, prey)
        if knows.kind.sweeps and not knows.creature.owner:
            self._sweep(blow, knows.creature, knows.kind.sweeps, but=prey.id)

    def _fall_on(self, blow: Blow, other: Other) -> None:
        if isinstance(other, Creature):
            self.let_feel(strike_creature(blow, other, self.now_ms, self.rng))
        else:
            self.let_feel(strike_player(blow, other, self.now_ms, self.rng))

    def _sweep(self, blow: Blow, creature: Creature, radius: int, but: str = "") -> None:
        """Let a blow fall on all players within so many tiles, and on what is theirs."""
        others: list[Other] = [*self.players.values(), *(c for c in self.creatures.values() if c.owner)]
        for other in others:
            near = tiles_between((creature.x, creature.y), tile_of(other)) <= radius
            if near and not other.dead and other.id != but:
                self._fall_on(blow, other)

    # Bosses.

    def _begin_phases(self, creature: Creature, kind: Kind) -> None:
        while creature.phase < len(kind.phases) and creature.hp * 100 < kind.hp_max * kind.phases[creature.phase].below:
            phase = kind.phases[creature.phase]
            creature = replace(creature, phase=creature.phase + 1)
            self.put_creature(creature)
            self._begin_phase(creature, kind, phase)

    def _begin_phase(self, creature: Creature, kind: Kind, phase: Phase) -> None:
        if phase.says:
            self.notifications.append(
                Notification(notice=Roared(who=creature.id, text=phase.says), to=(cell_of(creature),))
            )
        if phase.blow and not self._safe:
            self._sweep(Blow(creature.id, phase.blow, kind.element), creature, phase.radius)
        self._summon(creature, [name for name, number in phase.summons.items() for _ in range(number)])

    def _summon(self, creature: Creature, kinds: list[str]) -> None:
        ids = (f"{creature.id}{SUMMONED}{n}" for n in range(1, SUMMONED_MAX + 1))
        unused = [id_ for id_ in ids if id_ not in self.creatures]
        for id_, kind in zip(unused, kinds, strict=False):
            x, y = free_near((creature.x, creature.y), self._free) or (creature.x, creature.y)
            # Its id was another's before: counted from the time on, its changes are newer than all of that one.
            self._born(Creature(id=id_, kind=kind, zone=self.zone.name, x=x, y=y, v=self.now_ms, prey=creature.prey))

    # Those of players who are not here.

    def miss_owners(self, *, guards: bool) -> None:
        """Let those follow whose owner is not in this zone; guards are seen to now and then."""
        for creature in self.creatures.values():
            if creature.owner and creature.owner not in self.players and (guards or creature.mood != GUARD):
                self.bear(Heel(creature=creature.id, owner=creature.owner))


# By mood what a creature does in its turn: of the class, because a table in each object would be a cycle.
DEEDS: dict[str, Callable[[Wilds, Knows], None]] = {
    WANDER: Wilds._wander,
    CHASE: Wilds._chase,
    FLEE: Wilds._flee,
    RETURN: Wilds._return,
    FOLLOW: Wilds._follow,
    GUARD: Wilds._guard,
}


def _towards(at: Tile, goal: Tile) -> Tile:
    return at[0] + _sign(goal[0] - at[0]), at[1] + _sign(goal[1] - at[1])


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)
