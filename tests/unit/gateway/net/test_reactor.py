import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.net.reactor import PAUSE_S_MAX, PAUSE_S_PER_SOCKET, BatchingReactor


class Nap:
    """Time that only sleep moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


class Ear:
    """One end of a connection; what came through it, and why it was closed."""

    def __init__(self) -> None:
        self.mine, self.theirs = socket.socketpair()
        self.heard: list[bytes] = []
        self.lost: list[Any] = []
        self.on_read = lambda: None

    def fileno(self) -> int:
        return self.mine.fileno()

    def doRead(self) -> None:  # noqa: N802
        self.heard.append(self.mine.recv(100))
        self.on_read()

    def readConnectionLost(self, reason: Any) -> None:  # noqa: N802
        self.connectionLost(reason)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.lost.append(reason)

    def logPrefix(self) -> str:  # noqa: N802
        return "ear"

    def close(self) -> None:
        self.mine.close()
        self.theirs.close()


def test_its_timers_do_not_go_by_the_machines_clock_which_may_be_set() -> None:
    reactor = BatchingReactor()
    timer = reactor.callLater(60, lambda: None)
    assert timer.getTime() - time.monotonic() == pytest.approx(60, abs=5)


@pytest.fixture
def nap() -> Nap:
    return Nap()


@pytest.fixture
def reactor(nap: Nap) -> Iterator[BatchingReactor]:
    made = BatchingReactor(lambda: nap.now_s, nap.sleep)
    yield made
    made.removeAll()
    made.waker.connectionLost(None)
    made._poller.close()
    made._urgent.close()


@pytest.fixture
def ears(reactor: BatchingReactor) -> Iterator[list[Ear]]:
    made = [Ear() for _ in range(20)]
    for ear in made:
        reactor.addReader(ear)
    yield made
    for ear in made:
        if not ear.lost:
            reactor.removeReader(ear)
        ear.close()


def speak(ears: list[Ear]) -> None:
    for ear in ears:
        ear.theirs.send(b"x")


@pytest.mark.parametrize(
    ("speakers", "rest_s"), [(1, PAUSE_S_PER_SOCKET), (3, 3 * PAUSE_S_PER_SOCKET), (20, PAUSE_S_MAX)]
)
def test_the_more_speak_the_longer_it_rests_before_it_looks_again(
    reactor: BatchingReactor, ears: list[Ear], nap: Nap, speakers: int, rest_s: float
) -> None:
    speak(ears[:speakers])
    reactor.doIteration(1)
    assert nap.slept_s == []
    assert [ear.heard for ear in ears].count([b"x"]) == speakers
    reactor.doIteration(0.01)
    assert nap.slept_s == pytest.approx([rest_s])
    reactor.doIteration(0.01)
    assert len(nap.slept_s) == 1


def test_what_is_said_while_it_rests_is_heard_afterwards(reactor: BatchingReactor, ears: list[Ear]) -> None:
    speak(ears)
    reactor.doIteration(1)
    speak(ears)
    reactor.doIteration(None)
    assert all(ear.heard == [b"x", b"x"] for ear in ears)


@pytest.mark.parametrize("delay_s", [0.0, 0.001])
def test_a_timer_is_not_kept_waiting(reactor: BatchingReactor, ears: list[Ear], nap: Nap, delay_s: float) -> None:
    speak(ears)
    reactor.doIteration(1)
    reactor.doIteration(delay_s)
    assert sum(nap.slept_s) == pytest.approx(delay_s)


def test_somebody_urgent_ends_a_rest(
    monkeypatch: pytest.MonkeyPatch, reactor: BatchingReactor, ears: list[Ear]
) -> None:
    """One would wait for an hour otherwise."""
    monkeypatch.setattr("gateway.net.reactor.PAUSE_S_PER_SOCKET", 3_600)
    monkeypatch.setattr("gateway.net.reactor.PAUSE_S_MAX", 3_600)
    reactor._sleep = reactor._doze
    urgent, *others = ears
    reactor.attend(urgent.fileno())
    speak(others)
    reactor.doIteration(1)
    speak([urgent])
    reactor.doIteration(None)
    assert urgent.heard == [b"x"]


def test_it_counts_how_long_it_rested(reactor: BatchingReactor, ears: list[Ear], nap: Nap) -> None:
    speak(ears)
    reactor.doIteration(1)
    nap.now_s += 5  # it works
    reactor.doIteration(0)
    assert reactor.rested_s == 0
    speak(ears)
    reactor.doIteration(1)
    reactor.doIteration(0.003)
    assert reactor.rested_s == pytest.approx(0.003)


class Poller:
    """Hears nothing, and remembers for how long it was to listen."""

    def __init__(self) -> None:
        self.timeouts_s: list[float] = []

    def poll(self, timeout_s: float, most: int) -> list[tuple[int, int]]:
        self.timeouts_s.append(timeout_s)
        return []


@pytest.mark.parametrize(("delay_s", "left_s"), [(0.01, 0.01 - PAUSE_S_MAX), (0.001, 0.0), (None, -1)])
def test_what_it_rested_counts_as_waited(
    reactor: BatchingReactor, ears: list[Ear], monkeypatch: pytest.MonkeyPatch, delay_s: float | None, left_s: float
) -> None:
    speak(ears)
    reactor.doIteration(1)
    poller = Poller()
    with monkeypatch.context() as patched:
        patched.setattr(reactor, "_poller", poller)
        reactor.doIteration(delay_s)
    assert poller.timeouts_s == [pytest.approx(left_s)]


def test_who_was_closed_by_an_earlier_one_is_not_called(reactor: BatchingReactor, ears: list[Ear]) -> None:
    def close_the_others(ear: Ear) -> None:
        for other in ears:
            if other is not ear:
                reactor.removeReader(other)

    for ear in ears:
        ear.on_read = lambda ear=ear: close_the_others(ear)  # type: ignore[misc]
    speak(ears)
    reactor.doIteration(1)
    assert [len(ear.heard) for ear in ears].count(1) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_who_fails_is_closed_and_nobody_else(reactor: BatchingReactor, ears: list[Ear]) -> None:
    def fail() -> None:
        raise ValueError("broken")

    ears[3].on_read = fail  # type: ignore[assignment]
    speak(ears)
    reactor.doIteration(1)
    assert [bool(ear.lost) for ear in ears] == [n == 3 for n in range(20)]
    assert all(ear.heard == [b"x"] for ear in ears)
