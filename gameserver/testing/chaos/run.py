"""One run of chaos on a game, from a seed to a verdict: what the fixture ``chaos`` gives to a test."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from gameserver.client.bots.profile import AttentiveBehaviour, BotProfile
from gameserver.client.bots.profile import profile as bot_profile
from gameserver.declare import catalogue
from gameserver.declare.entity import Entity
from gameserver.declare.game_package import game
from gameserver.errors import GameError
from gameserver.maps.objects import World
from gameserver.maps.world import load_world
from gameserver.testing.chaos.client import ChaosClient
from gameserver.testing.chaos.deployment import StruckDeployment
from gameserver.testing.chaos.records import Action, Diary
from gameserver.testing.chaos.schedule import FAULTS, Fault, draw
from gameserver.testing.chaos.verdict import SUM, told_and_done
from gameserver.testing.effect_log import flows, misdeeds, read_books, read_rows, waiting_rows

# An event, as a map with its type and fields, of a client's dice and of the names of the others; None for none.
Act = Callable[[Random, Sequence[str]], Mapping[str, Any] | None]

# What is wrong with the rows of the end, by kind and id, and with the maps of the files: a sentence each.
Inspect = Callable[[World, Mapping[type[Entity], Mapping[str, Any]]], Iterable[str]]

WORKERS = ("one", "two")
LASTS_S = (0.5, 1.5)  # a short run has no time for long absences
SETTLE_S_MAX = 60.0
QUIET_S = 1.0
POLL_S = 0.1
SHOWN = 10


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. ``ends``: how many events ended how; ``wrong``: the broken promises, a sentence each.

    ``killed_within``: how often a process was killed while an event of a type was under way; "": how often at all.
    ``flows``: what events of a type made of what is conserved, or destroyed.
    """

    seed: int
    faults: Counter[str]
    killed_within: Counter[str]
    ends: Counter[str]
    reconnects: int
    wrong: list[str]
    flows: Counter[tuple[str, str]] = Counter()

    def __str__(self) -> str:
        head = f"chaos, seed {self.seed}: " + (self.wrong[0] if self.wrong else "every promise was kept")
        rows = [*self.wrong[1:SHOWN], *(f"{n} x {what}" for what, n in (self.faults + self.ends).most_common())]
        kills = (f"{n} kills within {event or 'all'}" for event, n in self.killed_within.most_common())
        flows = (f"{name} {n:+,} by {task}" for (name, task), n in sorted(self.flows.items()) if n)
        return "\n".join([head, *(f"  {row}" for row in (*rows, *kills, *flows, f"{self.reconnects} reconnects"))])


class Chaos:
    """Strikes a server of the game while clients act on it. ``imports``: modules that its workers import first."""

    imports: tuple[str, ...] = ("gameserver.testing.effect_log_worker",)

    def __init__(self, amqp_url: str, folder: Path, database_url: str = "") -> None:
        self._amqp_url = amqp_url
        self._folder = folder
        self._database_url = database_url

    def run(self, act: Act | None = None, **how: Any) -> Report:
        """Do what ``report`` does, and fail with one sentence, and the seed, where anything is wrong."""
        report = self.report(act, **how)
        assert not report.wrong, str(report)
        return report

    def report(
        self,
        act: Act | None = None,
        *,
        profile: str = "",
        seed: int = 1,
        seconds: float = 20.0,
        clients: int = 6,
        rate: float = 5.0,
        every_s: float = 2.5,
        faults: Mapping[str, int] = FAULTS,
        inspect: Inspect | None = None,
    ) -> Report:
        """Let clients act for so long under faults, let all recover, and compare. Once in a test.

        ``act``: what clients do, by default what the game's bots do (``profile``: in which of their ways); ``rate``:
        events per second of each. ``every_s``: seconds between faults, on average; ``faults``: which, and how likely
        each is; ``inspect``: what a game finds wrong with the rows of the end. Reports where an event was lost,
        doubled, out of order or answered wrongly, and where something declared as conserved was not.
        """
        families = dict.fromkeys(WORKERS, tuple(catalogue.families()))
        deployment = StruckDeployment(self._amqp_url, self._folder, self._database_url, families_of=families)
        deployment.worker_options = ("--include", ",".join(self.imports))
        before = read_books(deployment.database_url).amounts
        schedule = draw(seed, seconds, every_s, faults, LASTS_S)
        crowd = _crowd(deployment, act, bot_profile(profile), seed, clients)
        try:
            deployment.start_all()
            asyncio.run(_played(deployment, crowd, schedule, seconds, rate))
        finally:
            deployment.stop()
        return _report(deployment, crowd[0].diary, seed, before, inspect)


class _Acting(ChaosClient):
    """A client that does what a test's function says."""

    def __init__(self, act: Act, others: Sequence[str], *given: Any) -> None:
        super().__init__(*given)
        self._choose = act
        self._others = others

    def choose(self) -> tuple[str, dict[str, Any]] | None:
        return _split(self._choose(self.rng, self._others))


class _Bot(ChaosClient):
    """A client that does what a bot of the game does."""

    def __init__(self, found: BotProfile, number: int, count: int, known: set[str], *given: Any) -> None:
        super().__init__(*given)
        self._behaviour = found.behaviour(self.rng, number, count, self.name.rstrip("0123456789"), known)

    def choose(self) -> tuple[str, dict[str, Any]] | None:
        return _split(self._behaviour.choose(self.client.me, self.client.beings))

    def ended(self, action: Action) -> None:
        event = {"type": action.event, **action.fields}
        self._behaviour.learn(event, action.code, self.client.me.get("zone", ""))
        if action.end == "ok" and isinstance(self._behaviour, AttentiveBehaviour):
            self._behaviour.learn_data(event, action.data or {})

    def told(self, notice: dict[str, Any]) -> None:
        if isinstance(self._behaviour, AttentiveBehaviour):
            self._behaviour.hear(notice)


def _split(event: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]] | None:
    if event is None:
        return None
    return str(event["type"]), {name: value for name, value in event.items() if name != "type"}


def _crowd(
    deployment: StruckDeployment, act: Act | None, plays: BotProfile, seed: int, count: int
) -> list[ChaosClient]:
    names = [f"chaos{n}" for n in range(count)]
    diary, known = Diary(), set[str]()
    crowd: list[ChaosClient] = []
    for n, name in enumerate(names):
        turn = n % len(deployment.addresses)
        given = (name, [*deployment.addresses[turn:], *deployment.addresses[:turn]], diary, Random(f"{seed}/{n}"))
        others = [other for other in names if other != name]
        crowd.append(_Acting(act, others, *given) if act else _Bot(plays, n, count, known, *given))
    return crowd


async def _played(
    deployment: StruckDeployment,
    crowd: Sequence[ChaosClient],
    schedule: Sequence[Fault],
    seconds: float,
    rate: float,
) -> None:
    """Let a crowd act while faults strike, and until all of it has recovered."""
    await asyncio.gather(*(client.enter() for client in crowd))
    deployment.listen(asyncio.get_running_loop(), crowd)
    acting = [asyncio.ensure_future(client.play(rate)) for client in crowd]
    try:
        await strike_all(deployment, schedule, seconds)
    finally:
        for one in acting:
            one.cancel()
    _raise_what_broke(await asyncio.gather(*acting, return_exceptions=True))
    await deployment.do(deployment.recover, SETTLE_S_MAX)
    await asyncio.gather(*(client.settled(SETTLE_S_MAX) for client in crowd))
    await outbox_is_empty(deployment.database_url, SETTLE_S_MAX, QUIET_S)
    await asyncio.gather(*(client.leave() for client in crowd))


def _raise_what_broke(ended: Sequence[Any]) -> None:
    """Raise what a test's own function raised."""
    for error in ended:
        if isinstance(error, Exception) and not isinstance(error, GameError):
            raise error


async def strike_all(
    deployment: StruckDeployment, schedule: Sequence[Fault], seconds: float, say: Callable[[str], None] = print
) -> None:
    """Let all faults of a schedule happen, each at its time."""
    began_s = time.monotonic()
    for fault in schedule:
        await asyncio.sleep(max(0.0, began_s + fault.at_s - time.monotonic()))
        say(f"{time.monotonic() - began_s:7.2f} s: {fault.what}")
        deployment.strike(fault)
    await asyncio.sleep(max(0.0, began_s + seconds - time.monotonic()))


async def outbox_is_empty(database_url: str, s_max: float, quiet_s: float) -> None:
    """Wait until what is owed to players has been told and acknowledged: nothing is in the outbox for a while."""
    deadline_s = time.monotonic() + s_max
    empty_since_s = time.monotonic()
    while time.monotonic() < deadline_s and time.monotonic() - empty_since_s < quiet_s:
        await asyncio.sleep(POLL_S)
        if waiting_rows(database_url):
            empty_since_s = time.monotonic()


def _inspected(database_url: str, inspect: Inspect | None) -> Iterator[str]:
    if inspect is not None:
        yield from (f"{SUM}: {sentence}" for sentence in inspect(load_world(game().world), read_rows(database_url)))


def _report(
    deployment: StruckDeployment,
    diary: Diary,
    seed: int,
    before: Counter[tuple[str, str]],
    inspect: Inspect | None,
) -> Report:
    books = read_books(deployment.database_url)
    wrong = [
        *told_and_done(diary, books.entries),
        *(f"{SUM}: {sentence}" for sentence in misdeeds(books.entries, before, books.amounts)),
        *_inspected(deployment.database_url, inspect),
        *deployment.troubles,
    ]
    return Report(
        seed=seed,
        faults=deployment.struck,
        killed_within=deployment.killed_within,
        ends=diary.ends,
        reconnects=diary.reconnects,
        wrong=wrong,
        flows=flows(books.entries),
    )
