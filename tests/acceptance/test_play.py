"""People at their terminals: everything they do goes through real sockets, queues, workers and a database."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from gameserver.testing.deployment import Deployment, LiveDeployment, living
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.deployments import write_world

ARENA = (
    "############",
    "#s.........#",
    "#....r.....#",
    "#..........#",
    "############",
)
FIGHT_S_MAX = 40.0


@pytest.fixture(scope="module")
def arena(module_deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> LiveDeployment:
    """A small world with a rat in it, alive."""
    module_deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path_factory.mktemp("world"), *ARENA))
    return living(module_deployment)


@pytest.fixture
def ada(arena: LiveDeployment, request: pytest.FixtureRequest) -> Iterator[LineClient]:
    with LineClient(arena.gateway.port) as client:
        yield client


@pytest.fixture
def bob(arena: LiveDeployment) -> Iterator[LineClient]:
    with LineClient(arena.gateway.port) as client:
        yield client


def test_two_players_see_each_other_come_walk_and_go(ada: LineClient, bob: LineClient):
    here = ada.register("Ada1")
    view = ada.expect("view")
    assert (view["zone"], view["you"]["id"]) == ("arena", "ada1")
    bob.register("Bob1")
    came = _sees(ada, "bob1")
    assert (came["name"], came["kind"]) == ("Bob1", "player")
    assert "ada1" in [being["id"] for being in bob.expect("view")["beings"]]
    walked = ada.ask("move", dir="e")
    assert walked["data"] == {"zone": "arena", "x": here["x"] + 1, "y": here["y"]}
    assert bob.expect("moved", who="ada1", x=here["x"] + 1)["y"] == here["y"]
    assert ada.ask("move", dir="n")["code"] == "wall"
    bob.close()
    ada.expect("vanished", who="bob1")


def _sees(client: LineClient, who: str) -> dict[str, Any]:
    """Wait until someone appears."""
    while (being := client.expect("appeared")["being"])["id"] != who:
        pass
    return being


def test_players_hear_each_other_say_shout_whisper_and_talk_in_a_channel(ada: LineClient, bob: LineClient):
    ada.register("Ada2")
    bob.register("Bob2")
    bob.expect("view")
    for how in ("say", "shout"):
        assert ada.ask(how, text=f"a {how} \N{OWL}")["type"] == "ok"
        assert bob.expect("heard", how=how, by="Ada2")["text"] == f"a {how} \N{OWL}"
    assert ada.ask("whisper", to="bob2", text="psst")["type"] == "ok"
    assert bob.expect("heard", how="whisper")["text"] == "psst"
    assert not ada.saw("error")
    assert ada.ask("talk", channel="owls", text="too early")["code"] == "not_a_member"
    assert ada.ask("join", channel="owls")["data"]["history"] == []
    assert ada.ask("talk", channel="owls", text="hoo")["type"] == "ok"
    history = bob.ask("join", channel="owls")["data"]["history"]
    assert [(line["by"], line["text"]) for line in history] == [("Ada2", "hoo")]
    assert bob.ask("talk", channel="owls", text="hoo hoo")["type"] == "ok"
    assert ada.expect("heard", how="channel", by="Bob2")["channel"] == "owls"


def test_a_player_walks_to_a_creature_and_slays_it(ada: LineClient):
    me = ada.register("Ada3")
    rat: dict[str, Any] = {}
    deadline_s = time.monotonic() + FIGHT_S_MAX
    while not ada.saw("died"):
        assert time.monotonic() < deadline_s, f"still fighting {rat} from {me}"
        ada.read_for(0.1)
        rat = _rat_after(rat, ada)
        if rat:
            reply = _approach_or_strike(ada, me, rat)
            me |= reply.get("data", {}) if "x" in reply.get("data", {}) else {}
    assert ada.expect("died")["who"] == rat["id"]
    assert ada.expect("rewarded")["slain"] == "rat"


def _rat_after(rat: dict[str, Any], client: LineClient) -> dict[str, Any]:
    """Where the rat is, from all that was told."""
    for packet in client.inbox:
        seen = [packet["being"]] if packet["type"] == "appeared" else packet.get("beings", [])
        for being in seen:
            if being["kind"] == "rat" and being["v"] >= rat.get("v", 0):
                rat = dict(being)
        if packet["type"] == "moved" and packet["who"] == rat.get("id") and packet["v"] > rat["v"]:
            rat |= {name: packet[name] for name in ("x", "y", "v")}
    return rat


def _approach_or_strike(client: LineClient, me: dict[str, Any], rat: dict[str, Any]) -> dict[str, Any]:
    dx, dy = rat["x"] - me["x"], rat["y"] - me["y"]
    if max(abs(dx), abs(dy)) <= 1:
        return client.ask("attack", target=rat["id"])
    step = {-1: "n", 0: "", 1: "s"}[(dy > 0) - (dy < 0)] + {-1: "w", 0: "", 1: "e"}[(dx > 0) - (dx < 0)]
    return client.ask("move", dir=step)


def test_a_whisper_to_who_is_away_arrives_at_the_next_login_until_it_is_acknowledged(arena: LiveDeployment):
    port = arena.gateway.port
    with LineClient(port) as ada, LineClient(port) as bob:
        ada.register("Ada4")
        bob.register("Bob4")
        assert bob.ask("logout")["type"] == "ok"
        bob.expect("bye", code="logged_out")
        bob.expect_end()
        assert ada.ask("whisper", to="Bob4", text="for later")["type"] == "ok"
    with LineClient(port) as bob:
        bob.login("Bob4")
        assert bob.expect("heard", how="whisper")["text"] == "for later"
    with LineClient(port) as bob:
        bob.login("Bob4")
        again = bob.expect("heard", how="whisper", text="for later")
        assert bob.ask("ack", ids=[again["id"]])["type"] == "ok"
    with LineClient(port) as bob:
        bob.login("Bob4")
        bob.expect("view")
        assert bob.ask("say", text="the last one")["type"] == "ok"
        assert bob.expect("heard")["text"] == "the last one"


def test_a_second_login_takes_the_player_over(ada: LineClient, bob: LineClient):
    ada.register("Ada5")
    bob.login("ADA5")
    ada.expect("bye", code="taken_over")
    ada.expect_end()
    assert bob.ask("move", dir="e")["type"] == "ok"


def test_wrong_passwords_and_taken_names_are_refused_and_the_right_one_still_gets_in(ada: LineClient, bob: LineClient):
    ada.register("Ada6", "the right password")
    assert bob.ask("register", name="ada6", password="another password")["code"] == "name_taken"
    assert bob.ask("login", name="Ada6", password="the wrong password")["code"] == "bad_login"
    assert bob.ask("login", name="Nobody6", password="the wrong password")["code"] == "bad_login"
    assert bob.login("Ada6", "the right password")["name"] == "Ada6"


def test_a_session_goes_on_at_another_gateway_and_a_repeated_event_takes_effect_once(arena: LiveDeployment):
    other = arena.deployment.gateway()
    with LineClient(other.port) as witness:
        witness.register("Wit7")
        assert witness.ask("join", channel="seven")["type"] == "ok"
        with LineClient(arena.gateway.port) as before:
            before.register("Ada7")
            assert before.ask("join", channel="seven")["type"] == "ok"
            said = before.post("talk", channel="seven", text="only once")
            assert before.reply(said) == {"type": "ok", "re": said}
            with LineClient(other.port) as after:
                here = after.resume(before.token)
                assert (here["player"], here["seq"]) == ("ada7", said)
                before.expect("bye", code="taken_over")
                before.expect_end()
                after.send(type="talk", channel="seven", text="only once", seq=said)
                assert after.reply(said) == {"type": "ok", "re": said}
                assert after.ask("talk", channel="seven", text="and then")["type"] == "ok"
                assert after.token != before.token
        witness.expect("heard", text="and then")
        assert [heard["text"] for heard in witness.saw("heard")] == ["only once"]
    with LineClient(arena.gateway.port) as stranger:
        assert stranger.ask("resume", token="no such token")["code"] == "bad_token"
    other.terminate()
    assert other.wait() == 0


def test_the_world_does_not_keep_who_hung_up(arena: LiveDeployment, ada: LineClient):
    with LineClient(arena.gateway.port) as guest:
        guest.register("Guest8")
        ada.register("Ada8")
        assert "Guest8" in ada.ask("who")["data"]["names"]
    eventually(lambda: "Guest8" not in ada.ask("who")["data"]["names"], "the guest's absence")
