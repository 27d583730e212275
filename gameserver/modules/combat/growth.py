"""What experience makes of a player: with each level more health and attack."""

from msgspec.structs import replace

from gameserver.game import Notification, Outcome, State
from gameserver.modules.combat.entities import Strength
from gameserver.modules.combat.events import Levelled
from gameserver.modules.combat.fighters import Fighter, changed_parts
from gameserver.modules.combat.levels import ATTACK_PER_LEVEL, HP_PER_LEVEL, level_of
from gameserver.modules.movement.view import appears


def bare(xp: int) -> tuple[int, int]:
    """Attack and defence of a player with so much experience who wears nothing."""
    begun = Strength(id="")
    return begun.attack + (level_of(xp) - 1) * ATTACK_PER_LEVEL, begun.defence


def grown(before: Fighter, xp: int) -> Fighter:
    """A player with more experience, and with what the levels are worth that this reaches."""
    total = before.strength.xp + xp
    levels = level_of(total) - level_of(before.strength.xp)
    strength = replace(before.strength, xp=total, attack=before.strength.attack + levels * ATTACK_PER_LEVEL)
    if not levels:
        return replace(before, strength=strength)
    more, health = levels * HP_PER_LEVEL, before.health
    healthier = before.changed(hp_max=health.hp_max + more, hp=health.hp if before.dead else health.hp + more)
    return replace(healthier, strength=strength)


def level_told(state: State, before: Fighter, after: Fighter) -> tuple[Notification, ...]:
    """Tell a player who is there that a level is reached, and those around that it is healthier."""
    level = level_of(after.strength.xp)
    if level == level_of(before.strength.xp) or not before.player.present:
        return ()
    health = after.health
    told = Levelled(level=level, hp=health.hp, hp_max=health.hp_max, attack=after.strength.attack)
    seen = appears(state.folded(Outcome(put=changed_parts(state, after))), after.body)
    return (Notification(notice=told, player=before.id), *seen)
