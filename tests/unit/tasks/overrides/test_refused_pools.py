"""A worker's pool is one of processes, whatever it is asked for."""

import pytest
from celery import concurrency

from tasks.overrides.pool import TaskPool, use_processes

PROCESSES = ("prefork", "processes")


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "ALIASES", dict(concurrency.ALIASES))
    use_processes()


@pytest.mark.parametrize("name", PROCESSES)
def test_both_names_of_celerys_pool_of_processes_are_ours(name: str) -> None:
    assert concurrency.get_implementation(name) is TaskPool


@pytest.mark.parametrize("name", sorted(set(concurrency.get_available_pool_names()) - {*PROCESSES}))
def test_every_other_pool_ends_the_worker_with_a_sentence(name: str) -> None:
    with pytest.raises(SystemExit, match="Leave --pool out"):
        concurrency.get_implementation(name)()
