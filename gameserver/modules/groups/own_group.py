"""Which group a player is in, for every rule that needs to know.

An event names no group, and what it needs must be known before anything is loaded. So a rule says
``@rule(prepare=own_group, needs=...)``: the group is read without a lock, its rows are selected by what was read
(``group_needs``), and ``current`` sees, once they are locked, whether it is still so.
"""

from typing import Any

from gameserver.game import Context, Entity, Needs, Passwords, Reader, Rejected, State, ids
from gameserver.modules.groups.entities import Group, Member
from gameserver.modules.sessions.entities import Player


def group_of(reader: Reader, player: str) -> Group | None:
    """Read the group of a player, without a lock."""
    member = reader.get(Member, player)
    return reader.get(Group, member.in_group) if member else None


def group_in(state: State, player: str) -> str:
    """The id of a player's group, "" for none. A hook loads it for other modules' rules; a game may have no groups."""
    member: Member | None = state.things.get(Member, {}).get(player)
    return member.in_group if member else ""


def own_group(event: Any, context: Context, reader: Reader, passwords: Passwords) -> Group | None:
    """Prepare a rule: the group of the player whose event it is. It stands in ``context.prepared``."""
    return group_of(reader, context.player)


def group_needs(found: Group | None, *players: str, parts: tuple[type[Entity], ...] = (), look: bool = False) -> Needs:
    """Select a group that was found, its members, and these players, whether they are in it or not.

    ``parts``: components of theirs that are wanted; ``look``: they are only read.
    """
    everybody = tuple(dict.fromkeys((*(found.players if found else ()), *players)))
    groups = (ids(Group, found.id, look=look),) if found else ()
    kinds: tuple[type[Entity], ...] = (Member, Player, *parts)
    return (*groups, *(ids(kind, *everybody, look=look) for kind in kinds))


def current(state: State, player: str, found: Group | None) -> Group | None:
    """The group of a player, whose rows are locked. Raises ``Rejected`` ``group_changed`` where it is not as found."""
    member = state.get(Member, player)
    group = state.get(Group, member.in_group) if member else None
    if (member is not None and group is None) or (group and group.players) != (found and found.players):
        raise Rejected("group_changed", "The group has changed at this very moment. Try again.")
    return group
