"""What a seed makes of a run: which database, which limits, which of the adversary's moves, and how often.

Not every run knows every fault: a few kinds at a time, each often, find more than all kinds at once, each seldom.
"""

from random import Random

import msgspec
from msgspec.structs import replace

REPUBLISH_AFTER_S = (45.0, 45.0, 5.0, 2.0)  # the default, and shorter ones
ECONOMY_ODDS = 0.25
ADVENTURE_ODDS = 0.5  # of an economy
TRAVEL_ODDS = 0.3  # of those
FIGHT_ODDS = 0.1
FIGHT_ACTIONS = 40  # who fights waits for much of the time
FULL_ACTIONS = 60  # there is much to do
DEADLY = frozenset({"kill_worker", "kill_gateway", "hang_up"})
POISONS = ("needs", "prepare", "rule", "result", "put", "null", "wide", "notice", "born", "stranger", "killer")


class Chances(msgspec.Struct, frozen=True, kw_only=True):
    """How likely small faults are, each where it can happen."""

    publish_lost: float = 0.0
    confirm_lost: float = 0.0
    delayed: float = 0.0
    ack_lost: float = 0.0
    crash: float = 0.0  # of a batch
    switch: float = 0.0  # at a statement, a wait or a publish
    poison: float = 0.0  # of a player's event
    move: float = 0.0  # of one of the adversary's moves after a step


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A run. ``moves``: names of the adversary's moves that it knows; ``poisons``: in which steps events break.

    ``wants``: the only thing that players do, "" for all; ``economy``: whether they have things and trade with them;
    ``adventures``: whether these also go on quests, and in groups; ``travels``: whether they go into instances,
    in groups too; ``builds``: whether some change the map;
    ``fights``: whether they fight what kills, tame creatures and challenge each other;
    ``bursts``: how much one does at once.
    """

    seed: int
    one_writer: bool
    republish_after_s: float
    steps: int
    actions: int
    chances: Chances
    moves: frozenset[str]
    poisons: tuple[str, ...]
    wants: str = ""
    economy: bool = False
    adventures: bool = False
    travels: bool = False
    fights: bool = False
    builds: bool = False
    bursts: tuple[int, ...] = (1, 1, 1, 4)


def make_story(seed: int, moves: tuple[str, ...]) -> Story:
    """The story of a seed."""
    rng = Random(f"story {seed}")

    def some(*odds: float) -> float:
        return rng.choice(odds)

    chances = Chances(
        publish_lost=some(0.0, 0.02),
        confirm_lost=some(0.0, 0.02, 0.1),
        delayed=some(0.0, 0.0, 0.1),
        ack_lost=some(0.0, 0.04, 0.1),
        crash=some(0.0, 0.06, 0.2),
        switch=some(0.0, 0.05, 0.2),
        poison=some(0.0, 0.0, 0.15),
        move=some(0.02, 0.04, 0.08),
    )
    story = Story(
        seed=seed,
        one_writer=rng.random() < 0.3,
        republish_after_s=rng.choice(REPUBLISH_AFTER_S),
        steps=rng.choice((100, 150, 200)),
        actions=rng.choice((6, 10, 14)),
        chances=chances,
        moves=frozenset(name for name in moves if rng.random() < 0.4),
        poisons=tuple(rng.sample(POISONS, 2)) if chances.poison else (),
        economy=rng.random() < ECONOMY_ODDS,
        adventures=rng.random() < ADVENTURE_ODDS,
    )
    story = replace(story, travels=story.economy and rng.random() < TRAVEL_ODDS)
    return replace(story, fights=True, actions=FIGHT_ACTIONS) if rng.random() < FIGHT_ODDS else story


def make_full_story(seed: int, moves: tuple[str, ...]) -> Story:
    """The story of a seed with all that players do, in which workers and gateways die and messages are lost, always."""
    story = make_story(seed, moves)
    rough = story.chances
    chances = replace(
        rough,
        publish_lost=max(rough.publish_lost, 0.01),
        ack_lost=max(rough.ack_lost, 0.04),
        crash=max(rough.crash, 0.06),
        switch=max(rough.switch, 0.05),
    )
    everything = {"economy": True, "adventures": True, "travels": True, "fights": True}
    return replace(story, chances=chances, moves=story.moves | DEADLY, actions=FULL_ACTIONS, **everything)
