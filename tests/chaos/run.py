"""One run of chaos, from a seed to a verdict.

``python -m tests.chaos --seed 7 --seconds 60`` prints the schedule, what happened and the verdict; exit status 1 when
something was lost, doubled, out of order or never answered.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from tests.chaos.checker import verdict
from tests.chaos.players import Player
from tests.chaos.records import Diary
from tests.chaos.schedule import FAULTS, Fault, draw
from tests.chaos.stage import Stage

PLAYERS = 12
ENTER_TOGETHER = 25  # hashing passwords is slow on purpose
RATE = 6.0
SETTLE_S_MAX = 90.0
QUIET_S = 3.0


class Report(msgspec.Struct):
    """What came of a run."""

    seed: int
    faults: Counter[str]
    actions: Counter[str]
    reconnects: int
    slowest_s: float
    wrong: list[str]

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}",
            *(f"  {count:4} x {fault}" for fault, count in sorted(self.faults.items())),
            *(f"  {count:6} {end}" for end, count in sorted(self.actions.items())),
            f"  {self.reconnects:6} reconnects",
            f"  {self.slowest_s:6.1f} s for the slowest reply",
            "VERDICT: " + ("one story" if not self.wrong else f"{len(self.wrong)} contradictions"),
            *(f"  {sentence}" for sentence in self.wrong[:20]),
        ]
        return "\n".join(lines)


def run(
    stage: Stage,
    seed: int,
    seconds: float,
    *,
    every_s: float = 6.0,
    rate: float = RATE,
    faults: Sequence[str] = tuple(FAULTS),
    schedule: Sequence[Fault] = (),
    settle_s_max: float = SETTLE_S_MAX,
    say: Callable[[str], None] = print,
) -> Report:
    """Play for so many seconds under a schedule of faults (this, or one drawn), recover, and compare."""
    schedule = schedule or draw(seed, seconds, every_s, faults)
    for fault in schedule:
        say(f"  at {fault.at_s:6.2f} s: {fault.what} (no. {fault.which}, for {fault.lasts_s} s where it lasts)")
    stage.raise_curtain()
    diary = asyncio.run(
        played(stage, lambda _: _struck(stage, schedule, seconds, say), rate=rate, settle_s_max=settle_s_max)
    )
    ends = Counter(f"{a.event} {a.end or 'unanswered'} {a.code}".strip() for a in diary.actions)
    slowest_s = max((a.ended_s - a.began_s for a in diary.actions if a.end), default=0.0)
    return Report(seed, Counter(f.what for f in schedule), ends, diary.reconnects, slowest_s, judged(stage, diary))


async def _struck(stage: Stage, schedule: Sequence[Fault], seconds: float, say: Callable[[str], None]) -> None:
    """All faults of a schedule, each at its time."""
    began_s = time.monotonic()
    for fault in schedule:
        await asyncio.sleep(max(0.0, began_s + fault.at_s - time.monotonic()))
        say(f"{time.monotonic() - began_s:7.2f} s: {fault.what}")
        stage.strike(fault)
    await asyncio.sleep(max(0.0, began_s + seconds - time.monotonic()))


async def played(
    stage: Stage,
    happen: Callable[[Sequence[Player]], Awaitable[None]],
    *,
    players: int = PLAYERS,
    rate: float = RATE,
    spread: bool = True,
    settle_s_max: float = SETTLE_S_MAX,
    say: Callable[[str], None] = print,
) -> Diary:
    """Let a crowd play while things happen, and until all of it has recovered. Gives what they wrote down.

    ``spread``: over both gateways; otherwise all begin on the first.
    """
    diary = Diary()
    names = [f"player{n}" for n in range(players)]
    turns = [n % 2 if spread else 0 for n in range(players)]
    here = stage.addresses
    crowd = [Player(name, names, [*here[turn:], *here[:turn]], diary) for name, turn in zip(names, turns, strict=True)]
    for n in range(0, players, ENTER_TOGETHER):
        await asyncio.gather(*(player.enter() for player in crowd[n : n + ENTER_TOGETHER]))
    began_s = time.monotonic()
    games = [asyncio.ensure_future(player.play(rate)) for player in crowd]
    try:
        await happen(crowd)
    finally:
        for game in games:
            game.cancel()
    await stage.do(stage.recover, SETTLE_S_MAX)
    say(f"{time.monotonic() - began_s:7.2f} s: all faults are over")
    await asyncio.gather(*(player.settled(settle_s_max) for player in crowd))
    await _outbox_is_empty(stage.database_url, settle_s_max)
    say(f"{time.monotonic() - began_s:7.2f} s: settled")
    await asyncio.gather(*(player.leave() for player in crowd))
    return diary


def judged(stage: Stage, diary: Diary) -> list[str]:
    """What is wrong, after a game: with what was written down and kept, and with the stage itself."""
    return [*verdict(diary, *read_data_tier(stage.database_url)), *stage.troubles]


async def _outbox_is_empty(database_url: str, s_max: float) -> None:
    """What is owed to players has been told and acknowledged: nothing stands in the outbox for a while."""
    deadline_s = time.monotonic() + s_max
    empty_since_s = time.monotonic()
    while time.monotonic() < deadline_s and time.monotonic() - empty_since_s < QUIET_S:
        await asyncio.sleep(0.2)
        if _query(database_url, "SELECT count(*) FROM outbox")[0][0]:
            empty_since_s = time.monotonic()


def read_data_tier(database_url: str) -> tuple[dict[str, int], Counter[str]]:
    """Coins by player, and the lines of talk that were kept, read without the server's code."""
    purses = {str(id_): int(coins) for id_, coins in _query(database_url, "SELECT id, coins FROM players")}
    lines = Counter(str(text) for (text,) in _query(database_url, "SELECT text FROM chat_lines"))
    return purses, lines


def _query(database_url: str, sql: str) -> list[tuple[int, ...]]:
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(Path(database_url.removeprefix("sqlite:///")), timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    import psycopg

    with psycopg.connect(database_url) as other:
        return other.execute(sql).fetchall()
