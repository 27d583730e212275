"""Who goes with whom, and who is asked to."""

import msgspec
from msgspec.structs import replace

from gameserver.game import Entity, Index, entity


@entity(table="player_groups")  # GROUPS is a word of SQL
class Group(Entity, frozen=True):
    """A group. ``members``: the players' ids as JSON; the first leads, and after it whoever came next."""

    id: str
    members: str

    @property
    def players(self) -> list[str]:
        """The ids of its members, the one who leads first."""
        return msgspec.json.decode(self.members, type=list[str])

    def of(self, players: list[str]) -> "Group":
        """The same group with these members."""
        return replace(self, members=msgspec.json.encode(players).decode())


@entity(table="group_members", indexes=(Index(("look_ms",), name="look"),))
class Member(Entity, frozen=True):
    """A player who is in a group; ``id``: the player's.

    ``look_ms``: when it is looked at next whether the player is in the world; ``absences``: how often in a row it was
    not.
    """

    id: str
    in_group: str
    look_ms: int
    absences: int = 0


@entity()
class Invitation(Entity, frozen=True):
    """The last invitation of a player; ``id``: the player's. ``by``: who asks; ``until_ms``: how long it counts."""

    id: str
    by: str
    until_ms: int
