"""What the pool keeps when the consumer closes. The fakes have what Celery's and billiard's own code looks at."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.pool import CLOSE
from celery import concurrency

import tasks
from tasks.overrides.pool import KeepingPool, TaskPool


class Job:
    """A task in the pool. ``writer``: what writes it to its child, if that has not come to its end."""

    def __init__(self, pool: KeepingPool, id_: int, *, child: Any, accepted: bool = False, writer: Any = None) -> None:
        self._pool, self._id = pool, id_
        self._write_to, self._accepted = child, accepted
        self._scheduled_for = child
        self._writer = lambda: writer
        pool._cache[id_] = self

    def discard(self) -> None:
        self._pool._cache.pop(self._id, None)

    def ready(self) -> bool:
        return False


def child(*, alive: bool = True) -> Any:
    return SimpleNamespace(_is_alive=lambda: alive, inqW_fd=7, inq=SimpleNamespace(_writer=1))


@pytest.fixture
def pool() -> KeepingPool:
    made: Any = object.__new__(KeepingPool)
    made._cache, made._state, made.synack = {}, CLOSE, False
    made.outbound_buffer, made._active_writers, made._active_writes, made._busy_workers = [], set(), set(), set()
    made.maintain_pool = lambda: None
    made._flush_writer = lambda proc, writer: list(writer)
    return made  # type: ignore[no-any-return]


def test_what_no_child_has_is_discarded_and_what_a_child_has_is_not(pool: KeepingPool) -> None:
    Job(pool, 1, child=None)
    Job(pool, 2, child=child(), accepted=True)
    Job(pool, 3, child=child())
    pool.flush()
    assert sorted(pool._cache) == [2, 3]


def test_what_a_child_had_that_died_is_discarded(pool: KeepingPool) -> None:
    Job(pool, 1, child=child(alive=False))
    pool.flush()
    assert pool._cache == {}


def test_what_a_child_has_in_part_is_written_to_its_end_and_what_it_has_nothing_of_is_discarded(
    pool: KeepingPool,
) -> None:
    written: list[str] = []

    def write(what: str) -> Iterator[None]:
        yield
        written.append(what)

    begun = write("begun")
    next(begun)
    Job(pool, 1, child=child(), writer=begun)
    Job(pool, 2, child=child(), writer=write("not begun"))
    pool.flush()
    assert (sorted(pool._cache), written) == ([1], ["begun"])


def test_workers_take_this_pool(pool: KeepingPool) -> None:
    assert tasks.app.main == "tasks"
    assert concurrency.get_implementation("prefork") is TaskPool
    assert TaskPool.Pool is KeepingPool
