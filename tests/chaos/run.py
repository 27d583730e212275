"""One run of chaos, from a seed to a verdict.

``python -m tests.chaos --seed 7 --seconds 60`` prints the schedule, what happened and the verdict; exit status 1 when
something was lost, doubled, out of order, answered wrongly or never.
"""

import asyncio
import gc
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gameserver.modules.trade.entities import Purse
from gameserver.testing.chaos.run import outbox_is_empty, strike_all
from gameserver.testing.chaos.schedule import Fault, endless
from gameserver.testing.chaos.verdict import DOUBLED, SUM, by_kind
from gameserver.testing.conservation import Amounts, difference
from gameserver.testing.effect_log import misdeeds, read_books, repeated
from tests.chaos.checker import harmed, verdict
from tests.chaos.players import Player, visit_often
from tests.chaos.records import Diary
from tests.chaos.schedule import FAULTS, MANY, draw
from tests.chaos.stage import Stage

PLAYERS = 12
ENTER_TOGETHER = 25  # hashing passwords is slow on purpose
RATE = 6.0
SETTLE_S_MAX = 90.0
QUIET_S = 3.0
PURSE = 1_000_000_000  # everyone can pay for gifts that all have amounts of their own
TOLD_EVERY_S = 30.0
STANDSTILL_S = 15.0
SHOWN_OF_EACH = 8
TICKS = "SELECT id, tick FROM zone_clocks ORDER BY id"

# What players do beside playing on: how likely a whisper is poisoned, and a gift one that only the other release knows.
POISON = 0.01
TIPS = 0.02


class Report(msgspec.Struct):
    """What came of a run."""

    name: str
    seconds: float
    faults: Counter[str]
    actions: Counter[str]
    reconnects: int
    median_s: float
    p99_s: float
    slowest_s: float
    wrong: list[str]

    def __str__(self) -> str:
        lines = [
            self.name,
            f"  {self.faults.total():7} faults in {self.seconds:.0f} s:",
            *(f"  {count:7} x {fault}" for fault, count in sorted(self.faults.items())),
            f"  {self.actions.total():7} events, {self.actions.total() / self.seconds:.0f} a second:",
            *(f"  {count:7} {end}" for end, count in sorted(self.actions.items())),
            f"  {self.reconnects:7} reconnects",
            f"  {self.median_s:7.2f} s: the median reply, {self.p99_s:.2f} s: p99, {self.slowest_s:.1f} s: the slowest",
            "  " + ", ".join(f"{count} {kind}" for kind, count in by_kind(self.wrong).items()),
            "VERDICT: " + ("one story" if not self.wrong else f"{len(self.wrong)} contradictions"),
            *(f"  {sentence}" for sentence in _some(self.wrong)),
        ]
        return "\n".join(lines)


def _some(sentences: Iterable[str]) -> Iterator[str]:
    """A few sentences of each kind."""
    shown: Counter[str] = Counter()
    for sentence in sentences:
        kind = sentence.partition(":")[0]
        shown[kind] += 1
        if shown[kind] <= SHOWN_OF_EACH:
            yield sentence


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
    poison: float = 0.0,
    tips: float = 0.0,
    say: Callable[[str], None] = print,
) -> Report:
    """Play for so many seconds under a schedule of faults (this, or one drawn), recover, and compare."""
    schedule = schedule or draw(seed, seconds, every_s, faults)
    for fault in schedule:
        say(f"  at {fault.at_s:6.2f} s: {fault.what} (no. {fault.which}, for {fault.lasts_s} s where it lasts)")
    stage.start_all()
    began_s = time.monotonic()
    happen = partial(_struck, stage, schedule, seconds, say)
    diary = asyncio.run(played(stage, happen, rate=rate, settle_s_max=settle_s_max, poison=poison, tips=tips, say=say))
    return _report(f"seed {seed}", stage, diary, time.monotonic() - began_s)


def run_long(
    stage: Stage,
    seed: int,
    faults: int,
    events: int,
    *,
    every_s: float,
    players: int,
    rate: float,
    poison: float,
    tips: float,
    say: Callable[[str], None] = print,
) -> Report:
    """Play until there were so many faults and so many events were answered, recover, and compare."""
    stage.start_all()
    began_s = time.monotonic()
    happen = partial(_struck_often, stage, endless(seed, every_s, MANY), faults, events, say)
    game = played(stage, happen, players=players, rate=rate, poison=poison, tips=tips, say=say)
    gc.freeze()
    diary = asyncio.run(game)
    return _report(f"long run, seed {seed}", stage, diary, time.monotonic() - began_s)


def _report(name: str, stage: Stage, diary: Diary, seconds: float) -> Report:
    took_s = sorted(diary.took_s) or [0.0]
    return Report(
        name,
        seconds,
        stage.struck,
        diary.ends,
        diary.reconnects,
        took_s[len(took_s) // 2],
        took_s[len(took_s) * 99 // 100],
        took_s[-1],
        judged(stage, diary),
    )


async def _struck(
    stage: Stage, schedule: Sequence[Fault], seconds: float, say: Callable[[str], None], crowd: Sequence[Player]
) -> None:
    """All faults of a schedule, each at its time."""
    await strike_all(stage, schedule, seconds, say)


async def _struck_often(
    stage: Stage,
    faults: Iterable[Fault],
    faults_due: int,
    events_due: int,
    say: Callable[[str], None],
    crowd: Sequence[Player],
) -> None:
    """Faults, each at its time, until there were enough of them and of answered events."""
    began_s = told_s = time.monotonic()
    for fault in faults:
        await asyncio.sleep(max(0.0, began_s + fault.at_s - time.monotonic()))
        answered, struck = sum(player.answered for player in crowd), stage.struck.total()
        if answered >= events_due and struck >= faults_due:
            return
        stage.strike(fault)
        if time.monotonic() > told_s + TOLD_EVERY_S:
            told_s = time.monotonic()
            say(f"{told_s - began_s:7.0f} s: {struck} faults, {answered} events answered")


async def played(
    stage: Stage,
    happen: Callable[[Sequence[Player]], Awaitable[None]],
    *,
    players: int = PLAYERS,
    rate: float = RATE,
    spread: bool = True,
    settle_s_max: float = SETTLE_S_MAX,
    poison: float = 0.0,
    tips: float = 0.0,
    say: Callable[[str], None] = print,
) -> Diary:
    """Let a crowd play while things happen, and until all of it has recovered. Gives what they wrote down.

    ``spread``: over both gateways; otherwise all begin on the first.
    """
    diary = Diary(coins_at_first=PURSE)
    names = [f"player{n}" for n in range(players)]
    turns = [n % 2 if spread else 0 for n in range(players)]
    here = stage.addresses
    crowd = [
        Player(n, names, [*here[turn:], *here[:turn]], diary, poison=poison, tips=tips) for n, turn in enumerate(turns)
    ]
    for n in range(0, players, ENTER_TOGETHER):
        await asyncio.gather(*(player.enter() for player in crowd[n : n + ENTER_TOGETHER]))
    diary.granted = fill_purses(stage.database_url)
    stage.listen(asyncio.get_running_loop(), crowd)
    began_s = time.monotonic()
    games = [asyncio.ensure_future(player.play(rate)) for player in crowd]
    games.append(asyncio.ensure_future(visit_often(here, diary)))
    try:
        await happen(crowd)
    finally:
        for game in games:
            game.cancel()
    await stage.do(stage.recover, SETTLE_S_MAX)
    say(f"{time.monotonic() - began_s:7.2f} s: all faults are over")
    await asyncio.gather(*(player.settled(settle_s_max) for player in crowd))
    await outbox_is_empty(stage.database_url, settle_s_max, QUIET_S)
    say(f"{time.monotonic() - began_s:7.2f} s: settled")
    await asyncio.gather(*(player.leave() for player in crowd))
    return diary


def judged(stage: Stage, diary: Diary) -> list[str]:
    """What is wrong, after a game: with what was written down and kept, and with the stage itself."""
    found = verdict(diary, *read_data_tier(stage.database_url))
    return [
        *found,
        *_conservation(stage.database_url, diary),
        *harmed(diary),
        *_standstill(stage.database_url),
        *stage.troubles,
    ]


def _conservation(database_url: str, diary: Diary) -> Iterator[str]:
    """What events did, by what they wrote down: each once, and what the game declares as conserved is."""
    books = read_books(database_url)
    yield from (f"{DOUBLED}: {id_} took effect {n} times" for id_, n in repeated(books.entries).items())
    yield from (f"{SUM}: {sentence}" for sentence in misdeeds(books.entries, diary.granted, books.amounts))


def _standstill(database_url: str) -> list[str]:
    """Whether the world's clock goes on, now that everything does."""
    deadline_s = time.monotonic() + STANDSTILL_S
    before = query(database_url, TICKS)
    while time.monotonic() < deadline_s:
        if query(database_url, TICKS) != before:
            return []
        time.sleep(0.2)
    return [f"no zone has lived for {STANDSTILL_S:.0f} s"]


def read_data_tier(database_url: str) -> tuple[dict[str, int], Counter[str]]:
    """Coins by player, and the lines of talk that were kept, read without the server's code."""
    table, field = _purses()
    purses = {str(id_): int(coins) for id_, coins in query(database_url, f"SELECT id, {field} FROM {table}")}
    lines = Counter(str(text) for (text,) in query(database_url, "SELECT text FROM chat_lines"))
    return purses, lines


def fill_purses(database_url: str) -> Amounts:
    """Make everyone rich, before anyone plays. Gives what was added."""
    table, field = _purses()
    before = read_books(database_url).amounts
    query(database_url, f"UPDATE {table} SET {field} = {PURSE} RETURNING id")
    return difference(before, read_books(database_url).amounts)


def _purses() -> tuple[str, str]:
    """The table and the column that hold what players carry of coins: banks, letters and lots hold some, too."""
    (table,) = (table for table, fields in Purse.spec.tables.items() if "coins" in fields)
    return table, "coins"


def query(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    """Ask the data tier, without the server's code."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(Path(database_url.removeprefix("sqlite:///")), timeout=30)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()
    import psycopg

    with psycopg.connect(database_url) as other:
        return other.execute(sql).fetchall()
