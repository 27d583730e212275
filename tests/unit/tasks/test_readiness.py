"""No worker says that it is ready before it has done what events need: Celery goes on whatever a handler raises."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused
from celery import signals
from msgspec.structs import replace

from gameserver import config
from gameserver.config import Settings
from gameserver.errors import Retryable
from gameserver.security.sealing import write_key
from tasks import celery_app
from tasks.overrides.worker_name import refuse_taken_name
from tasks.processor import build, preload, wait_until_ready


@pytest.fixture
def settings(migrated_file: Path, tmp_path: Path) -> Settings:
    """Settings of a worker with an SQLite database."""
    file, key = tmp_path / "world.sqlite", tmp_path / "key"
    file.write_bytes(migrated_file.read_bytes())
    write_key(key)
    return replace(config.load({}), database_url=f"sqlite:///{file}", secret_key_file=key)


def test_a_file_that_cannot_be_locked_is_waited_for(settings: Settings, tmp_path: Path) -> None:
    lock = tmp_path / "world.sqlite.turnstile"
    lock.mkdir()  # not even root opens that
    waited = []

    def pause(s: float) -> None:
        waited.append(s)
        lock.rmdir()

    wait_until_ready(settings, pause)
    assert len(waited) == 1
    assert lock.is_file()


def test_what_only_prepares_forks_needs_no_database(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "world.sqlite.turnstile").mkdir()
    preload(settings)


def test_a_child_begins_though_the_file_cannot_be_locked_and_lets_its_batches_wait(
    settings: Settings, tmp_path: Path
) -> None:
    """Without a processor it would give back every batch as often as it came."""
    (tmp_path / "world.sqlite.turnstile").mkdir()
    build(settings).close()


FAULTS = {
    "a file's": (PermissionError(13, "Permission denied", "/var/key"), "/var/key: Permission denied."),
    "a wait's": (Retryable("database_away", "It is away."), "It is away."),
    "nobody foresaw": (ZeroDivisionError("slip"), "ZeroDivisionError: slip"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_a_worker_ends_whatever_its_preparation_raises(
    fault: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(celery_app, "wait_until_ready", fails)
    with pytest.raises(SystemExit) as ended:
        signals.worker_init.send(sender=None)
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(said)


def test_a_worker_ends_where_its_game_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Settings) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(celery_app, "begin_check", fails)
    with pytest.raises(SystemExit):
        signals.celeryd_init.send(sender="a@b")


def test_a_worker_ends_where_its_log_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        signals.setup_logging.send(sender=None, logfile=str(tmp_path / "nowhere" / "log"))
    assert "nowhere/log: No such file or directory." in capsys.readouterr().err


def test_who_is_refused_by_the_broker_has_no_taken_name() -> None:
    """And is refused a bad game afterwards: what is raised here would have ended that."""

    @contextmanager
    def refused() -> Any:
        raise AccessRefused("ACCESS_REFUSED - Login was refused")
        yield

    refuse_taken_name(refused, "a@b")
