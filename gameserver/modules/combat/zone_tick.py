"""A zone during one of its ticks, and what combat makes of that: the dead return, the wounded heal, effects act.

Modules above go on with the same scene: in it bodies are changed one after the other, each as the one before left them.
"""

from msgspec.structs import replace

from gameserver.game import Context, Entity, Event, Notification, Outcome, State, awaited
from gameserver.modules.combat.blows import DEAD_MS, Hurt, resists_of, wound_creature, wound_player
from gameserver.modules.combat.creature_kinds import kind_of
from gameserver.modules.combat.effects import Pulse, pulsed
from gameserver.modules.combat.elements import resisted
from gameserver.modules.combat.entities import Creature, Health, Strength
from gameserver.modules.combat.events import Felt, Respawned
from gameserver.modules.combat.fighters import Fighter, fighter_of
from gameserver.modules.movement.bodies import present_in
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.maps import spawns
from gameserver.modules.movement.view import appears, looks_around

HEAL_HP = 2
REST_MS = 5_000


class Scene:
    """A zone during one tick: bodies as they are changed one after the other, and what is seen of it."""

    def __init__(self, state: State, zone: str, context: Context) -> None:
        self.state = state.to_be_changed((Body, Health, Strength, Creature))
        self.zone = state.zone(zone)
        self.now_ms = context.now_ms
        self.rng = context.rng
        self.players = {body.id: fighter_of(state, body.id) for body in present_in(state, zone)}
        creatures = [creature for creature in state.of(Creature).values() if creature.zone == zone]
        self.creatures = {creature.id: creature for creature in sorted(creatures, key=lambda c: c.id)}
        self.notifications: list[Notification] = []
        self._changed: dict[tuple[type[Entity], str], Entity] = {}
        self._dropped: dict[str, Entity] = {}
        self._events: list[Event] = []

    def outcome(self) -> Outcome:
        """All that has happened."""
        return Outcome(
            put=tuple(self._changed.values()),
            drop=tuple(self._dropped.values()),
            notifications=tuple(self.notifications),
            events=tuple(self._events),
        )

    def put_player(self, player: Fighter) -> None:
        """Let a player be as it is now."""
        before = self.players[player.id]
        self.players[player.id] = player
        for part, was in zip(player.parts, before.parts, strict=True):
            if part != was:
                self._put(part)

    def put_creature(self, creature: Creature) -> None:
        """Let a creature be as it is now."""
        self.creatures[creature.id] = creature
        self._dropped.pop(creature.id, None)
        self._put(creature)

    def drop_creature(self, creature: Creature) -> None:
        """Let a creature be no more."""
        del self.creatures[creature.id]
        self._changed.pop((Creature, creature.id), None)
        self._dropped[creature.id] = creature

    def bear(self, event: Event) -> None:
        """Let an event be born of this tick."""
        self._events.append(event)

    def _put(self, thing: Entity) -> None:
        self.state.put((thing,))
        self._changed[type(thing), thing.id] = thing

    def let_feel(self, hurt: Hurt[Fighter] | Hurt[Creature]) -> None:
        """Let somebody be as a blow (or an effect) left it, with all that follows."""
        if isinstance(hurt.struck, Creature):
            self.put_creature(hurt.struck)
        else:
            self.put_player(hurt.struck)
        self.notifications += hurt.notifications
        self._events += hurt.events

    def is_over(self, due_ms: int, most_ms: int) -> bool:
        """Whether a time that was set has come."""
        return due_ms > 0 and not awaited(due_ms, self.now_ms, most_ms)

    # What combat makes of a tick.

    def raise_players(self) -> None:
        """Let dead players return whose time has come."""
        for player in list(self.players.values()):
            if self.is_over(player.health.dead_until_ms, DEAD_MS):
                self._respawn(player)

    def _respawn(self, player: Fighter) -> None:
        x, y = self.rng.choice(spawns(self.zone))
        alive = player.changed(hp=player.health.hp_max, dead_until_ms=0)
        body, who = replace(alive.body, x=x, y=y), player.player
        self.put_player(replace(alive, body=body))
        notice = Respawned(zone=body.zone, x=x, y=y, hp=alive.health.hp)
        self.notifications += [
            *appears(self.state, body),
            Notification(notice=notice, conn=who.conn, gateway=who.gateway, follow=looks_around(body)),
        ]

    def heal_players(self) -> None:
        """Let the wounded heal who were left in peace."""
        for player in list(self.players.values()):
            health = player.health
            rests = awaited(health.hit_ms + REST_MS, self.now_ms, REST_MS)
            if player.dead or health.hp >= health.hp_max or rests:
                continue
            self._change_health(player, HEAL_HP)

    def _change_health(self, player: Fighter, hp: int) -> None:
        healed = player.changed(hp=min(player.health.hp_max, player.health.hp + hp))
        self.put_player(healed)
        self.notifications += appears(self.state, healed.body)

    def let_effects_act(self) -> None:
        """Let all effects pulse that are due."""
        for player in list(self.players.values()):
            if player.strength.effects and not player.dead:
                self._pulse_player(player)
        for creature in list(self.creatures.values()):
            if creature.effects and not creature.dead:
                self._pulse_creature(creature)

    def _pulse_player(self, player: Fighter) -> None:
        kept, pulses = pulsed(player.strength.effects, self.now_ms)
        self.put_player(replace(player, strength=replace(player.strength, effects=kept)))
        for pulse in pulses:
            player = self.players[player.id]
            if not player.dead:
                self._feel(player, pulse)

    def _feel(self, player: Fighter, pulse: Pulse) -> None:
        kind, before = pulse.kind, player.health.hp
        if kind.heals:
            self._change_health(player, kind.heals)
        else:
            damage = resisted(kind.harm, kind.element, resists_of(player.strength))
            self.let_feel(wound_player(player, pulse.by, damage, self.now_ms))
        hp = self.players[player.id].health.hp
        told = Felt(kind=kind.name, effect=kind.title, change=hp - before, hp=hp)
        self.notifications.append(Notification(notice=told, player=player.id))

    def _pulse_creature(self, creature: Creature) -> None:
        kept, pulses = pulsed(creature.effects, self.now_ms)
        self.put_creature(replace(creature, effects=kept))
        for pulse in pulses:
            creature = self.creatures[creature.id]
            if not creature.dead:
                self._hurt(creature, pulse)

    def _hurt(self, creature: Creature, pulse: Pulse) -> None:
        kind, effect = kind_of(creature.kind), pulse.kind
        if effect.heals:
            healed = replace(creature, hp=min(kind.hp_max, creature.hp + effect.heals), v=creature.v + 1)
            self.put_creature(healed)
            self.notifications += appears(self.state, healed)
            return
        damage = resisted(effect.harm, effect.element, kind.resists)
        credit = pulse.by if pulse.by in self.players else ""
        self.let_feel(wound_creature(creature, pulse.by, credit, damage, self.now_ms, self.rng))
