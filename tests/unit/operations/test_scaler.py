"""A scaler looks, has done what was decided, says each thing once, and goes on whatever fails."""

from collections.abc import Sequence
from typing import Any

import pytest

from gameserver.errors import GameError, Retryable
from gameserver.operations.scaler import Scaler
from gameserver.operations.scaling import HOT_S, PAUSE_S, Bounds
from gameserver.operations.snapshot import Broker, Database, Node, Snapshot
from tests.unit.operations.moments import everyone, moment, worker


class Hands:
    """Notes what is to be changed, or fails."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.fails: GameError | None = None

    def own(self, family: str) -> int | None:
        return None

    def change(self, **what: Any) -> None:
        self.changes.append(what)
        if self.fails:
            raise self.fails


class Place:
    """A scaler of chat, whose one worker is busy all the time from the beginning, by a clock of the test's."""

    def __init__(self, *, act: bool = True) -> None:
        self.at_s = 0.0
        self.hands = Hands()
        self.said: list[str] = []
        self.expected: list[frozenset[str]] = []
        self.fails: GameError | None = None
        self.changes: dict[str, Any] = {}
        self.scaler = Scaler(
            self.take,
            {"chat": Bounds(1, 4)},
            self.hands,
            act=act,
            one_writer=False,
            clock_s=lambda: self.at_s,
            say=self.said.append,
        )

    def take(self, expected: frozenset[str]) -> Snapshot:
        self.expected.append(expected)
        if self.fails:
            raise self.fails
        busy = worker("chat1@h", "chat", busy_s={"chat": self.at_s})
        return moment(self.at_s, workers=(busy, *everyone()[1:]), **self.changes)

    def look(self, seconds: int) -> None:
        for _ in range(seconds):
            self.scaler.look()
            self.at_s += 1.0


def test_a_busy_family_gets_a_worker_and_the_reason_is_said() -> None:
    place = Place()
    place.look(10)
    assert place.said == ["chat: 1 worker busy 100% of the time, the oldest event waits for 0.0 s: 1 more"]
    (change,) = place.hands.changes
    assert (change["family"], change["queues"], change["step"], change["workers"]) == ("chat", ("chat",), 1, 2)
    assert change["names"] == {"chat1@h", "combat1@h", "world1@h"}
    assert place.expected[:2] == [frozenset(), moment().names]


def test_without_leave_to_act_it_is_said_and_not_done_and_said_again_no_sooner_than_after_a_pause() -> None:
    place = Place(act=False)
    place.look(int(HOT_S + PAUSE_S))
    assert place.hands.changes == []
    assert place.said == [
        "chat: 1 worker busy 100% of the time, the oldest event waits for 0.0 s: 1 more (not done: --act)"
    ]


def test_a_step_is_said_each_time_though_it_was_the_last_that_was_said() -> None:
    place = Place()
    place.scaler._bounds = {"chat": Bounds(1, 1)}
    place.take = lambda expected: moment(  # type: ignore[method-assign]
        place.at_s, workers=tuple(worker(f"chat{n}@h", "chat") for n in range(3 - len(place.hands.changes))), depths={}
    )
    place.scaler._take = place.take
    place.look(10)
    assert [change["step"] for change in place.hands.changes] == [-1, -1]
    assert len(place.said) == 2


def test_what_cannot_be_asked_is_said_once_and_nothing_is_remembered_of_the_time_before() -> None:
    place = Place()
    place.fails = Retryable("broker_away", "The broker does not answer: refused.")
    place.look(5)
    assert place.said == ["The broker does not answer: refused. Nothing is changed until that is over."]
    place.fails = None
    place.look(1)
    assert place.hands.changes == []
    assert place.expected[-1] == frozenset()
    place.look(5)
    assert len(place.hands.changes) == 1


def test_what_cannot_be_done_is_said_and_tried_again_after_a_pause() -> None:
    place = Place()
    place.hands.fails = Retryable("command_failed", "`kubectl` ended with status 1.")
    place.look(20)
    assert place.said[-1] == "chat: it could not be done: `kubectl` ended with status 1."
    assert len(place.hands.changes) == 1
    place.look(int(PAUSE_S))
    assert len(place.hands.changes) == 2


@pytest.mark.parametrize("silent", [(), everyone()[1:]])
def test_who_does_not_answer_is_not_taken_for_gone(silent: Sequence[Any]) -> None:
    place = Place()
    place.take = lambda expected: moment(place.at_s, workers=tuple(silent))  # type: ignore[method-assign]
    place.scaler._take = place.take
    place.look(60)
    assert place.hands.changes == []
    assert "1 worker of it, which the broker counts, does not answer. Nothing is changed" in place.said[0]


# What has no room for another worker.

FULL = Database(connections=96, connections_max=97)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"database": FULL}, "the database has 96 of 97 connections, and one takes up to 3: raise max_connections"),
        ({"database": Database(fault="too many clients.")}, "the database does not answer (too many clients)"),
        (
            {"broker": Broker(nodes=(Node(name="rabbit@a", fd_used=9, fd_total=10),))},
            "the broker's node rabbit@a has 9 of 10 descriptors",
        ),
    ],
    ids=["no connection", "no answer", "no descriptor"],
)
@pytest.mark.parametrize("least", [1, 2])
def test_no_worker_is_started_that_would_find_no_connection(lacking: dict[str, Any], said: str, least: int) -> None:
    place = Place()
    place.scaler._bounds = {"chat": Bounds(least, 4)}
    place.changes = lacking
    place.look(30)
    assert place.hands.changes == []
    (sentence,) = place.said
    assert f"No worker is started: {said}" in sentence
    place.changes = {}
    place.look(30)
    assert [change["step"] for change in place.hands.changes] == [1]


def test_workers_that_are_on_their_way_count_before_they_have_their_connections() -> None:
    """Two families ask in one look, and there is room for one worker."""
    place = Place()
    place.scaler = Scaler(
        place.take,
        {"chat": Bounds(2, 4), "combat": Bounds(2, 4)},
        place.hands,
        act=True,
        one_writer=False,
        clock_s=lambda: place.at_s,
        say=place.said.append,
    )
    place.changes = {"database": Database(connections=93, connections_max=97)}
    place.look(30)
    assert [change["family"] for change in place.hands.changes] == ["chat"]
    assert any("combat" in said and "No worker is started" in said for said in place.said)
