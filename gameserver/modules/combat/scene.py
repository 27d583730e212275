"""A zone during one of its ticks: the dead return, the wounded heal, creatures act."""

from msgspec.structs import replace

from gameserver.game import Context, Entity, Notification, State, awaited
from gameserver.modules.combat.entities import Creature, Health
from gameserver.modules.combat.events import Respawned
from gameserver.modules.combat.fighters import Fighter, fighter_of
from gameserver.modules.combat.kinds import Kind, kind_of
from gameserver.modules.combat.maps import Lair, is_safe
from gameserver.modules.combat.rules import DEAD_MS, blow, strike_player
from gameserver.modules.movement.bodies import present_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.maps import Portal, spawns
from gameserver.modules.movement.view import appears, distance, looks_around, steps_seen

HEAL_HP = 2
REST_MS = 5_000
WANDER_ODDS = 0.2
WANDER_TILES = 4


class Scene:
    """A zone during one tick: bodies as they are changed one after the other, and what is seen of it."""

    def __init__(self, state: State, zone: str, context: Context) -> None:
        self.state = state.to_be_changed((Body, Health, Creature))
        self.zone = state.zone(zone)
        self.now_ms = context.now_ms
        self.rng = context.rng
        self.players = {body.id: fighter_of(state, body.id) for body in present_in(state, zone)}
        creatures = [creature for creature in state.of(Creature).values() if creature.zone == zone]
        self.creatures = {creature.id: creature for creature in sorted(creatures, key=lambda c: c.id)}
        self.changed: dict[tuple[type[Entity], str], Entity] = {}
        self.notifications: list[Notification] = []
        self.lairs = self.zone.placed(Lair)
        self.homes = {lair.id: (lair.x, lair.y) for lair, _ in self.lairs}

    def _put_player(self, player: Fighter) -> None:
        self.players[player.id] = player
        self._put(player.body)
        self._put(player.health)

    def _put_creature(self, creature: Creature) -> None:
        self.creatures[creature.id] = creature
        self._put(creature)

    def _put(self, thing: Entity) -> None:
        self.state.put((thing,))
        self.changed[type(thing), thing.id] = thing

    def raise_dead(self) -> None:
        for lair, what in self.lairs:
            body = self.creatures.get(lair.id)
            if body is None or self._returns(body.dead_until_ms, kind_of(what.kind).respawn_s * 1000):
                self._spawn(Creature(id=lair.id, kind=what.kind, zone=self.zone.name, x=lair.x, y=lair.y), body)
        for player in list(self.players.values()):
            if self._returns(player.health.dead_until_ms, DEAD_MS):
                self._respawn(player)

    def _returns(self, dead_until_ms: int, after_ms: int) -> bool:
        return dead_until_ms > 0 and not awaited(dead_until_ms, self.now_ms, after_ms)

    def _spawn(self, fresh: Creature, before: Creature | None) -> None:
        born = replace(fresh, hp=kind_of(fresh.kind).hp_max, v=before.v + 1 if before else 0)
        self._put_creature(born)
        self.notifications += appears(self.state, born)

    def _respawn(self, player: Fighter) -> None:
        x, y = self.rng.choice(spawns(self.zone))
        alive = player.changed(hp=player.health.hp_max, dead_until_ms=0)
        body, who = replace(alive.body, x=x, y=y), player.player
        self._put_player(Fighter(who, body, alive.health, alive.strength))
        notice = Respawned(zone=body.zone, x=x, y=y, hp=alive.health.hp)
        self.notifications += [
            *appears(self.state, body),
            Notification(notice=notice, conn=who.conn, gateway=who.gateway, follow=looks_around(body)),
        ]

    def heal(self) -> None:
        for player in list(self.players.values()):
            health = player.health
            rests = awaited(health.hit_ms + REST_MS, self.now_ms, REST_MS)
            if player.dead or health.hp >= health.hp_max or rests:
                continue
            healed = player.changed(hp=min(health.hp_max, health.hp + HEAL_HP))
            self._put_player(healed)
            self.notifications += appears(self.state, healed.body)

    def act(self) -> None:
        for creature in list(self.creatures.values()):
            kind = kind_of(creature.kind)
            if not creature.dead and not awaited(creature.act_due_ms, self.now_ms, kind.act_every_ms):
                self._act(creature, kind)

    def _act(self, creature: Creature, kind: Kind) -> None:
        prey = self._prey(creature, kind)
        if prey is None:
            self._wander(creature, kind)
        elif distance(creature, prey.body) <= kind.reach:
            self._strike(creature, kind, prey)
        else:
            dx, dy = _sign(prey.body.x - creature.x), _sign(prey.body.y - creature.y)
            self._step(replace(creature, prey=prey.id), kind, dx, dy)

    def _prey(self, creature: Creature, kind: Kind) -> Fighter | None:
        """Whom it is after: who struck it, or (aggressive) the nearest in sight; nobody where fighting is forbidden."""
        if is_safe(self.zone):
            return None
        seen = [p for p in self.players.values() if not p.dead and distance(creature, p.body) <= kind.sight]
        wanted = [p for p in seen if kind.aggressive or p.id == creature.prey]
        return min(wanted, key=lambda p: (p.id != creature.prey, distance(creature, p.body), p.id), default=None)

    def _strike(self, creature: Creature, kind: Kind, prey: Fighter) -> None:
        damage = blow(self.rng, kind.attack, prey.strength.defence)
        hurt, notifications = strike_player(creature.id, prey, damage, self.now_ms)
        self._put_player(hurt)
        self._put_creature(self._acted(replace(creature, prey=prey.id), kind))
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
        self._put_creature(stepped)
        self.notifications += steps_seen(self.state, creature, stepped)

    def _acted(self, creature: Creature, kind: Kind) -> Creature:
        return replace(creature, act_due_ms=self.now_ms + kind.act_every_ms)

    def _free(self, x: int, y: int) -> bool:
        taken = any((c.x, c.y) == (x, y) and not c.dead for c in self.creatures.values())
        return self.zone.walkable(x, y) and self.zone.on(Portal, x, y) is None and not taken

    def _strays(self, creature: Creature, x: int, y: int) -> bool:
        """Whether a wandering step leads away from home, and too far."""
        home_x, home_y = self.homes.get(creature.id, (x, y))
        now = max(abs(creature.x - home_x), abs(creature.y - home_y))
        then = max(abs(x - home_x), abs(y - home_y))
        return then > WANDER_TILES and then >= now


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)
