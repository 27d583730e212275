"""Whom and what a rule finds: the player whose event it is, and the bodies around."""

from gameserver.errors import NotNow, Rejected
from gameserver.modules.movement.entities import Creature, Player
from gameserver.modules.movement.view import sight
from gameserver.rules.needs import Near, Needs, near, where
from gameserver.rules.outcome import Context, State, has_room_for_mail

AROUND_LOCKED_MAX = 200  # players, and creatures as many, for each who asks: the nearest


def actor(state: State, context: Context) -> Player:
    """The player whose event it is. Raises ``NotNow`` ``not_here`` when not in the world.

    That is so when the connection was lost while the event was under way: a resumed session sends it again.
    """
    player = state.get(Player, context.player)
    if player is None or not player.present:
        raise NotNow("not_here", "You are not in the world.")
    return player


def living_actor(state: State, context: Context) -> Player:
    """The same, alive. Raises ``Rejected`` ``dead``."""
    player = actor(state, context)
    if player.dead_until_ms:
        raise Rejected("dead", "You are dead, for the moment.")
    return player


def check_mailbox(state: State, receiver: Player) -> None:
    """Raises ``Rejected`` ``mailbox_full`` when there is no room for a durable notice."""
    if not has_room_for_mail(state, receiver.id):
        raise Rejected("mailbox_full", f"{receiver.name} has too many messages waiting.")


def around(player: str) -> Near:
    """Select what a player sees, to be read only."""
    return near(Player, player, (Player, Creature), sight)


def around_locked(player: str) -> Near:
    """Select what a player sees, to be changed: the 200 nearest players, and as many creatures."""
    return near(Player, player, (Player, Creature), sight, lock_most=AROUND_LOCKED_MAX)


def bodies_in(zone: str) -> Needs:
    """Select the players who are present in a zone, and its creatures, to be changed."""
    return where(Player, when="present", zone=zone), where(Creature, zone=zone)


def players_in(state: State, zone: str) -> list[Player]:
    """The players present in a zone, as far as they were loaded, by id."""
    return sorted((p for p in state.of(Player).values() if p.zone == zone and p.present), key=lambda p: p.id)


def creatures_in(state: State, zone: str) -> list[Creature]:
    """The creatures of a zone, as far as they were loaded, by id."""
    return sorted((c for c in state.of(Creature).values() if c.zone == zone), key=lambda c: c.id)
