"""A hunt for transactions that wait for each other in a circle, on a real PostgreSQL.

Everything that the server does to the database is done by two at once, each on a connection of its own, with a pause
after each statement so that all interleavings come about. PostgreSQL ends one of a circle: that is counted.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations_with_replacement
from random import Random
from threading import Barrier, get_ident
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from gameserver.declare import catalogue
from gameserver.declare.base import Event
from gameserver.declare.session_events import Heartbeat, Lost, Rejoin
from gameserver.errors import Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import Multicast
from gameserver.modules.chat.entities import Membership
from gameserver.modules.chat.events import Join, Leave, Say, Shout, Talk, Whisper, Who
from gameserver.modules.combat.events import Attack, Reward
from gameserver.modules.movement.events import Chart, Look, Move, Show
from gameserver.modules.sessions.entities import Gateway
from gameserver.modules.sessions.events import Ack, Login, Logout, Register, Resume, Sweep
from gameserver.modules.trade.events import Give, Purse
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Announce, Stir, Tick
from gameserver.processing import dead_letters
from gameserver.rules.outcome import Waiting
from gameserver.store import Store, engine
from gameserver.store.statements import Rows
from gameserver.testing.two_zones import WORLD, absent, creature, player
from tests import module_samples
from tests.unit.processing.workshop import PASSWORD, Workshop, entrance

DEADLOCK = "40P01"
DEADLOCK_TIMEOUT_MS = 20
PAUSE_S_MAX = 0.004
FRESH_ODDS = 0.5  # of a world in which nothing has stirred yet
CHANNELS = ("news", "trade")
# Bob's gateway is silent: a sweep takes him out of the world.
ADA, BOB, EVE = player(), player("Bob", x=11, gateway="g9"), player("Eve", x=9)
BODIES = (ADA, BOB, EVE)
PLAYED: dict[str, Callable[[int], Event]] = {
    "move": lambda n: Move(dir="e" if n % 2 else "w", seq=n),
    "look": lambda n: Look(seq=n),
    "chart": lambda n: Chart(seq=n),
    "attack": lambda n: Attack(target=("meadow.rat.1", "bob")[n % 2], seq=n),
    "give": lambda n: Give(to=("Ada", "Bob", "Eve")[n % 3], coins=1, seq=n),
    "purse": lambda n: Purse(seq=n),
    "say": lambda n: Say(text="x", seq=n),
    "shout": lambda n: Shout(text="x", seq=n),
    "whisper": lambda n: Whisper(to=("Ada", "Bob", "Eve")[n % 3], text="x", seq=n),
    "join": lambda n: Join(channel=CHANNELS[n % 2], seq=n),
    "leave": lambda n: Leave(channel=CHANNELS[n % 2], seq=n),
    "talk": lambda n: Talk(channel=CHANNELS[n % 2], text="x", seq=n),
    "who": lambda n: Who(seq=n),
    "logout": lambda n: Logout(seq=n),
    "lost": lambda n: Lost(),
    "rejoin": lambda n: Rejoin(),
    "heartbeat": lambda n: Heartbeat(sessions=n),
    "ack": lambda n: Ack(ids=["mail-ada", "mail-bob", "mail-eve"], seq=n),
    **module_samples.PLAYED,
}
ENTERED: dict[str, Callable[[str], Event]] = {
    "register": lambda name: Register(name=f"New{name}", password=PASSWORD, seq=1),
    "login": lambda name: Login(name=name, password=PASSWORD, seq=1),
    "resume": lambda name: Resume(token=f"t-{name.lower()}", seq=1),
}
SERVER_EVENTS: dict[str, Callable[[int], Event]] = {
    "tick": lambda n: Tick(n=n),
    "stir": lambda n: Stir(zone="meadow", n=n),
    "sweep": lambda n: Sweep(n=n),
    "announce": lambda n: Announce(text="x"),
    **module_samples.TENDED,
}

Work = Callable[[Workshop, int, Random], Any]


def _play(name: str) -> Work:
    def work(shop: Workshop, n: int, rng: Random) -> Any:
        bodies = rng.sample(BODIES, 3)
        return shop.apply(*(shop.tell(body, PLAYED[name](n + k)) for k, body in enumerate(bodies)))

    return work


def _enter(name: str) -> Work:
    def work(shop: Workshop, n: int, rng: Random) -> Any:
        names = rng.sample(["Ada", "Bob", "Eve"], 3)
        return shop.apply(*(entrance(shop, ENTERED[name](who), f"{who}{n}") for who in names))

    return work


def _tend(name: str) -> Work:
    def work(shop: Workshop, n: int, rng: Random) -> Any:
        for tick in (1, 2):  # what the first of both makes is there when the second begins
            event = SERVER_EVENTS[name](shop.now_ms // 500 + tick)
            done = shop.apply(Envelope(id=f"{name}:{n}:{rng.random()}", event=event, at_ms=shop.now_ms))
        return done

    return work


def _rewards() -> list[Envelope]:
    return [
        Envelope(id=f"slain-{body.id}", event=Reward(player=body.id, xp=1, slain="rat"), at_ms=1, in_outbox=True)
        for body in BODIES
    ]


def _reward(shop: Workshop, n: int, rng: Random) -> Any:
    return shop.apply(*rng.sample(_rewards(), 3))


def _born(name: str) -> Work:
    def work(shop: Workshop, n: int, rng: Random) -> Any:
        events = [module_samples.BORN[name](k) for k in rng.sample(range(3), 3)]
        return shop.apply(*(Envelope(id=f"{name}:{n}:{rng.random()}", event=e, at_ms=shop.now_ms) for e in events))

    return work


def _published(shop: Workshop, n: int, rng: Random) -> None:
    shop.store.published(rng.sample(["talk-1", "talk-2", "talk-3"], 3))


def _dead_letter(shop: Workshop, n: int, rng: Random) -> Any:
    return shop.applier.dead_letter(shop.tell(rng.choice(BODIES), Say(text="x", seq=n)), RuntimeError(), 4)


def _dead_letter_of_outbox(shop: Workshop, n: int, rng: Random) -> Any:
    return shop.applier.dead_letter(rng.choice(_rewards()), RuntimeError(), 4)


def _replay(shop: Workshop, n: int, rng: Random) -> None:
    try:
        dead_letters.replay(shop.store, "dead", shop.now_ms)
    except Rejected:
        shop.applier.dead_letter(shop.tell(ADA, Say(text="x", seq=2**40), id="dead"), RuntimeError(), 4)


def _trials(shop: Workshop, n: int, rng: Random) -> None:
    for id_ in rng.sample(["tried-1", "tried-2"], 2):
        shop.store.begin_trial(id_, shop.now_ms)
    with shop.store.transaction() as transaction:
        transaction.forget_trials(rng.sample(["tried-1", "tried-2"], 2))


def _show(shop: Workshop, n: int, rng: Random) -> Any:
    shown = [Envelope(id=f"show:{body.id}", event=Show(player=body.id), at_ms=1, in_outbox=True) for body in BODIES]
    with shop.store.transaction() as transaction:
        rows = [Waiting(one.id, "event", "", msgspec.json.encode(one)) for one in shown]
        transaction.add_waiting(rows, shop.now_ms, shop.now_ms)
    return shop.apply(*rng.sample(shown, 3))


EVENTS: dict[str, Work] = {
    **{name: _play(name) for name in PLAYED},
    **{name: _enter(name) for name in ENTERED},
    **{name: _tend(name) for name in SERVER_EVENTS},
    **{name: _born(name) for name in module_samples.BORN},
    "reward": _reward,
    "show": _show,
}
WORKS: dict[str, Work] = {
    **EVENTS,
    "published": _published,
    "dead letter": _dead_letter,
    "dead letter of the outbox": _dead_letter_of_outbox,
    "replay": _replay,
    "trials": _trials,
}
OF_MODULES = module_samples.SAMPLES.keys()
OTHERS = 250  # pairs with an event of a module that keeps its own samples: all of them would take a quarter of an hour


def _pairs() -> tuple[tuple[str, str], ...]:
    """All pairs, but of those with an event of such modules some, always the same."""
    pairs = list(combinations_with_replacement(WORKS, 2))
    others = [pair for pair in pairs if not OF_MODULES.isdisjoint(pair)]
    return (*(pair for pair in pairs if pair not in others), *Random("pairs").sample(others, OTHERS))


PAIRS = _pairs()
assert set(EVENTS) == set(catalogue.events()), "every event type of the catalogue takes part"


class Hunt:
    """Two workshops on one database. ``deadlocks``: the pairs of which PostgreSQL had to end one."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._rng = Random(f"hunt {seed}")
        self._shops = [Workshop(url) for _ in range(2)]
        self._shops[1].sealer = self._shops[0].sealer
        self._pool = ThreadPoolExecutor(2)
        self.deadlocks: list[tuple[str, str]] = []
        self.conflicts = 0
        self._n = 0

    def close(self) -> None:
        """Let go of all connections, which reports what they saw."""
        self._pool.shutdown()
        for shop in self._shops:
            shop.store.close()

    def pair(self, first: str, second: str) -> None:
        """Both at once, on a world that is as before each pair."""
        self._n += 10
        self._furnish()
        together = Barrier(2)
        jobs = [
            self._pool.submit(self._do, shop, name, together, Random(self._rng.random()))
            for shop, name in zip(self._shops, (first, second), strict=True)
        ]
        ended = [job.result() for job in jobs]
        if any(ended):
            self.deadlocks.append((first, second))

    def _do(self, shop: Workshop, name: str, together: Barrier, rng: Random) -> bool:
        together.wait()
        try:
            done = WORKS[name](shop, self._n, rng)
        except Retryable as trouble:
            self.conflicts += 1
            return getattr(trouble.__cause__, "sqlstate", "") == DEADLOCK
        assert not done or not done.held, done.held
        return False

    def _furnish(self) -> None:
        shop = self._shops[0]
        for one in self._shops:
            one.now_ms += 60_000
        bodies = [*BODIES, absent(player("Zoe"))]
        rows = [Waiting(f"mail-{body.id}", "mail", body.id, b"x") for body in BODIES]
        rows += [Waiting(f"talk-{n}", "talk", "", TALK) for n in (1, 2, 3)]
        rows += [Waiting(reward.id, "event", "", msgspec.json.encode(reward)) for reward in _rewards()]
        with unhurried(), shop.store.transaction() as transaction:
            fresh = ("zone_clocks", "creatures") if self._rng.random() < FRESH_ODDS else ()
            for table in ("accounts", "sessions", "outbox", *fresh):
                transaction._rows.run(text(f"DELETE FROM {table}"))
        with unhurried():
            shop.enter(*bodies)
            shop.put(
                *(() if fresh else (creature(),)),
                *(Gateway(id=id_, seen_ms=shop.now_ms, sessions=1) for id_ in ("g1", "g2")),
                *(Membership(id=f"{c}/{b.id}", channel=c, player=b.id) for c in CHANNELS for b in BODIES),
                ZoneClock(id=PULSE, tick=shop.now_ms // 500),
                *module_samples.THINGS,
            )
        with unhurried(), shop.store.transaction() as transaction:
            transaction.add_waiting(rows, shop.now_ms - 9, shop.now_ms - 1)


TALK = msgspec.msgpack.encode(Multicast(to=("zone.meadow",), packet=b"x"))
_hurried: set[int] = set()


@contextmanager
def unhurried() -> Iterator[None]:
    """No pauses in this thread."""
    _hurried.add(get_ident())
    try:
        yield
    finally:
        _hurried.discard(get_ident())


@contextmanager
def hunt(url: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[Hunt]:
    """A hunt with pauses, and a PostgreSQL that looks for circles at once."""
    options = f"{engine.POSTGRESQL_OPTIONS} -c deadlock_timeout={DEADLOCK_TIMEOUT_MS}ms"
    monkeypatch.setattr(engine, "POSTGRESQL_OPTIONS", options)
    dice = Random(f"pauses {seed}")
    for name in ("run", "many"):
        _slow_down(monkeypatch, name, dice)
    made = Hunt(url, seed)
    try:
        yield made
    finally:
        made.close()


def _slow_down(monkeypatch: pytest.MonkeyPatch, name: str, dice: Random) -> None:
    real = getattr(Rows, name)

    def slowly(self: Rows, *arguments: Any, **values: Any) -> None:
        real(self, *arguments, **values)
        if get_ident() not in _hurried:
            time.sleep(dice.random() * PAUSE_S_MAX)

    monkeypatch.setattr(Rows, name, slowly)


def deadlocks_counted(url: str) -> int:
    """How many PostgreSQL has counted in this database since it was made."""
    store = Store(url, WORLD)
    with store._engine.connect() as connection:
        count = connection.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
    store.close()
    return int(count or 0)
