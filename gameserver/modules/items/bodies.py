"""All that the modules about things read and change of a player's body and health, in one place."""

from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.movement.players import living_actor
from gameserver.modules.movement.view import appears, cell_of
from gameserver.rules.outcome import Context, Notification, State

# What a rule needs of the player whose event it is, and of others beside it, to ask what stands here.
PARTS: tuple[type, ...] = ()


def standing(state: State, context: Context) -> Player:
    """The player whose event it is, in the world and alive. Raises ``NotNow`` ``not_here``, ``Rejected`` ``dead``."""
    return living_actor(state, context)


def spot(player: Player) -> tuple[str, int, int]:
    """Zone and tile where a player stands."""
    return player.zone, player.x, player.y


def cell(player: Player) -> str:
    """The topic of those who see a player."""
    return cell_of(player)


def tiles_between(player: Player, zone: str, x: int, y: int) -> int | None:
    """How many steps away a tile lies; ``None`` in another zone."""
    return max(abs(player.x - x), abs(player.y - y)) if player.zone == zone else None


def other(state: State, me: Player, name: str) -> Player:
    """Another player, in the world or not. Raises ``Rejected`` ``no_such_player``."""
    found = state.get(Player, name.lower())
    if found is None:
        raise Rejected("no_such_player", f"Nobody is called {name}.")
    if found.id == me.id:
        raise Rejected("no_such_player", "That is yourself.")
    return found


def partner(state: State, me: Player, name: str, reach: int) -> Player:
    """Another player who is in the world, alive and near.

    Raises ``Rejected``: ``no_such_player``, ``offline``, ``not_alive``, ``out_of_reach``.
    """
    found = other(state, me, name)
    if not found.present:
        raise Rejected("offline", f"{found.name} is not in the world.")
    if found.dead_until_ms:
        raise Rejected("not_alive", f"{found.name} is dead, for the moment.")
    away = tiles_between(me, *spot(found))
    if away is None or away > reach:
        raise Rejected("out_of_reach", f"{found.name} is too far away.")
    return found


def health(state: State, player: str) -> tuple[int, int]:
    """A player's health, and how much it has at most."""
    body = state.of(Player)[player]
    return body.hp, body.hp_max


def healed(state: State, player: str, points: int) -> tuple[tuple[Player, ...], int, tuple[Notification, ...]]:
    """Give a player health: what is put, the health then, and what others see of it."""
    body = state.of(Player)[player]
    well = replace(body, hp=min(body.hp_max, body.hp + points), v=body.v + 1)
    return (well,), well.hp, (appears(well),)


def fighting(state: State, player: str) -> tuple[int, int]:
    """A player's attack and defence."""
    body = state.of(Player)[player]
    return body.attack, body.defence


def strengthened(state: State, player: str, attack: int, defence: int) -> tuple[Player, ...]:
    """Change how a player strikes and is struck: what is put."""
    body = state.of(Player)[player]
    return (replace(body, attack=body.attack + attack, defence=body.defence + defence),)


def slain(put: tuple[object, ...]) -> Creature | None:
    """The creature that a blow has killed."""
    return next((body for body in put if isinstance(body, Creature) and body.dead_until_ms), None)
