"""A worker's pool is one of processes, whatever it is asked for."""

import importlib.util
import subprocess
import sys

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


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_where_the_library_of_a_pool_is_missing_celery_ends_before_it_reads_anything_of_ours(pool: str) -> None:
    """So the documents say: the sentence is for those who have it. Celery imports it before it knows of any app."""
    if importlib.util.find_spec(pool):
        pytest.skip(f"{pool} is installed")
    command = (sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", pool)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(f"ModuleNotFoundError: No module named '{pool}'\n")
    assert "celery_app" not in done.stderr
