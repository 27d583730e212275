"""Every step that the code of an event can take wrong, for every event type: it costs that event alone.

Applier, store and process server are real, the queue is a list. Whatever the step, neighbours and followers are applied
once. The guilty event is tried ``max_attempts`` times and kept as a dead letter, its sender is told, and no more of
it is left. And the server raises nothing, for Celery would put the whole batch into the broker's ``dead``.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gameserver.broker.topology import PLAIN
from gameserver.declare import catalogue
from gameserver.declare.base import Event, Notice, Result, event, notice
from gameserver.declare.hooks import Hook, When
from gameserver.errors import NotNow, Rejected, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult, SessionUpdate
from gameserver.messages.task_message import TaskMessage, task_message
from gameserver.modules.chat.entities import ChatLine
from gameserver.modules.combat.events import Reward
from gameserver.modules.trade.events import Give, Received
from gameserver.modules.world.entities import ZoneClock
from gameserver.rules.hooked import HookedRule
from gameserver.rules.outcome import Context, Notification, Outcome, State, Waiting, rule
from gameserver.store.tables import metadata
from gameserver.testing.two_zones import player, players
from tasks.processor import BatchProcessor
from tests import module_samples
from tests.databases import DIALECTS
from tests.selections import selected
from tests.unit.processing.workshop import ADA, BOB, Workshop, packet, walk

GUILTY_SEQ, FOLLOWER_SEQ = 5, 6
TURNS_MAX = 50
DEATHS_MAX = 200
FIELDS: dict[str, Any] = {
    "dir": "n",
    "channel": "trade",
    "text": "hi",
    "to": "bob",
    "target": "bob",
    "name": "Ada",
    "password": "long enough",
    "token": "a token",
    "ids": [],
    "coins": 1,
    "player": "ada",
    "xp": 1,
    "slain": "rat",
    "zone": "meadow",
    "n": 7,
    "sessions": 1,
}


class Queue:
    """What a process publishes with: gateways' ears, and a queue without delays."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.told: list[BatchResult] = []
        self.waiting: list[TaskMessage] = []
        self.published = 0  # messages

    def outbound(self, outbound: BatchResult, keys: Sequence[str]) -> None:
        self.told.append(outbound)

    def task(self, message: TaskMessage, queue: str, exchange: str = "events") -> None:
        self.waiting.append(message)
        self.published += 1


class Mill:
    """A process server on a real store, and a queue that it empties."""

    def __init__(self, url: str) -> None:
        self.workshop = Workshop(url)
        self.queue = Queue()
        publisher: Any = self.queue
        self.server = BatchProcessor(
            applier=self.workshop.applier,
            store=self.workshop.store,
            publisher=publisher,
            queues=PLAIN,
            origin="test",
            clock_ms=lambda: self.workshop.now_ms,
        )

    def run(self, batch: Sequence[Envelope], *, redelivered: bool = False) -> None:
        """Handle a batch, and all that comes of it. It comes to an end."""
        raw = msgspec.json.decode(msgspec.json.encode(batch))
        self.server.handle(raw, task_id="t", tried=False, redelivered=redelivered)
        for _ in range(TURNS_MAX):
            if not self.queue.waiting:
                return
            message = self.queue.waiting.pop(0)
            ((raw,), _, _) = msgspec.json.decode(message.body)
            tried = bool(message.headers["attempts"])
            self.server.handle(raw, task_id=message.task_id, tried=tried, redelivered=False)
        raise AssertionError("it does not end")

    def outlive(self, batch: Sequence[Envelope], death: type[BaseException], rng: Random | None = None) -> int:
        """The same, where handling a message may end its worker: then it comes again. Returns how often it did."""
        messages = [(task_message(batch, "a gateway"), True)]
        deaths = 0
        while messages:
            message, redelivered = messages.pop(rng.randrange(len(messages)) if rng else 0)
            ((raw,), _, _) = msgspec.json.decode(message.body)
            tried = bool(message.headers["attempts"])
            try:
                self.server.handle(raw, task_id=message.task_id, tried=tried, redelivered=redelivered)
            except death:
                deaths += 1
                messages.append((message, True))
            messages += [(published, False) for published in self.queue.waiting]
            self.queue.waiting.clear()
            assert deaths < DEATHS_MAX
        return deaths

    def clocks(self, *ids: str) -> dict[str, int]:
        """How often each of these events was applied."""
        return {id_: clock.tick for id_, clock in self.workshop.load(clocks=ids).of(ZoneClock).items()}


def sample(cls: type[Event], seq: int) -> Event:
    if sample := module_samples.SAMPLES.get(cls.spec.name):
        return replace(sample, seq=seq)
    return cls(seq=seq, **{field.name: FIELDS[field.name] for field in msgspec.structs.fields(cls) if field.required})


def enveloped(mill: Mill, cls: type[Event], body: Any, seq: int) -> Envelope:
    """An event as it stands in the queue: of a client, of a gateway on its behalf, or of the server."""
    workshop, spec = mill.workshop, cls.spec
    if spec.origin == "server":
        envelope = Envelope(
            id=f"deployment:{body.id}{seq}", event=sample(cls, 0), at_ms=workshop.now_ms, in_outbox=spec.durable
        )
        row = Waiting(envelope.id, "event", "", msgspec.json.encode(envelope))
        with workshop.store.transaction() as transaction:
            transaction.add_waiting([row] if spec.durable else [], workshop.now_ms, 2**50)
        return envelope
    event = sample(cls, seq if spec.origin == "client" else 0)
    return workshop.tell(body, event, id=f"{body.session}:{seq}")


# What the guilty event does, at each step. A rule that is sound counts how often it was applied.


class Odd(Result):
    what: Any


@notice()
class Strange(Notice):
    """A notice of anything."""

    what: Any


class Undeclared(Notice):
    """A notice that nobody declared."""


@event(origin="server")
class Stray(Event):
    """An event that is in no catalogue."""


class Bare(Event):
    """An event that nobody declared."""


class Unspeakable(Exception):
    """It can't even say what it is."""

    def __str__(self) -> str:
        raise ValueError("nor this")

    __repr__ = __str__


def raises(error: BaseException) -> Callable[[], Any]:
    def step() -> Any:
        raise error

    return step


def without_end() -> Any:
    return without_end()


def clock(tick: Any, id_: Any = "poison") -> Outcome:
    return Outcome(put=(ZoneClock(id=id_, tick=tick),))


def notifications(**tell: Any) -> Outcome:
    return Outcome(notifications=(Notification(**{"notice": Strange(what=1), **tell}),))


UNCODED: Any = {object()}
HALF = "\ud800"
WIDE = 2**70
HALF_LINE = ChatLine(id="poison", channel="c", by="ada", text=HALF, at_ms=1)

PREPARE: dict[str, Callable[[], Any]] = {
    "raises": raises(ZeroDivisionError()),
    "exits": raises(SystemExit(1)),
    "never returns": without_end,
}
NEEDS: dict[str, Callable[[], Any]] = {
    "raise": raises(ZeroDivisionError()),
    "exit": raises(SystemExit(1)),
    "are none": lambda: None,
    "are no Needs": lambda: "players",
    "are of a wrong type": lambda: selected(players=5),  # type: ignore[arg-type]
    "hold a number": lambda: selected(players=(5,)),  # type: ignore[arg-type]
}
RULE: dict[str, Callable[[], Any]] = {
    "raises": raises(ZeroDivisionError()),
    "exits": raises(SystemExit(1)),
    "never returns": without_end,
    "raises what can't be said": raises(Unspeakable()),
    "gives no outcome": lambda: None,
    "gives something else": lambda: {"put": ()},
    "a notice that can't be encoded": lambda: notifications(to=("zone.meadow",), notice=Strange(what=UNCODED)),
    "a notice that was not declared": lambda: notifications(to=("zone.meadow",), notice=Undeclared()),
    "a notice that is none": lambda: notifications(to=("zone.meadow",), notice=7),
    "told to a number": lambda: notifications(to=(7,)),
    "told to a list": lambda: notifications(to=["zone.meadow"]),
    "told to half a character": lambda: notifications(to=(f"zone.{HALF}",)),
    "told to all but a number": lambda: notifications(to=("zone.meadow",), unless=(7,)),
    "mailed to a number": lambda: notifications(player=7, notice=Received(by="a", coins=1, total=1)),
    "said to a number": lambda: notifications(conn=7, gateway="g1"),
    "said by a number": lambda: notifications(conn="c", gateway=7),
    "tells that are none": lambda: Outcome(notifications=("hello",)),  # type: ignore[arg-type]
    "born is no event": lambda: Outcome(events=("hello",)),  # type: ignore[arg-type]
    "born is not declared": lambda: Outcome(events=(Bare(),)),
    "born is in no catalogue": lambda: Outcome(events=(Stray(),)),
    "born is of wrong types": lambda: Outcome(events=(Reward(player=7, xp="much", slain="x"),)),  # type: ignore[arg-type]
    "follow is none": lambda: Outcome(follow="me"),  # type: ignore[arg-type]
    "follow can't be read": lambda: Outcome(follow=SessionUpdate(watch={"zone": 7})),  # type: ignore[dict-item]
    "done is a number": lambda: Outcome(done=(7,)),  # type: ignore[arg-type]
    "again is none": lambda: Outcome(again=("x",)),  # type: ignore[arg-type]
    "again can't be read": lambda: Outcome(again=(Waiting("w", "talk", "", b"\xff"),)),
}
# Only what a client numbered is answered.
REPLY: dict[str, Callable[[], Any]] = {
    "refuses in no words": raises(Rejected("no", UNCODED)),
    "a result that can't be encoded": lambda: Outcome(result=Odd(what=UNCODED)),
    "a result that is too wide": lambda: Outcome(result=Odd(what=WIDE)),
    "a result that is half a character": lambda: Outcome(result=Odd(what=HALF)),
}
DATABASE: dict[str, Callable[[], Any]] = {
    "puts what is no thing": lambda: Outcome(put=("text",)),  # type: ignore[arg-type]
    "drops what is no thing": lambda: Outcome(drop=("text",)),  # type: ignore[arg-type]
    "puts one thing and then none": lambda: Outcome(put=(ZoneClock(id="poison", tick=1), None)),  # type: ignore[arg-type]
    "puts NULL": lambda: clock(None),
    "puts text for a number": lambda: clock("soon"),
    "puts a number for text": lambda: Outcome(put=(ChatLine(id="poison", channel="c", by="a", text=7, at_ms=1),)),  # type: ignore[arg-type]
    "puts half a number": lambda: clock(1.5),
    "puts a set": lambda: clock(UNCODED),
    "puts a number that is too wide": lambda: clock(WIDE),
    "puts a number just too wide": lambda: clock(2**63),
    "puts half a character": lambda: Outcome(put=(HALF_LINE,)),
    "puts the character 0": lambda: clock(1, "poi\0son"),
    "puts an id that is none": lambda: clock(1, 7),
    "puts an id that can't be one": lambda: clock(1, []),
}
HOOK: dict[str, Callable[[], Any]] = {
    "raises": raises(ZeroDivisionError()),
    "exits": raises(SystemExit(1)),
    "never returns": without_end,
    "raises what can't be said": raises(Unspeakable()),
    "waits for the data tier": raises(Retryable("database_away", "A hook that is no pure function.")),
    "gives something else": lambda: {"put": ()},
    "gives another event": lambda: Bare(),
}
AFTER_HOOK: dict[str, Callable[[], Any]] = {
    **HOOK,
    "puts what is no thing": DATABASE["puts what is no thing"],
    "puts an id that can't be one": DATABASE["puts an id that can't be one"],
    "puts what is not locked": lambda: Outcome(put=(player("Zoe"),)),
    "a notice that can't be encoded": RULE["a notice that can't be encoded"],
    "born is in no catalogue": RULE["born is in no catalogue"],
    "a result of another type": lambda: Outcome(result=Odd(what=1)),
}
LOADING: dict[str, Callable[[], Any]] = {
    "the character 0": lambda: selected(players=("a\0b",)),
    "half a character": lambda: selected(players=(HALF,)),
}


def poisoned(guilty: str, step: str, wrong: Callable[[], Any]) -> Any:
    """A rule for any type, sound but for one event at one step."""

    def at(this: str, context: Context, sound: Any) -> Any:
        return wrong() if (context.id, step) == (guilty, this) else sound

    @rule(
        needs=lambda event, context: at("needs", context, selected(clocks=(context.id,))),
        prepare=lambda event, context, reader, passwords: at("prepare", context, None),
    )
    def sound_but_for_one(state: State, event: Any, context: Context) -> Outcome:
        before = state.of(ZoneClock).get(context.id, ZoneClock(id=context.id, tick=0))
        outcome: Outcome = at("rule", context, Outcome(put=(ZoneClock(id=context.id, tick=before.tick + 1),)))
        return outcome

    if "hook" not in step:
        return sound_but_for_one
    return HookedRule(
        sound_but_for_one,
        [
            hook("rewrite", lambda event: wrong() if step == "rewriting hook" and event.seq == GUILTY_SEQ else None),
            hook("before", lambda state, event, context: at("before hook", context, None)),
            hook("after", lambda state, event, context, outcome: at("after hook", context, None)),
        ],
    )


def hook(when: When, function: Any) -> Hook:
    return Hook(function=function, event="any.event", when=when, order=0, needs=None, at="here:1")


LEFT_OUT = module_samples.SAMPLES.keys() - module_samples.FEW
ALL = tuple(sorted(catalogue.events().keys() - LEFT_OUT))
ANSWERED = tuple(sorted(catalogue.client_events().keys() - LEFT_OUT))


def cases(*ways_of: tuple[str, dict[str, Callable[[], Any]]], events: Sequence[str] = ALL) -> list[Any]:
    return [
        pytest.param(step, wrong, event, id=f"{step} {how}-{event}")
        for step, ways in ways_of
        for how, wrong in ways.items()
        for event in events
    ]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of tracebacks would be most of the time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", params=DIALECTS)
def mill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    """A mill on each database; emptied by each test."""
    yield from _made(request, tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def sqlite_mill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    """A mill on SQLite, for what no database sees."""
    yield from _made(request, tmp_path_factory, "sqlite")


def _made(request: pytest.FixtureRequest, folders: pytest.TempPathFactory, dialect: str) -> Iterator[Mill]:
    if dialect == "sqlite":
        file = folders.mktemp("poison") / "world.sqlite"
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        mill = Mill(f"sqlite:///{file}")
    else:
        cluster = request.getfixturevalue("postgresql_cluster")
        mill = Mill(cluster.url(cluster.migrated))
    yield mill
    mill.workshop.store.close()
    if dialect == "postgresql":
        cluster.empty()


def emptied(workshop: Workshop) -> None:
    with workshop.store._engine.begin() as connection:
        for table in metadata().tables.values():
            connection.execute(table.delete())


def costs_itself_alone(mill: Mill, step: str, wrong: Callable[[], Any], event: str) -> None:
    workshop, cls = mill.workshop, catalogue.events()[event]
    emptied(workshop)
    workshop.enter(ADA, BOB)
    mill.queue.forget()
    guilty, follower = enveloped(mill, cls, ADA, GUILTY_SEQ), enveloped(mill, cls, ADA, FOLLOWER_SEQ)
    batch = [enveloped(mill, cls, BOB, 1), guilty, enveloped(mill, cls, BOB, 2), follower, enveloped(mill, cls, BOB, 3)]
    healthy = workshop.rules[event]
    workshop.rules[event] = poisoned(guilty.id, step, wrong)
    try:
        mill.run(batch)
    finally:
        workshop.rules[event] = healthy
    ids = [envelope.id for envelope in batch]
    assert mill.clocks(*ids, "poison") == {id_: 1 for id_ in ids if id_ != guilty.id}
    (letter,) = workshop.store.dead_letters()
    assert (letter.id, letter.attempts) == (guilty.id, cls.spec.max_attempts)
    rows = workshop.rows()
    assert (rows["trials"], rows["outbox"], rows["chat_lines"]) == (0, 0, 0)
    answers = [packet(direct) for outbound in mill.queue.told for direct in outbound.unicasts if direct.re]
    mine = [answer for answer in answers if answer["re"] == GUILTY_SEQ]
    assert [answer["code"] for answer in mine] == (["dead_lettered"] if cls.spec.origin == "client" else [])
    assert not any(outbound.multicasts for outbound in mill.queue.told)


INSIDE = (
    cases(("prepare", PREPARE), ("needs", NEEDS), ("rule", RULE), ("before hook", HOOK), ("after hook", AFTER_HOOK))
    + cases(("rule", REPLY), events=ANSWERED)
    + cases(("rewriting hook", HOOK), events=sorted(n for n, e in catalogue.client_events().items() if e.spec.numbered))
)
OUTSIDE = cases(("needs", LOADING), ("rule", DATABASE))


@pytest.mark.parametrize(("step", "wrong", "event"), INSIDE)
def test_what_goes_wrong_at_any_step_costs_its_event_alone(
    sqlite_mill: Mill, step: str, wrong: Callable[[], Any], event: str
) -> None:
    costs_itself_alone(sqlite_mill, step, wrong, event)


@pytest.mark.parametrize(("step", "wrong", "event"), OUTSIDE)
def test_what_a_database_does_not_take_costs_its_event_alone(
    mill: Mill, step: str, wrong: Callable[[], Any], event: str
) -> None:
    costs_itself_alone(mill, step, wrong, event)


def movers(mill: Mill, count: int) -> list[Envelope]:
    """A step of each of so many players, who are in the world."""
    bodies = [player(f"P{n}x", x=2 + n % 20, y=7 + n % 8) for n in range(count)]
    mill.workshop.enter(*bodies)
    return [step for body in bodies for step in walk(mill.workshop, body, 1)]


def test_an_innocent_batch_that_is_delivered_again_costs_no_message_and_leaves_no_row(sqlite_mill: Mill) -> None:
    emptied(sqlite_mill.workshop)
    sqlite_mill.queue.forget()
    sqlite_mill.run(movers(sqlite_mill, 800), redelivered=True)
    assert (len(sqlite_mill.queue.told), sqlite_mill.queue.published) == (1, 0)
    assert sum(len(outbound.unicasts) for outbound in sqlite_mill.queue.told) == 800
    assert sqlite_mill.workshop.rows()["trials"] == 0


class Killed(BaseException):
    """The worker is gone, and this test plays the broker that notices."""


def test_a_killer_among_800_costs_twice_the_logarithm_of_messages(sqlite_mill: Mill) -> None:
    """Each delivery that dies comes again under its own id, flagged as redelivered."""
    emptied(sqlite_mill.workshop)
    sqlite_mill.queue.forget()
    batch = movers(sqlite_mill, 800)
    killer = batch[555].id
    healthy = sqlite_mill.workshop.rules["move"]

    @rule(components=healthy.components)  # type: ignore[attr-defined]
    def deadly(state: State, event: Any, context: Context) -> Outcome:
        if context.id == killer:
            raise Killed
        outcome: Outcome = healthy(state, event, context)
        return outcome

    sqlite_mill.workshop.rules["move"] = deadly
    try:
        deaths = sqlite_mill.outlive(batch, Killed)
    finally:
        sqlite_mill.workshop.rules["move"] = healthy
    attempts = type(batch[0].event).spec.max_attempts
    levels = 10  # the logarithm of 800, rounded up
    assert deaths <= levels + 2 + attempts
    assert sqlite_mill.queue.published <= 2 * levels + attempts
    (letter,) = sqlite_mill.workshop.store.dead_letters()
    assert (letter.id, letter.cause.split(":")[0]) == (killer, "WorkerDied")
    answers = [d for outbound in sqlite_mill.queue.told for d in outbound.unicasts if d.re]
    assert sorted(d.conn for d in answers) == sorted(envelope.conn for envelope in batch)
    moved = players(sqlite_mill.workshop.load(players=tuple(e.player for e in batch))).values()
    assert [body.id for body in moved if body.v != 2] == [batch[555].player]
    assert sqlite_mill.workshop.rows()["trials"] == 0


@pytest.mark.parametrize("seed", range(40))
def test_lanes_keep_their_order_whatever_dies_and_in_whatever_order_messages_are_taken(
    sqlite_mill: Mill, seed: int
) -> None:
    lanes_keep_their_order(sqlite_mill, seed)


def put_off_alone(patch: pytest.MonkeyPatch) -> None:
    """What is put off puts nothing else off: what follows it in its lane is applied."""

    def defer(self: Any, item: Any, refusal: NotNow) -> str:
        self._refuse(item, refusal.code, refusal.message, not_now=True)
        return refusal.code

    patch.setattr("gameserver.processing.batch_transaction.BatchTransaction._defer", defer)


# Guarantees, each switched off by itself, with the seed of the adversary that finds it out, and by what.
SABOTAGES = {"what is put off holds its lane": (put_off_alone, 1, "applied after what was put off")}


@pytest.mark.parametrize("guarantee", SABOTAGES)
def test_a_guarantee_that_is_switched_off_is_found_out(
    sqlite_mill: Mill, guarantee: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    off, seed, finds = SABOTAGES[guarantee]
    off(monkeypatch)
    with pytest.raises(AssertionError, match=finds):
        lanes_keep_their_order(sqlite_mill, seed)


def lanes_keep_their_order(mill: Mill, seed: int) -> None:
    """An adversary: events kill, break or are put off by chance, and any message may be taken next."""
    emptied(mill.workshop)
    mill.queue.forget()
    rng = Random(seed)
    bodies = [player(f"P{n}x", x=2 + n, y=10) for n in range(6)]
    mill.workshop.enter(*bodies)
    gifts = [(body, seq) for body in bodies for seq in range(1, rng.randint(2, 8))]
    gifts.sort(key=lambda gift: (gift[1], gift[0].id))
    batch = [mill.workshop.tell(body, Give(to="nobody", coins=1, seq=seq)) for body, seq in gifts]
    deadly = {envelope.id: rng.choice((Killed, ZeroDivisionError, NotNow)) for envelope in rng.sample(batch, 4)}
    heard: dict[str, list[int]] = {}

    @rule()
    def dangerous(state: State, event: Give, context: Context) -> Outcome:
        kind = deadly.get(context.id)
        if kind is NotNow and rng.random() < 0.5:
            raise NotNow("not_here", "Not now.")
        if kind in (Killed, ZeroDivisionError):
            raise kind
        return Outcome()

    healthy = mill.workshop.rules["give"]
    mill.workshop.rules["give"] = dangerous
    try:
        mill.outlive(batch, Killed, rng)
    finally:
        mill.workshop.rules["give"] = healthy
    for outbound in mill.queue.told:
        for direct in outbound.unicasts:
            heard.setdefault(direct.conn, []).append(-direct.re if direct.not_now else direct.re)
    for body in bodies:
        sent = [envelope.event.seq for envelope in batch if envelope.player == body.id]
        answers = [abs(re) for re in dict.fromkeys(heard[body.conn])]
        assert list(dict.fromkeys(answers)) == sent, "each is answered, in order"
        off = [re < 0 for re in dict.fromkeys(heard[body.conn])]
        assert off == sorted(off), "nothing is applied after what was put off"
    codes = {packet(direct).get("code") for outbound in mill.queue.told for direct in outbound.unicasts}
    assert codes <= {None, "not_here", "dead_lettered"}
    assert mill.workshop.rows()["trials"] == 0
