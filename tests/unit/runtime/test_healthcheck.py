import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gameserver import config
from gameserver.config import Settings
from gameserver.runtime.healthcheck import SILENCE_S_MAX, alive_file, main, part, trouble
from gameserver.testing.ports import free_ports


def settings(home: Path, metrics: str = "127.0.0.1:1") -> Settings:
    return config.load({"GAMESERVER_HOME": str(home), "GAMESERVER_METRICS": metrics})


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python -m gateway haproxy:tcp:4000", "gateway"),
        ("docker-init -- python -m gateway", "gateway"),
        ("celery -A tasks worker -Q chat", "worker"),
        ("celery -A tasks beat", "beat"),
        ("celery -A tasks flower", "flower"),
        ("gameserver migrate", ""),
    ],
)
def test_a_command_line_tells_which_part_it_is(command: str, found: str) -> None:
    assert part(command.split()) == found


def test_what_does_not_last_is_healthy(tmp_path: Path) -> None:
    assert trouble("", settings(tmp_path), 0.0) == ""


@pytest.mark.parametrize(("age_s", "found"), [(1.0, ""), (SILENCE_S_MAX + 1, "beat publishes nothing")])
def test_beat_is_healthy_as_long_as_it_publishes(tmp_path: Path, age_s: float, found: str) -> None:
    file = alive_file(tmp_path)
    file.touch()
    os.utime(file, (1000.0, 1000.0))
    assert trouble("beat", settings(tmp_path.parent), 1000.0) == "beat publishes nothing"  # another folder
    (tmp_path / "var").mkdir()
    file.rename(alive_file(tmp_path / "var"))
    assert trouble("beat", settings(tmp_path), 1000.0 + age_s) == found


class Answer(BaseHTTPRequestHandler):
    """Answers what the test says."""

    text = ""
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("part", "status", "text", "found"),
    [
        ("gateway", 200, "", ""),
        ("gateway", 500, "", "the gateway does not answer"),
        ("worker", 200, "gameserver_worker_heartbeat_age_seconds 1.5\n", ""),
        ("worker", 200, "gameserver_worker_heartbeat_age_seconds 1e+02\n", "the worker's main loop is silent"),
        ("worker", 200, "", "the worker's main loop is silent"),
    ],
)
def test_who_answers_is_healthy(tmp_path: Path, part: str, status: int, text: str, found: str) -> None:
    handler = type("Now", (Answer,), {"text": text, "status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert trouble(part, settings(tmp_path, f"127.0.0.1:{server.server_port}"), 0.0) == found
        thread.join()


def test_who_does_not_answer_or_can_not_be_asked_is_not_healthy(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert trouble("gateway", settings(tmp_path, f"127.0.0.1:{port}"), 0.0) == "the gateway does not answer"
    assert trouble("worker", settings(tmp_path, ""), 0.0) == "GAMESERVER_METRICS names no port to ask"


def test_the_status_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GAMESERVER_HOME", str(tmp_path))
    assert main(["gameserver", "migrate"]) == 0
    assert main(["/opt/venv/bin/celery", "beat"]) == 1
    assert "beat publishes nothing" in capsys.readouterr().err
