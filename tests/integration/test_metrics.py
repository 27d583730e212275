"""What real processes export while someone plays: gateways, and workers with children that come and go."""

import os
import signal
import time

from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment, LiveDeployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.integration.scraped import scrape, targets, value

CHAT = {"family": "chat", "event": "say"}


def test_a_gateway_tells_who_is_there_what_came_of_events_and_where_their_time_went(server: LiveDeployment):
    (address,) = targets(server.deployment, "gateway").values()
    with LineClient(server.gateway.port) as ada, LineClient(server.gateway.port) as bob:
        for client, name in ((ada, "Ada"), (bob, "Bob")):
            client.register(name)
        for n in range(5):
            ada.ask("say", text=f"hello {n}")
        assert ada.ask("whisper", to="nobody", text="?")["code"] == "no_such_player"
        ada.send(type="nonsense")
        ada.expect("error")
        ada.ask("shout", text="hear me")
        bob.expect("heard", text="hear me")  # who begins elsewhere in the town hears no more of her
        text = scrape(address)
    assert value(text, "gameserver_connections") == value(text, "gameserver_players") == 2
    assert value(text, "gameserver_events_total", outcome="ok", **CHAT) == 5
    assert value(text, "gameserver_events_total", outcome="refused", event="whisper") == 1
    assert value(text, "gameserver_packets_refused_total") == 1
    assert value(text, "gameserver_packets_total") >= 10
    assert value(text, "gameserver_fan_out_count") >= 5
    assert value(text, "gameserver_fan_out_sum") >= 5 + 2
    assert value(text, "gameserver_batch_events_sum", **CHAT) == 5
    assert value(text, "gameserver_broker_up") == 1
    assert value(text, "process_resident_memory_bytes") > 10_000_000
    whole = value(text, "gameserver_reply_seconds_sum", **CHAT)
    stages = ("gateway_wait", "queue_wait", "process")
    parts = [value(text, f"gameserver_{stage}_seconds_sum", **CHAT) for stage in stages]
    counts = [value(text, f"gameserver_{stage}_seconds_count", **CHAT) for stage in (*stages, "reply")]
    assert counts == [5] * 4
    assert 0 < parts[2] < whole
    assert sum(parts) <= whole + 5 * 0.003  # each of five events is cut to whole milliseconds at both ends
    eventually(lambda: value(scrape(address), "gameserver_connections") == 0, "both gone")
    assert value(scrape(address), "gameserver_disconnects_total", reason="hung_up") == 2


def test_a_connection_ends_for_a_reason(server: LiveDeployment):
    (address,) = targets(server.deployment, "gateway").values()
    with LineClient(server.gateway.port) as polite, LineClient(server.gateway.port) as rude:
        polite.register("Cid")
        polite.ask("logout")
        rude.raw(b"x" * 10_000)
        rude.expect("bye")
        polite.close()
        rude.close()

        def ended() -> bool:
            text = scrape(address)
            reasons = ("logged_out", "frame_too_large")
            return all(value(text, "gameserver_disconnects_total", reason=reason) == 1 for reason in reasons)

        eventually(ended, "both reasons")


def test_a_worker_counts_what_its_children_did_and_forgets_nothing_when_they_die(server: LiveDeployment):
    (address,) = targets(server.deployment, "worker").values()

    def said() -> float:
        return value(scrape(address), "gameserver_worker_events_total", outcome="ok", **CHAT)

    before = said()
    with LineClient(server.gateway.port) as ada:
        ada.register("Dora")
        ada.ask("say", text="once")
        eventually(lambda: said() == before + 1, "counted")  # the reply comes first, the report follows
        (child,) = server.worker.children()
        os.kill(child, signal.SIGKILL)
        eventually(lambda: server.worker.children() not in ([], [child]), "a new child")
        ada.ask("say", text="twice")
        ada.ask("whisper", to="nobody", text="?")
    refused = {"event": "whisper", "outcome": "no_such_player"}
    eventually(lambda: value(scrape(address), "gameserver_worker_events_total", **refused) >= 1, "the whisper counted")
    assert said() == before + 2
    text = scrape(address)
    assert value(text, "gameserver_worker_tasks_total", end="done", **CHAT) >= 2
    assert value(text, "gameserver_worker_batch_seconds_sum", **CHAT) > 0
    assert value(text, "gameserver_worker_wait_seconds_count", **CHAT) >= 2
    assert value(text, "gameserver_worker_children") == 1


def test_two_of_each_run_on_one_machine_though_one_port_was_asked_for_and_leave_no_file(deployment: Deployment):
    first = deployment.gateway("g1")
    port = targets(deployment, "gateway")[first.id].rpartition(":")[2]
    second = deployment.gateway("g2", env={"GAMESERVER_METRICS": f"127.0.0.1:{port}"})
    second.says("taking a free port")
    worker = deployment.worker("chat", name="chat1")
    found = {**targets(deployment, "gateway"), **targets(deployment, "worker")}
    assert len(set(found.values())) == 3
    assert all("gameserver_" in scrape(address) for address in found.values())
    first.kill()
    second.terminate()
    worker.terminate()
    assert (second.wait(), worker.wait()) == (0, 0)
    assert list(targets(deployment, "gateway")) == [first.id]
    third = deployment.gateway("g3")
    assert list(targets(deployment, "gateway")) == [third.id]


def test_metrics_can_be_switched_off(deployment: Deployment):
    deployment.environ["GAMESERVER_METRICS"] = ""
    deployment.gateway()
    deployment.worker("chat", name="chat1")
    assert not list((deployment.folder / "var").glob("metrics/*"))


def test_the_age_of_the_oldest_event_shows_where_nobody_serves_a_family(
    deployment: Deployment, vhost: Vhost, private_node: RunningNode
):
    deployment.worker("sessions", "world", "movement", name="others")
    gateway = deployment.gateway()
    (address,) = targets(deployment, "gateway").values()
    with LineClient(gateway.port) as ada:
        ada.register("Ada")
        sent_s = time.time()
        ada.post("say", text="is anybody there?")

        def ages() -> list[float]:
            """What the gateway says, and what the broker says of the queue (NaN while it knows of no message)."""
            node = scrape(f"127.0.0.1:{private_node.metrics_port}")
            head_s = value(node, "rabbitmq_queue_head_message_timestamp", vhost=vhost.name, queue="chat")
            return [value(scrape(address), "gameserver_oldest_event_age_seconds", family="chat"), time.time() - head_s]

        eventually(lambda: min(found := ages()) > 1 and all(age <= time.time() - sent_s + 1 for age in found), "both")
        eventually(lambda: value(scrape(address), "gameserver_family_unavailable", family="chat") == 1, "unavailable")
        assert value(scrape(address), "gameserver_waiting_events", family="chat") == 1
        assert value(scrape(address), "gameserver_oldest_event_age_seconds", family="movement") == 0
        deployment.worker("chat", name="chat1")
        ada.reply(ada.seq)
        eventually(lambda: value(scrape(address), "gameserver_waiting_events") == 0, "nothing waits")
        assert value(scrape(address), "gameserver_oldest_event_age_seconds", family="chat") == 0
