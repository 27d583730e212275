"""Read and change the characters that carry things: where they stand, their health, how they fight.

All that the modules about things know of movement and combat is here."""

from msgspec.structs import replace

from gameserver.game import Context, Entity, Needs, Notification, Outcome, Rejected, State
from gameserver.modules.combat.effects import afflicted, cured
from gameserver.modules.combat.entities import Health, Strength
from gameserver.modules.combat.fighters import PARTS as FIGHTERS_PARTS
from gameserver.modules.combat.fighters import Fighter, fighter_needs, fighter_of, living_actor
from gameserver.modules.combat.gear import Gear, written
from gameserver.modules.combat.growth import bare
from gameserver.modules.movement.view import appears, cell_of
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import player_id

# What a rule needs of the player whose event it is, and (``needs_of``) of others beside it, to ask what stands here.
PARTS: tuple[type[Entity], ...] = FIGHTERS_PARTS


def needs_of(player: str) -> Needs:
    """Select another player, to ask what stands here."""
    return fighter_needs(player)


def standing(state: State, context: Context) -> Fighter:
    """The player whose event it is, in the world and alive. Raises ``NotNow`` ``not_here``, ``Rejected`` ``dead``."""
    return living_actor(state, context)


def spot(player: Fighter) -> tuple[str, int, int]:
    """Zone and tile where a player stands."""
    return player.body.zone, player.body.x, player.body.y


def cell(player: Fighter) -> str:
    """The topic of those who see a player."""
    return cell_of(player.body)


def tiles_between(player: Fighter, zone: str, x: int, y: int) -> int | None:
    """How many steps away a tile lies; ``None`` in another zone."""
    return max(abs(player.body.x - x), abs(player.body.y - y)) if player.body.zone == zone else None


def other(state: State, me: Player | Fighter, name: str) -> Player:
    """Another player, in the world or not. Raises ``Rejected`` ``no_such_player``."""
    found = state.get(Player, player_id(name))
    if found is None:
        raise Rejected("no_such_player", f"Nobody is called {name}.")
    if found.id == me.id:
        raise Rejected("no_such_player", "That is yourself.")
    return found


def partner(state: State, me: Fighter, name: str, reach: int) -> Fighter:
    """Another player who is in the world, alive and near.

    Raises ``Rejected``: ``no_such_player``, ``offline``, ``not_alive``, ``out_of_reach``.
    """
    found = other(state, me, name)
    if not found.present:
        raise Rejected("offline", f"{found.name} is not in the world.")
    there = fighter_of(state, found.id)
    if there.dead:
        raise Rejected("not_alive", f"{found.name} is dead, for the moment.")
    away = tiles_between(me, *spot(there))
    if away is None or away > reach:
        raise Rejected("out_of_reach", f"{found.name} is too far away.")
    return there


def health(state: State, player: str) -> tuple[int, int]:
    """A player's health, and how much it has at most."""
    body = state.of(Health)[player]
    return body.hp, body.hp_max


def healed(state: State, player: str, points: int) -> tuple[tuple[Entity, ...], int, tuple[Notification, ...]]:
    """Give a player health: what is put, the health then, and what others see of it."""
    hurt = fighter_of(state, player)
    well = hurt.changed(hp=min(hurt.health.hp_max, hurt.health.hp + points))
    return well.parts, well.health.hp, appears(state.folded(Outcome(put=well.parts)), well.body)


def strengthened(state: State, player: str, attack: int, defence: int, gear: Gear) -> Strength:
    """How a player strikes and is struck with what all that is worn adds; ``gear``: what it does beside that."""
    body = state.of(Strength)[player]
    bare_attack, bare_defence = bare(body.xp)
    return replace(body, attack=bare_attack + attack, defence=bare_defence + defence, gear=written(gear))


def treated(state: State, player: str, gives: str, cures: str, now_ms: int) -> tuple[Strength, ...]:
    """Let an effect act on a player, and those of an element end: what is put."""
    body = state.of(Strength)[player]
    effects = cured(body.effects, cures) if cures else body.effects
    changed = replace(body, effects=afflicted(effects, gives, player, now_ms) if gives else effects)
    return (changed,) if changed != body else ()
