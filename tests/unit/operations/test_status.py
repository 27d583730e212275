from gameserver.broker.connections import Depth
from gameserver.operations.snapshot import Database, Flight
from gameserver.operations.status import format_screen
from tests.unit.operations.moments import everyone, gateway, moment, worker


def rows(text: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}


def test_the_screen_shows_gateways_families_and_workers_with_rates() -> None:
    replies = {"chat": {0.01: 10, 0.1: 10, float("inf"): 10}}
    before = moment(0.0)
    now = moment(
        10.0,
        gateways=(
            gateway(
                "g1",
                players=2,
                waiting={"chat": 5},
                oldest_s={"chat": 0.35},
                unavailable=("combat",),
                answered={"chat": 30},
                replies=replies,
                cpu_s=1.0,
            ),
        ),
        workers=(worker("chat1@h", "chat", events={"chat": 40}, busy_s={"chat": 5.0}), *everyone()[1:]),
        depths={"chat": Depth(2, 1)},
        dead=4,
        in_dead=1,
    )
    before = moment(0.0, gateways=(gateway("g1", replies={}),))
    text = format_screen(before, now)
    found = rows(text)
    assert "2 players" in text
    assert "dead letters in the last hour: 4" in text
    assert "messages in the queue dead: 1" in text
    assert found["g1"] == ["3", "2", "5", "3.0", "0.0", "10%", "ok", "combat"]
    assert found["chat"] == ["2", "batches", "5", "350", "ms", "4.0", "<", "10", "ms", "<", "10", "ms", "1", "1", "50%"]
    assert found["world"] == ["0", "batches", "0", "-", "0.0", "-", "-", "1", "1", "0%"]
    assert found["chat1@h"] == ["1", "4.0", "50%", "ok", "chat"]


def test_a_deployment_without_anyone_says_so() -> None:
    text = format_screen(moment(0), moment(1, gateways=(), workers=(), dead=None))
    assert "No gateway answers." in text
    assert "No worker answers." in text
    assert "dead letters in the last hour: ?" in text


def test_the_last_line_says_how_many_children_there_are_and_how_many_batches_can_be_under_way() -> None:
    flight = Flight(batches_max=2, queues={"chat.say": 1, "chat.whisper": 1, "combat.attack": 3})
    now = moment(1, gateways=(gateway("g1"), gateway("g2")), flight=flight)  # the world's events come from beat
    last = format_screen(moment(0), now).splitlines()[-1]
    bound = "batches of gateways under way at most 20 (2 gateways x 5 types x 2): chat 8, combat 12"
    assert last == f"Children 3; {bound}"


def test_of_a_database_server_it_is_said_how_many_connections_there_are_and_what_children_take() -> None:
    now = moment(1, database=Database(connections=12, connections_max=97))
    last = "Connections to the database {}; children take at most 9 (3 x 3)"
    assert format_screen(moment(0), now).splitlines()[-1] == last.format("12 of 97")
    away = moment(1, database=Database(fault="too many clients"))
    assert format_screen(moment(0), away).splitlines()[-1] == last.format("? of ?")
    assert "Connections" not in format_screen(moment(0), moment(1))
