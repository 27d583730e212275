"""Levels: a table says from how much experience on. What a level is worth is added to what a player has."""

from bisect import bisect_right

# The experience with which each level begins, the first with none.
LEVELS = (
    *(0, 100, 200, 300, 450, 600, 800, 1_000, 1_250, 1_500),
    *(2_000, 2_500, 3_000, 3_750, 4_500, 5_500, 6_500, 8_000, 10_000, 12_500),
)
HP_PER_LEVEL = 5
ATTACK_PER_LEVEL = 1
LOST_PERCENT = 10  # of the experience since the level began, at a death


def level_of(xp: int) -> int:
    """The level that so much experience makes, 1 for none."""
    return max(1, bisect_right(LEVELS, xp))


def left_after_death(xp: int) -> int:
    """The experience that is left to who dies: never less than their level began with."""
    begun = LEVELS[level_of(xp) - 1]
    return xp - max(0, xp - begun) * LOST_PERCENT // 100
