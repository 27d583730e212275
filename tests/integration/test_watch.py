"""The commands of operators, as processes, on a deployment that plays."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping

from gameserver.testing.deployment import Deployment, LiveDeployment
from gameserver.testing.line_client import LineClient
from tests.deployments import FAMILIES, ROOT


def ask(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command that ends."""
    command = [sys.executable, "-m", "gameserver.cli", *words]
    return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def gameserver(deployment: Deployment, *words: str) -> str:
    """What a command prints."""
    done = ask(deployment.environ, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, first: str) -> list[str]:
    (found,) = (line.split() for line in text.splitlines() if line.startswith(first))
    return found


def test_status_is_one_screen_of_the_whole_deployment(server: LiveDeployment):
    with LineClient(server.gateway.port) as ada, LineClient(server.gateway.port):
        ada.register("Ada")
        text = gameserver(server.deployment, "status")
    assert row(text, server.gateway.id)[1:3] == ["2", "1"]
    assert row(text, "world")[-3:-1] == ["1", "1"]
    assert float(row(text, "world")[5]) > 0  # beat's ticks
    assert row(text, "all@")[1] == "1"
    assert "dead letters in the last hour: 0" in text


def test_what_cannot_be_told_is_a_sentence(server: LiveDeployment):
    deployment = server.deployment
    done = ask({**deployment.environ, "AMQP_URL": "amqp://127.0.0.1:1//"}, "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("gameserver: The broker does not answer")
    done = ask(deployment.environ, "trace", "nobody:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("gameserver: Nothing is known of nobody:1")


def test_the_catalogue_is_compared_with_that_of_running_workers(server: LiveDeployment):
    deployment = server.deployment
    assert gameserver(deployment, "catalogue", "diff", "--running") == "No changes.\n"
    away = ask({**deployment.environ, "AMQP_URL": "amqp://127.0.0.1:1//"}, "catalogue", "diff", "--running")
    assert (away.returncode, away.stdout) == (2, "")
    assert away.stderr.startswith("gameserver: The broker does not answer")


def tailing(deployment: Deployment, *words: str) -> subprocess.Popen[str]:
    """``gameserver tail``, running; its first line is awaited by whoever reads it."""
    command = [sys.executable, "-m", "gameserver.cli", "tail", *words]
    return subprocess.Popen(command, env=deployment.environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_tail_shows_one_players_events_of_one_family_with_their_replies_and_takes_nothing(server: LiveDeployment):
    with LineClient(server.gateway.port) as ada, LineClient(server.gateway.port) as bob:
        ada.register("Tilda")
        bob.register("Bert")
        stop = threading.Event()

        def chatter() -> None:
            while not stop.wait(0.1):
                bob.ask("say", text="bert speaks")
                ada.ask("move", dir="n")
                assert ada.ask("say", text="tilda speaks")["type"] == "ok"

        thread = threading.Thread(target=chatter)
        thread.start()
        try:
            with tailing(server.deployment, "--family", "chat", "--player", "Tilda", "--count", "6") as tail:
                lines = tail.communicate(timeout=60)[0].splitlines()
        finally:
            stop.set()
            thread.join(20)
    assert tail.returncode == 0
    assert len(lines) == 6
    said = [line for line in lines if line.endswith("tilda say text='tilda speaks'")]
    answered = [line for line in lines if " -> ok, after " in line]
    assert len(said) + len(answered) == 6
    assert said[0].split()[1] == answered[0].split()[1]
    assert said[0].split()[1].startswith(f"{ada.session}:")


def test_trace_shows_an_events_way_and_times(server: LiveDeployment):
    with LineClient(server.gateway.port) as ada:
        ada.register("Trudi")
        ada.ask("say", text="where do I go?")
        id_ = f"{ada.session}:{ada.seq}"
    text = gameserver(server.deployment, "trace", id_)
    first, *steps = text.splitlines()
    assert first == f"{id_}  chat.say of trudi, in task {id_}"
    ways = ("accepted by the gateway", "published", "taken up by a process", "applied and committed", "reported")
    assert len(steps) == len(ways)
    assert all(way in step for way, step in zip(ways, steps, strict=True))
    assert gameserver(server.deployment, "trace", f"{id_}+3~1") == text


def test_where_nobody_serves_a_family_advice_is_the_command_that_mends_it_and_trace_says_how_far_an_event_came(
    deployment: Deployment,
):
    deployment.worker(*(family for family in FAMILIES if family != "chat"), name="others")
    gateway = deployment.gateway()
    with LineClient(gateway.port) as ada:
        ada.register("Ada")
        seq = ada.post("say", text="hello?")
        text = gameserver(deployment, "trace", f"{ada.session}:{seq}")
        told = gameserver(deployment, "advise").splitlines()
    assert "no process has reported that it is done" in text
    command = "celery -A tasks worker -Q chat -n chat1@%h"
    assert [line for line in told if line.startswith("celery -A tasks worker")] == [command]
    why = told[told.index(command) - 1]
    assert re.match(r"# nobody serves chat: \d+ batches wait", why)  # one, and those with which the gateway asks again


def test_logs_are_json_away_from_a_terminal_and_name_the_event_from_gateway_to_worker(deployment: Deployment):
    deployment.environ["GAMESERVER_LOG_LEVEL"] = "debug"
    worker, gateway = deployment.worker(name="all"), deployment.gateway()
    with LineClient(gateway.port) as ada:
        ada.register("Ada", "hunter2 and a long tail")
        ada.ask("say", text="hello")
        id_ = f"{ada.session}:{ada.seq}"
    worker.says(f"{id_}: {{")
    for proc in (gateway, worker):
        records = [json.loads(line) for line in proc.text.splitlines() if line.startswith("{")]
        assert {"time", "level", "process", "pid", "logger", "message"} <= set(records[0])
        assert any(id_ in record.get("events", ()) for record in records), proc.name
        assert "hunter2" not in proc.text
