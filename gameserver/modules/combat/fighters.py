"""Players as far as fights are concerned: where they stand, their health and their strength."""

import msgspec
from msgspec.structs import replace

from gameserver.game import Context, Entity, Needs, Rejected, State, ids
from gameserver.modules.combat.entities import Health, Strength
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor

PARTS = (Body, Health, Strength)  # what a rule names as its ``components`` whose player fights


class Fighter(msgspec.Struct, frozen=True):
    """A player with its body, health and strength."""

    player: Player
    body: Body
    health: Health
    strength: Strength

    @property
    def id(self) -> str:
        """The player's id."""
        return self.player.id

    @property
    def name(self) -> str:
        """The player's name."""
        return self.player.name

    @property
    def parts(self) -> tuple[Body, Health, Strength]:
        """What may change when it is struck."""
        return self.body, self.health, self.strength

    @property
    def dead(self) -> bool:
        """Whether the player is dead, for the moment."""
        return self.health.dead_until_ms > 0

    def changed(self, **changes: int) -> "Fighter":
        """The same with another health, which others see."""
        return replace(self, body=replace(self.body, v=self.body.v + 1), health=replace(self.health, **changes))


def changed_parts(state: State, fighter: Fighter) -> tuple[Entity, ...]:
    """Return what of a fighter is no longer as it was loaded, for a rule to put."""
    return tuple(part for part in fighter.parts if state.get(type(part), part.id) != part)


def fighter_needs(player: str) -> Needs:
    """Select a player as a fighter."""
    return ids(Player, player), ids(Body, player), ids(Health, player), ids(Strength, player)


def fighter_of(state: State, player: str) -> Fighter:
    """A player as a fighter. Raises ``KeyError`` for one that was not loaded."""
    return Fighter(
        state.of(Player)[player], state.of(Body)[player], state.of(Health)[player], state.of(Strength)[player]
    )


def present_fighter(state: State, player: str) -> Fighter | None:
    """The same, None for one that is not in the world."""
    found = state.get(Player, player)
    return fighter_of(state, player) if found is not None and found.present else None


def living_actor(state: State, context: Context) -> Fighter:
    """The player whose event it is. Raises ``NotNow`` ``not_here`` and ``Rejected`` ``dead``."""
    found = fighter_of(state, actor(state, context).id)
    if found.dead:
        raise dead()
    return found


def dead() -> Rejected:
    """What the dead are told."""
    return Rejected("dead", "You are dead, for the moment.")
