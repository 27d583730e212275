from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from celery.exceptions import Reject
from msgspec.structs import replace

from gameserver.apply import Applied, Held
from gameserver.errors import Retryable
from gameserver.events.chat import Say
from gameserver.events.combat import Reward
from gameserver.events.envelope import Envelope, Outbound
from gameserver.events.movement import Move
from gameserver.events.world import Stir
from gameserver.topology import PLAIN, Queues
from tasks.server import LEASE_MARGIN_S, PAUSE_S, Server

MAX_ATTEMPTS = Move.spec.max_attempts


class Broken(Exception):
    """What a broken rule raises here."""


class House:
    """Applier, store, publisher and clock of a process server, all of them recorders.

    ``broken``: ids of events whose rule breaks; ``takes_s``: how long a batch takes, ``looking_up_s`` to look
    up trials; ``away``: how often the data tier is not ready (``settling_fails``, ``burying_fails``: only for that);
    ``born``: what events beget.
    """

    def __init__(self, queues: Queues = PLAIN) -> None:
        self.broken: set[str] = set()
        self.takes_s = self.looking_up_s = 0.0
        self.away = 0
        self.settling_fails = 0
        self.burying_fails = 0
        self.tidying_fails = False
        self.born: tuple[Envelope, ...] = ()
        self.log: list[Any] = []
        self.counted: dict[str, int] = {}
        self.now_s = 100.0
        self.server = Server(
            applier=self,
            store=self,
            publisher=self,
            queues=queues,
            origin="here",
            clock_ms=lambda: 5,
            clock_s=lambda: self.now_s,
            pause=self.pause,
        )

    def handle(self, *batch: Envelope, tried: bool = False, redelivered: bool = False) -> None:
        raw = msgspec.json.decode(msgspec.json.encode(batch))
        self.server.handle(raw, task_id="task1", tried=tried, redelivered=redelivered)

    def logged(self, what: str) -> list[Any]:
        return [rest for kind, *rest in self.log if kind == what]

    # The applier.

    def apply(self, batch: Sequence[Envelope], *, tried: bool = False) -> Applied:
        self._maybe_away()
        self.now_s += self.takes_s
        done, held = [], {}
        for envelope in batch:
            if envelope.order in held or envelope.id in self.broken:
                held.setdefault(envelope.order, []).append(envelope)
            else:
                done.append(envelope.id)
        self.log.append(("applied", done))
        return Applied(
            outbound=Outbound(done=batch[0].event.spec.name),
            keys=("gateway.g1",),
            born=self.born,
            published=tuple(f"outbox of {id_}" for id_ in done),
            held=tuple(Held(envelopes=tuple(group), cause=Broken()) for group in held.values()),
        )

    def nothing(self, batch: Sequence[Envelope]) -> Applied:
        outbound = Outbound(done=batch[0].event.spec.name)
        return Applied(outbound=outbound, keys=("gateway.g1",), born=(), published=(), held=())

    def bury(self, envelope: Envelope, cause: BaseException, attempts: int) -> Applied:
        if self.burying_fails:
            self.burying_fails -= 1
            raise Retryable("database_away", "Not now.")
        self.log.append(("buried", envelope.id, type(cause).__name__, attempts))
        outbound = Outbound(done=envelope.event.spec.name)
        return Applied(outbound=outbound, keys=("gateway.g1",), born=(), published=(), held=())

    # The store.

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        self.now_s += self.looking_up_s
        return {id_: self.counted[id_] for id_ in ids if id_ in self.counted}

    def begin_trial(self, id_: str, now_ms: int) -> int:
        self.counted[id_] = self.counted.get(id_, 0) + 1
        return self.counted[id_]

    def published(self, ids: Sequence[str]) -> None:
        if self.settling_fails:
            self.settling_fails -= 1
            raise Retryable("database_away", "Not now.")
        self.log.append(("settled", list(ids)))

    def tidy(self) -> None:
        if self.tidying_fails:
            raise Retryable("database_away", "Not now.")
        self.log.append(("tidied",))

    # The publisher.

    def outbound(self, outbound: Outbound, keys: Sequence[str]) -> None:
        self.log.append(("told", outbound, keys))

    def task(self, message: Any, queue: str, exchange: str = "events") -> None:
        ((batch,), _, _) = msgspec.json.decode(message.body)
        ids = [envelope["id"] for envelope in batch]
        self.log.append(("task", exchange, queue, ids, message.headers["attempts"]))

    # The clock.

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    def _maybe_away(self) -> None:
        if self.away:
            self.away -= 1
            raise Retryable("database_away", "Not now.")


def move(id_: str, session: str = "s1") -> Envelope:
    return Envelope(id=id_, event=Move(dir="n", seq=1), at_ms=0, session=session, conn=session, gateway="g1")


@pytest.fixture
def house() -> House:
    return House()


def test_a_fresh_batch_is_applied_at_once_and_told_after_that(house: House):
    house.handle(move("a"), move("b", "s2"))
    assert house.log == [
        ("applied", ["a", "b"]),
        ("told", Outbound(done="move", task="task1", began_ms=5), ("gateway.g1",)),
        ("settled", ["outbox of a", "outbox of b"]),
        ("tidied",),
    ]


def test_a_fresh_batch_counts_no_trials(house: House):
    house.handle(move("a"))
    assert house.counted == {}


def test_what_broke_waits_with_what_follows_it_in_its_lane_and_its_neighbours_do_not(house: House):
    house.broken = {"b"}
    house.handle(move("a"), move("b"), move("c"), move("x", "s2"))
    assert house.logged("applied") == [[["a", "x"]]]
    assert house.logged("task") == [["delay.500", "movement", ["b", "c"], 1]]


def test_two_broken_lanes_are_tried_again_each_for_itself(house: House):
    house.broken = {"a", "x"}
    house.handle(move("a"), move("x", "s2"))
    assert [ids for _, _, ids, _ in house.logged("task")] == [["a"], ["x"]]


def test_a_tried_batch_goes_one_by_one_and_stops_its_lane_at_what_breaks(house: House):
    house.broken = {"b"}
    house.counted = {"a": 1, "b": 1}
    house.handle(move("a"), move("b"), move("c"), move("x", "s2"), tried=True)
    assert house.logged("applied") == [[["a"]], [[]], [["x"]]]
    assert house.logged("task") == [["delay.2000", "movement", ["b", "c"], 2]]


def test_delays_grow_with_the_trials_and_then_the_event_is_given_up(house: House):
    house.broken = {"a"}
    house.handle(move("a"), move("b"))
    for _ in range(1, MAX_ATTEMPTS):
        house.handle(move("a"), move("b"), tried=True)
    delayed = [(exchange, attempts) for exchange, _, _, attempts in house.logged("task")]
    assert delayed == [("delay.500", 1), ("delay.2000", 2), ("delay.8000", 3), ("events", 0)]
    assert house.logged("buried") == [["a", "Broken", MAX_ATTEMPTS]]


def test_what_followed_a_buried_event_goes_on_as_if_fresh(house: House):
    house.broken = {"a"}
    house.counted = {"a": MAX_ATTEMPTS - 1}
    house.handle(move("a"), move("b"), move("c"), tried=True)
    assert house.logged("task") == [["events", "movement", ["b", "c"], 0]]


def test_burying_is_told_before_the_rest_goes_on(house: House):
    house.broken = {"a"}
    house.counted = {"a": MAX_ATTEMPTS - 1}
    house.handle(move("a"), move("b"), tried=True)
    kinds = [kind for kind, *_ in house.log]
    assert kinds.index("told", kinds.index("buried")) < kinds.index("task")


def test_a_redelivered_batch_is_tried_one_by_one_and_its_beginnings_are_counted(house: House):
    house.handle(move("a"), move("b", "s2"), redelivered=True)
    assert house.logged("applied") == [[["a"]], [["b"]]]
    assert house.counted == {"a": 1, "b": 1}


def test_what_was_begun_when_its_worker_died_leaves_the_batch_and_its_neighbours_go_on(house: House):
    house.counted = {"killer": 1}
    house.handle(move("killer"), move("after"), move("x", "s2"), redelivered=True)
    assert house.logged("applied") == [[["x"]]]
    assert house.logged("task") == [["delay.500", "movement", ["killer", "after"], 1]]


def test_what_has_killed_its_worker_too_often_is_buried_without_another_trial(house: House):
    house.counted = {"killer": MAX_ATTEMPTS}
    house.handle(move("killer"), move("after"), redelivered=True, tried=True)
    assert house.logged("applied") == []
    assert house.logged("buried") == [["killer", "WorkerDied", MAX_ATTEMPTS]]
    assert house.logged("task") == [["events", "movement", ["after"], 0]]


@pytest.mark.parametrize("takes_s", [0.1, 0.5, 1.3, 1.9])
def test_what_the_lease_is_too_short_for_goes_on_as_a_message_of_its_own(house: House, takes_s: float):
    """It would be interrupted in the middle of an event, which then would look as if it had killed its worker."""
    house.takes_s = takes_s
    house.broken = {"broken"}
    batch = [move("broken", "s0"), *(move(f"e{n}", f"s{n}") for n in range(1, 60)), move("after broken", "s0")]
    house.handle(*batch, redelivered=True)
    (done,) = zip(*house.logged("applied"), strict=True)
    assert 2 <= len(done) < 60
    assert house.now_s - 100.0 < Move.spec.lease_s
    left, retried = house.logged("task")  # in this order: if it is refused, all comes again
    assert retried[2] == ["broken", "after broken"]
    assert left == ["events", "movement", [f"e{n}" for n in range(len(done), 60)], 1]
    assert not set(house.counted) & set(left[2])
    assert Outbound(done="move", task="task1", began_ms=5) in [
        replace(outbound, took_ms=0.0) for outbound, _ in house.logged("told")
    ]


def test_one_event_at_least_is_tried_however_short_the_lease(house: House):
    house.looking_up_s = Move.spec.lease_s
    house.handle(move("a", "s1"), move("b", "s2"), redelivered=True)
    assert house.logged("applied") == [[["a"]]]
    assert [ids for _, _, ids, _ in house.logged("task")] == [["b"]]


def test_gateways_hear_that_a_batch_is_done_though_none_of_it_could_be_applied(house: House):
    house.counted = {"killer": MAX_ATTEMPTS}
    house.handle(move("killer"), redelivered=True, tried=True)
    assert Outbound(done="move", task="task1", began_ms=5) in [outbound for outbound, _ in house.logged("told")]


def test_a_data_tier_that_is_away_is_waited_for(house: House):
    house.away = 3
    house.handle(move("a"))
    assert house.logged("applied") == [[["a"]]]
    assert house.now_s == 100.0 + 3 * PAUSE_S


def test_a_data_tier_that_stays_away_gives_the_batch_back_within_the_lease(house: House):
    house.away = 10_000
    with pytest.raises(Reject) as rejected:
        house.handle(move("a"))
    assert rejected.value.requeue
    waited_s = house.now_s - 100.0
    assert Move.spec.lease_s - LEASE_MARGIN_S - PAUSE_S <= waited_s <= Move.spec.lease_s - LEASE_MARGIN_S
    assert house.logged("told") == []


def test_a_data_tier_that_goes_away_after_the_commit_costs_nobody_their_retry(house: House):
    house.broken = {"b"}
    house.settling_fails = 1
    house.handle(move("a"), move("b", "s2"))
    assert [ids for _, _, ids, _ in house.logged("task")] == [["b"]]


def test_a_data_tier_that_is_away_when_something_is_buried_is_waited_for(house: House):
    house.counted = {"killer": MAX_ATTEMPTS}
    house.burying_fails = 1
    house.handle(move("killer"), move("after"), redelivered=True, tried=True)
    assert house.logged("buried")
    assert [ids for _, _, ids, _ in house.logged("task")] == [["after"]]


def test_new_events_go_to_their_own_families_in_batches_of_one_type(house: House):
    stirs = tuple(Envelope(id=f"s{n}", event=Stir(zone=f"z{n}", n=1), at_ms=0) for n in range(20))
    reward = Envelope(id="r", event=Reward(player="ada", xp=1, slain="rat"), at_ms=0)
    house.born = (*stirs[:5], reward, *stirs[5:])
    house.handle(move("a"))
    tasks = house.logged("task")
    most = Stir.spec.batch_max
    wanted = [("combat", ["r"]), ("world", [s.id for s in stirs[:most]]), ("world", [s.id for s in stirs[most:]])]
    assert [(queue, ids) for _, queue, ids, _ in tasks] == wanted


def test_outbox_rows_are_settled_only_after_everything_was_published(house: House):
    house.born = (Envelope(id="r", event=Reward(player="ada", xp=1, slain="rat"), at_ms=0),)
    house.handle(move("a"))
    assert [kind for kind, *_ in house.log] == ["applied", "told", "task", "settled", "tidied"]


def test_an_event_with_a_queue_of_its_own_is_tried_again_there():
    house = House(Queues(own=frozenset({"move"})))
    house.broken = {"a"}
    house.handle(move("a"))
    assert [queue for _, queue, _, _ in house.logged("task")] == ["movement.move"]


def test_a_batch_that_is_none_is_refused_before_anything_happens(house: House):
    for raw in ([{"id": "a"}], [{"id": "a", "event": {"type": "no such"}, "at_ms": 0}], "text", [7]):
        with pytest.raises(msgspec.ValidationError):
            house.server.handle(raw, task_id="t", tried=False, redelivered=False)
    assert house.log == []


def test_events_of_different_sessions_share_nothing_when_one_breaks(house: House):
    said = Envelope(id="t", event=Say(text="x", seq=1), at_ms=0, session="s9")
    house.broken = {"t"}
    house.handle(said, Envelope(id="u", event=Say(text="y", seq=1), at_ms=0, session="s8"))
    assert house.logged("applied") == [[["u"]]]


def test_what_could_not_be_tidied_is_left_as_it_is(house: House):
    house.tidying_fails = True
    house.handle(move("a"), move("b"))
    assert [kind for kind, *_ in house.log] == ["applied", "told", "settled"]
