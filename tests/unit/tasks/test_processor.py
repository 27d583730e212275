from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from celery.exceptions import Reject
from msgspec.structs import replace

from gameserver.broker.topology import PLAIN, Queues
from gameserver.errors import NotNow, Retryable
from gameserver.messages.envelope import Envelope
from gameserver.messages.outbound import BatchResult
from gameserver.modules.chat.events import Say
from gameserver.modules.combat.events import Reward
from gameserver.modules.movement.events import Move
from gameserver.modules.world.events import Stir
from gameserver.processing.applied_batch import Applied, Held
from gameserver.store.store import Trial
from tasks.batches.database_wait import PAUSE_S
from tasks.batches.suspects import halves_by_lanes
from tasks.processor import LEASE_MARGIN_S, BatchProcessor

MAX_ATTEMPTS = Move.spec.max_attempts


class Broken(Exception):
    """What a broken rule raises here."""


class Wreck(Exception):
    """What breaks a whole transaction here."""


class Rig:
    """Applier, store, publisher and clock of a process server, all of them recorders.

    ``broken``: ids of events whose rule breaks, ``wrecks``: that break the transaction,
    ``early``: that are put off; ``takes_s``: how long a batch takes, ``looking_up_s`` to look
    up trials; ``away``: how often the data tier is not ready (``settling_fails``,
    ``dead_lettering_fails``, ``maps_fail``: only for that); ``born``: what events beget.
    """

    def __init__(self, queues: Queues = PLAIN) -> None:
        self.broken: set[str] = set()
        self.wrecks: set[str] = set()
        self.early: set[str] = set()
        self.takes_s = self.looking_up_s = 0.0
        self.away = 0
        self.settling_fails = 0
        self.dead_lettering_fails = 0
        self.tidying_fails = False
        self.maps_fail = 0
        self.born: tuple[Envelope, ...] = ()
        self.log: list[Any] = []
        self.published_ids: list[str] = []
        self.counted: dict[str, int] = {}
        self.now_s = 100.0
        self.server = BatchProcessor(
            applier=self,
            store=self,
            publisher=self,
            queues=queues,
            origin="here",
            clock_ms=lambda: 5,
            clock_s=lambda: self.now_s,
            pause=self.pause,
            refresh_maps=self.refresh_maps,
        )

    def handle(self, *batch: Envelope, tried: bool = False, redelivered: bool = False, task_id: str = "task1") -> None:
        raw = msgspec.json.decode(msgspec.json.encode(batch))
        self.server.handle(raw, task_id=task_id, tried=tried, redelivered=redelivered)

    def logged(self, what: str) -> list[Any]:
        return [rest for kind, *rest in self.log if kind == what]

    # The applier.

    def apply(self, batch: Sequence[Envelope], *, trial: Trial | None = None, put_off: Mapping[str, NotNow]) -> Applied:
        self._maybe_away()
        self.now_s += self.takes_s
        if trial is not None and not trial.counted:
            self.begin_trial(trial.id, trial.now_ms)
            trial.counted = True
        if wrecks := self.wrecks & {envelope.id for envelope in batch}:
            raise Wreck(*sorted(wrecks))
        done, held, off = [], {}, dict(put_off)
        for envelope in batch:
            if envelope.order in held or envelope.id in self.broken:
                held.setdefault(envelope.order, []).append(envelope)
            elif envelope.order in off or envelope.id in self.early:
                off[envelope.order] = NotNow("not_here", "Not now.")
            else:
                done.append(envelope.id)
        self.log.append(("applied", done))
        if trial is not None and trial.ends and trial.id not in {e.id for group in held.values() for e in group}:
            self.counted.pop(trial.id, None)
        return Applied(
            outbound=BatchResult(done=batch[0].event.spec.name),
            keys=("gateway.g1",),
            born=self.born,
            published=tuple(f"outbox of {id_}" for id_ in done),
            held=tuple(Held(envelopes=tuple(group), cause=Broken()) for group in held.values()),
            put_off=off,
        )

    def nothing(self, batch: Sequence[Envelope]) -> Applied:
        outbound = BatchResult(done=batch[0].event.spec.name)
        return Applied(outbound=outbound, keys=("gateway.g1",), born=(), published=(), held=())

    def dead_letter(self, envelope: Envelope, cause: BaseException, attempts: int) -> Applied:
        if self.dead_lettering_fails:
            self.dead_lettering_fails -= 1
            raise Retryable("database_away", "Not now.")
        self.log.append(("dead-lettered", envelope.id, type(cause).__name__, attempts))
        outbound = BatchResult(done=envelope.event.spec.name)
        return Applied(outbound=outbound, keys=("gateway.g1",), born=(), published=(), held=())

    # The store.

    def trials(self, ids: Sequence[str]) -> dict[str, int]:
        self.now_s += self.looking_up_s
        return {id_: self.counted[id_] for id_ in ids if id_ in self.counted}

    def begin_trial(self, id_: str, now_ms: int) -> int:
        self.counted[id_] = self.counted.get(id_, 0) + 1
        return self.counted[id_]

    def forget_trials(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self.counted.pop(id_, None)

    def published(self, ids: Sequence[str]) -> None:
        if self.settling_fails:
            self.settling_fails -= 1
            raise Retryable("database_away", "Not now.")
        self.log.append(("settled", list(ids)))

    def refresh_maps(self) -> None:
        if self.maps_fail:
            self.maps_fail -= 1
            raise Retryable("database_away", "Not now.")

    def tidy(self) -> None:
        if self.tidying_fails:
            raise Retryable("database_away", "Not now.")
        self.log.append(("tidied",))

    # The publisher.

    def outbound(self, outbound: BatchResult, keys: Sequence[str]) -> None:
        self.log.append(("told", outbound, keys))

    def task(self, message: Any, queue: str, exchange: str = "events") -> None:
        self.published_ids.append(message.task_id)
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
def rig() -> Rig:
    return Rig()


def test_a_fresh_batch_is_applied_at_once_and_told_after_that(rig: Rig):
    rig.handle(move("a"), move("b", "s2"))
    assert rig.log == [
        ("applied", ["a", "b"]),
        ("told", BatchResult(done="move", task="task1", began_ms=5), ("gateway.g1",)),
        ("settled", ["outbox of a", "outbox of b"]),
        ("tidied",),
    ]


def test_a_fresh_batch_counts_no_trials(rig: Rig):
    rig.handle(move("a"))
    assert rig.counted == {}


def test_what_broke_waits_with_what_follows_it_in_its_lane_and_its_neighbours_do_not(rig: Rig):
    rig.broken = {"b"}
    rig.handle(move("a"), move("b"), move("c"), move("x", "s2"))
    assert rig.logged("applied") == [[["a", "x"]]]
    assert rig.logged("task") == [["delay.500", "movement", ["b", "c"], 1]]


def test_two_broken_lanes_are_tried_again_each_for_itself(rig: Rig):
    rig.broken = {"a", "x"}
    rig.handle(move("a"), move("x", "s2"))
    assert [ids for _, _, ids, _ in rig.logged("task")] == [["a"], ["x"]]


def test_a_lane_that_failed_goes_one_by_one_and_stops_at_what_breaks(rig: Rig):
    rig.broken = {"b"}
    rig.counted = {"a": 1, "b": 1}
    rig.handle(move("a"), move("b"), move("c"), tried=True)
    assert rig.logged("applied") == [[["a"]], [[]]]
    assert rig.logged("task") == [["delay.2000", "movement", ["b", "c"], 2]]


def test_delays_grow_with_the_trials_and_then_the_event_is_given_up(rig: Rig):
    rig.broken = {"a"}
    rig.handle(move("a"), move("b"))
    for _ in range(1, MAX_ATTEMPTS):
        rig.handle(move("a"), move("b"), tried=True)
    delayed = [(exchange, attempts) for exchange, _, _, attempts in rig.logged("task")]
    assert delayed == [("delay.500", 1), ("delay.2000", 2), ("delay.8000", 3), ("events", 0)]
    assert rig.logged("dead-lettered") == [["a", "Broken", MAX_ATTEMPTS]]


def test_what_comes_of_another_copy_is_another_task(rig: Rig):
    """An operator revoked one of them, and workers refuse its id for ever."""
    rig.broken = {"a"}
    rig.born = (Envelope(id="r", event=Reward(player="x", xp=1, slain="rat"), at_ms=1, in_outbox=True),)
    rig.handle(move("a"), move("b"), task_id="a+1")
    rig.handle(move("a"), move("b"), task_id="a+1_2")
    assert len(rig.published_ids) == len(set(rig.published_ids)) == 4


def test_what_followed_a_dead_letter_goes_on_as_if_fresh(rig: Rig):
    rig.broken = {"a"}
    rig.counted = {"a": MAX_ATTEMPTS - 1}
    rig.handle(move("a"), move("b"), move("c"), tried=True)
    assert rig.logged("task") == [["events", "movement", ["b", "c"], 0]]


def test_a_dead_letter_is_told_before_the_rest_goes_on(rig: Rig):
    rig.broken = {"a"}
    rig.counted = {"a": MAX_ATTEMPTS - 1}
    rig.handle(move("a"), move("b"), tried=True)
    kinds = [kind for kind, *_ in rig.log]
    assert kinds.index("told", kinds.index("dead-lettered")) < kinds.index("task")


def test_a_redelivered_batch_is_tried_whole_and_that_is_counted_until_its_end(rig: Rig):
    rig.handle(move("a"), move("b", "s2"), redelivered=True)
    assert rig.logged("applied") == [[["a", "b"]]]
    assert (rig.logged("task"), rig.counted, len(rig.logged("told"))) == ([], {}, 1)


def test_a_message_that_took_its_worker_along_goes_on_in_two(rig: Rig):
    rig.counted = {"task1": 1}
    rig.handle(move("a"), move("b", "s2"), move("c"), move("d", "s3"), redelivered=True)
    assert rig.logged("applied") == []
    assert rig.logged("task") == [["events", "movement", ["a", "c"], 1], ["events", "movement", ["b", "d"], 1]]
    assert rig.counted == {}
    assert [kind for kind, *_ in rig.log] == ["task", "task", "told", "settled", "tidied"]


def test_halves_are_suspects_and_counted_from_the_first_time_on(rig: Rig):
    rig.wrecks = {"b"}
    rig.handle(move("a"), move("b", "s2"), tried=True)
    assert rig.logged("applied") == [[["a"]]]
    assert rig.logged("task") == [["delay.500", "movement", ["b"], 1]]
    assert rig.counted == {"b": 1}


@pytest.mark.parametrize("sizes", [[1, 1], [1, 9], [9, 1], [3, 3, 3], [1] * 7, [16, 1, 1, 16, 2]])
def test_halves_split_no_lane_and_neither_is_empty(sizes: list[int]):
    turns = [(n, lane) for lane, size in enumerate(sizes) for n in range(size)]
    batch = [move(f"{lane}.{n}", f"s{lane}") for n, lane in sorted(turns)]
    first, second = halves_by_lanes(batch)
    assert first
    assert second
    assert not {e.order for e in first} & {e.order for e in second}
    assert sorted(e.id for e in (*first, *second)) == sorted(e.id for e in batch)
    for half in (first, second):
        for order in {e.order for e in half}:
            assert [e for e in half if e.order == order] == [e for e in batch if e.order == order]


def test_a_single_lane_that_took_its_worker_along_is_tried_event_by_event(rig: Rig):
    rig.handle(move("a"), move("b"), redelivered=True)
    rig.counted = {"task1": 1}
    rig.handle(move("a"), move("b"), redelivered=True)
    assert rig.logged("applied") == [[["a", "b"]], [["a"]], [["b"]]]
    assert (rig.logged("task"), rig.counted) == ([], {})


def test_what_was_begun_when_its_worker_died_waits_with_what_follows_it(rig: Rig):
    rig.counted = {"task1": 1, "killer": 1}
    rig.handle(move("killer"), move("after"), redelivered=True)
    assert rig.logged("applied") == []
    assert rig.logged("task") == [["delay.500", "movement", ["killer", "after"], 1]]


def test_what_breaks_a_transaction_is_found_by_halves_and_its_neighbours_are_applied_once(rig: Rig):
    rig.wrecks = {"e5"}
    batch = [move(f"e{n}", f"s{n}") for n in range(5)]
    rig.handle(*batch, move("e5", "s5"), move("e6", "s5"), move("e7", "s7"))
    assert [id_ for (done,) in rig.logged("applied") for id_ in done] == ["e0", "e1", "e2", "e3", "e4", "e7"]
    assert rig.logged("task") == [["delay.500", "movement", ["e5", "e6"], 1]]


def test_halves_of_a_message_end_its_trial_after_the_last_of_them(rig: Rig):
    """Ended by the first, a killer in the second would never be known by its count."""
    seen = []
    rig.wrecks = {"b"}
    real = rig.apply

    def apply(batch: Sequence[Envelope], **more: Any) -> Applied:
        applied = real(batch, **more)
        seen.append(dict(rig.counted))
        return applied

    rig.apply = apply
    rig.handle(move("a", "s1"), move("b", "s2"), move("c", "s3"), move("d", "s4"), redelivered=True)
    assert seen == [{"task1": 1}, {"task1": 1}]
    assert rig.counted == {"b": 1}


def test_what_breaks_alone_is_given_up_after_its_trials(rig: Rig):
    rig.wrecks = {"a"}
    rig.handle(move("a"))
    for _ in range(1, MAX_ATTEMPTS):
        rig.handle(move("a"), tried=True)
    assert rig.logged("dead-lettered") == [["a", "Wreck", MAX_ATTEMPTS]]


def test_halves_for_which_the_lease_is_too_short_go_on_as_a_message_of_their_own(rig: Rig):
    rig.takes_s = Move.spec.lease_s
    rig.wrecks = {"b"}
    rig.handle(move("a"), move("b", "s2"), move("c", "s3"))
    assert rig.logged("applied") == []
    assert rig.logged("task") == [["events", "movement", ["a", "b", "c"], 1]]


@pytest.mark.parametrize("takes_s", [0.0, 1.9])
def test_what_was_put_off_holds_its_lane_in_every_later_transaction(rig: Rig, takes_s: float):
    """Whether there is time for what follows it or not: as a message of its own that could come true before it."""
    rig.takes_s = takes_s
    rig.early = {"b"}
    rig.handle(*(move(id_) for id_ in "abcd"), tried=True)
    assert rig.logged("applied") == [[["a"]], [[]], [[]]]
    assert rig.logged("task") == []


def test_a_mistake_of_ours_gives_the_message_back_and_buries_nothing(rig: Rig):
    def falls_over(*_: Any) -> None:
        raise ZeroDivisionError

    rig.outbound = falls_over
    with pytest.raises(Reject) as rejected:
        rig.handle(move("a"))
    assert rejected.value.requeue


def test_what_has_killed_its_worker_too_often_is_dead_lettered_without_another_trial(rig: Rig):
    rig.counted = {"killer": MAX_ATTEMPTS}
    rig.handle(move("killer"), move("after"), redelivered=True, tried=True)
    assert rig.logged("applied") == []
    assert rig.logged("dead-lettered") == [["killer", "WorkerDied", MAX_ATTEMPTS]]
    assert rig.logged("task") == [["events", "movement", ["after"], 0]]


@pytest.mark.parametrize("takes_s", [0.7, 1.3, 1.9])
def test_what_the_lease_is_too_short_for_goes_on_as_a_message_of_its_own(rig: Rig, takes_s: float):
    """It would be interrupted in the middle of an event, which then would look as if it had killed its worker."""
    rig.takes_s = takes_s
    rig.handle(*(move(f"e{n}") for n in range(16)), tried=True)
    (done,) = zip(*rig.logged("applied"), strict=True)
    assert 2 <= len(done) < 16
    assert rig.now_s - 100.0 < Move.spec.lease_s
    left = ["events", "movement", [f"e{n}" for n in range(len(done), 16)], 1]
    assert rig.logged("task") == [left]
    assert rig.counted == {}
    assert BatchResult(done="move", task="task1", began_ms=5) in [
        replace(outbound, took_ms=0.0) for outbound, _ in rig.logged("told")
    ]


def test_one_event_at_least_is_tried_however_short_the_lease(rig: Rig):
    rig.looking_up_s = Move.spec.lease_s
    rig.handle(move("a"), move("b"), tried=True)
    assert rig.logged("applied") == [[["a"]]]
    assert [ids for _, _, ids, _ in rig.logged("task")] == [["b"]]


def test_gateways_hear_that_a_batch_is_done_though_none_of_it_could_be_applied(rig: Rig):
    rig.counted = {"killer": MAX_ATTEMPTS}
    rig.handle(move("killer"), redelivered=True, tried=True)
    assert BatchResult(done="move", task="task1", began_ms=5) in [outbound for outbound, _ in rig.logged("told")]


def test_a_data_tier_that_is_away_is_waited_for(rig: Rig):
    rig.away = 3
    rig.handle(move("a"))
    assert rig.logged("applied") == [[["a"]]]
    assert rig.now_s == 100.0 + 3 * PAUSE_S


def test_a_data_tier_that_is_away_when_it_is_asked_for_the_maps_is_waited_for(rig: Rig):
    """A batch that is given back at once comes again at once, and a quorum queue bounds how often."""
    rig.maps_fail = 3
    rig.handle(move("a"))
    assert rig.logged("applied") == [[["a"]]]
    assert rig.now_s == 100.0 + 3 * PAUSE_S


def test_a_data_tier_that_stays_away_gives_the_batch_back_within_the_lease(rig: Rig):
    rig.away = 10_000
    with pytest.raises(Reject) as rejected:
        rig.handle(move("a"))
    assert rejected.value.requeue
    waited_s = rig.now_s - 100.0
    assert Move.spec.lease_s - LEASE_MARGIN_S - PAUSE_S <= waited_s <= Move.spec.lease_s - LEASE_MARGIN_S
    assert rig.logged("told") == []


def test_a_data_tier_that_goes_away_after_the_commit_costs_nobody_their_retry(rig: Rig):
    rig.broken = {"b"}
    rig.settling_fails = 1
    rig.handle(move("a"), move("b", "s2"))
    assert [ids for _, _, ids, _ in rig.logged("task")] == [["b"]]


def test_a_data_tier_that_is_away_when_something_is_dead_lettered_is_waited_for(rig: Rig):
    rig.counted = {"killer": MAX_ATTEMPTS}
    rig.dead_lettering_fails = 1
    rig.handle(move("killer"), move("after"), redelivered=True, tried=True)
    assert rig.logged("dead-lettered")
    assert [ids for _, _, ids, _ in rig.logged("task")] == [["after"]]


def test_new_events_go_to_their_own_families_in_batches_of_one_type(rig: Rig):
    stirs = tuple(Envelope(id=f"s{n}", event=Stir(zone=f"z{n}", n=1), at_ms=0) for n in range(20))
    reward = Envelope(id="r", event=Reward(player="ada", xp=1, slain="rat"), at_ms=0)
    rig.born = (*stirs[:5], reward, *stirs[5:])
    rig.handle(move("a"))
    tasks = rig.logged("task")
    most = Stir.spec.batch_max
    wanted = [("combat", ["r"]), ("world", [s.id for s in stirs[:most]]), ("world", [s.id for s in stirs[most:]])]
    assert [(queue, ids) for _, queue, ids, _ in tasks] == wanted


def test_outbox_rows_are_settled_only_after_everything_was_published(rig: Rig):
    rig.born = (Envelope(id="r", event=Reward(player="ada", xp=1, slain="rat"), at_ms=0),)
    rig.handle(move("a"))
    assert [kind for kind, *_ in rig.log] == ["applied", "told", "task", "settled", "tidied"]


def test_an_event_with_a_queue_of_its_own_is_tried_again_there():
    rig = Rig(Queues(own=frozenset({"move"})))
    rig.broken = {"a"}
    rig.handle(move("a"))
    assert [queue for _, queue, _, _ in rig.logged("task")] == ["movement.move"]


@pytest.mark.parametrize("raw", [[{"id": "a"}], "text", [7], []])
def test_what_holds_no_event_at_all_is_rejected_before_anything_happens(rig: Rig, raw: Any):
    with pytest.raises(Reject) as rejected:
        rig.server.handle(raw, task_id="t", tried=False, redelivered=False)
    assert not rejected.value.requeue
    assert rig.log == []


def test_events_of_different_sessions_share_nothing_when_one_breaks(rig: Rig):
    said = Envelope(id="t", event=Say(text="x", seq=1), at_ms=0, session="s9")
    rig.broken = {"t"}
    rig.handle(said, Envelope(id="u", event=Say(text="y", seq=1), at_ms=0, session="s8"))
    assert rig.logged("applied") == [[["u"]]]


def test_what_could_not_be_tidied_is_left_as_it_is(rig: Rig):
    rig.tidying_fails = True
    rig.handle(move("a"), move("b"))
    assert [kind for kind, *_ in rig.log] == ["applied", "told", "settled"]
