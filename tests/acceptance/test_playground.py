"""The playground in a real browser: its forms, and its buttons, which break what they name: a gift is given once."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gameserver.declare import catalogue
from gameserver.operations.catalogue_export import REFERENCE, document
from gameserver.testing.broker import Vhost
from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.browsers import Browser, a_browser, required
from tests.deployments import ROOT, write_world
from tests.web_clients import WEB
from tests.whole_servers import a_whole_server

DEV = {"GAMESERVER_DEV": "1"}
ROOM = ("####", "#ss#", "####")
GAME = """
from pathlib import Path

from gameserver.game import Game

NAMES = ("world", "sessions", "movement", "chat", "trade")
GAME = Game(modules=tuple(f"gameserver.modules.{name}" for name in NAMES), world=Path(%r))
"""
# Of every event that can be chosen: its fields, as they are shown.
FORMS = """
const type = document.querySelector('.type');
return [...type.options].map(({ value }) => {
  type.value = value;
  type.dispatchEvent(new Event('change'));
  const inputs = [...document.querySelectorAll('.player:first-of-type .fields [name]')];
  return [value, inputs.map(({ name, type, required, min, max, options }) =>
    [name, type, required, min || '', max || '', options ? [...options].map(({ value }) => value) : []])];
});
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    required()
    with a_browser(tmp_path / "chromium") as made:
        yield made


def packets(browser: Browser, player: int, kind: str) -> list[str]:
    """What one of the players has seen travel, of a kind."""
    script = "return [...document.querySelectorAll(arguments[0])].map(({ textContent }) => textContent)"
    found: list[str] = browser.driver.execute_script(script, f".player:nth-of-type({player}) .packets .{kind}")
    return found


def choose(browser: Browser, event: str, player: int = 1, **fields: object) -> None:
    """Choose an event in a player's form, and fill it in."""
    script = "const type = document.querySelector(arguments[0]); type.value = arguments[1]; "
    browser.driver.execute_script(
        script + "type.dispatchEvent(new Event('change'))", f".player:nth-of-type({player}) .type", event
    )
    for name, content in fields.items():
        browser.write(f".player:nth-of-type({player}) [name={name}]", str(content))


def send(browser: Browser, player: int = 1, times: int = 1) -> None:
    browser.write(f".player:nth-of-type({player}) .times", str(times))
    browser.click(f".player:nth-of-type({player}) .send")


def states(browser: Browser, player: int = 1) -> list[str]:
    """All the states that a player's session was in, and what was pressed."""
    return packets(browser, player, "note")


def is_playing(browser: Browser, player: int = 1) -> None:
    browser.see(f".player:nth-of-type({player}) .state", "playing")


def two_players(browser: Browser, address: str) -> tuple[str, str]:
    """Open the page; gives the names of its players, who are in the world then."""
    browser.open(address)
    for n in (1, 2):
        is_playing(browser, n)
    giver, taker = (browser.see(f".player:nth-of-type({n}) .name").text for n in (1, 2))
    return giver, taker


def purse(browser: Browser) -> int:
    """What the newest answers to gifts say that is left."""
    return min(
        (int(coins) for text in packets(browser, 1, "ok") for coins in re.findall(r'"coins":(\d+)', text)), default=0
    )


def got(browser: Browser) -> int:
    """What the other one was told last that it has."""
    received = [text for text in packets(browser, 2, "received") if '"type":"received"' in text]
    return max((int(total) for text in received for total in re.findall(r'"total":(\d+)', text)), default=0)


def test_a_gift_that_is_sent_again_is_shown_and_given_once(deployment: Deployment, browser: Browser) -> None:
    deployment.worker(name="all")
    first = deployment.gateway(env={**DEV, "GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    first.says("for browsers")
    port = first.web_port
    giver, taker = two_players(browser, f"http://127.0.0.1:{port}/playground")
    choose(browser, "give", to=taker, coins=5)
    browser.write(".player:nth-of-type(1) .delay", "1500")  # the answer will not come before the gateway dies
    send(browser)
    eventually(lambda: any("give" in text for text in packets(browser, 1, "sent")), "a gift on its way")
    browser.click("[data-kill=gateway]")
    first.wait()
    browser.click("[data-kill=gateway]")
    browser.see("#said", "No gateway answers.")
    deployment.gateway(env={**DEV, "GAMESERVER_ENDPOINTS": WEB % f"tcp:{port}"})
    eventually(lambda: any('"coins":95' in text for text in packets(browser, 1, "ok")), "its answer", 60)
    assert [text for text in packets(browser, 1, "again") if "give" in text], giver
    received = [text for text in packets(browser, 2, "received") if '"type":"received"' in text]
    assert {text.partition('"total":')[2][:3] for text in received} == {"105"}


def test_the_line_is_cut_and_the_workers_are_killed_and_each_gift_is_given_once(
    vhost: Vhost, browser: Browser, tmp_path: Path
) -> None:
    package = tmp_path / "shelf" / "room"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(GAME % str(write_world(tmp_path / "world", *ROOM)))
    game = {"GAMESERVER_GAME": "room", "PYTHONPATH": os.pathsep.join([str(ROOT), str(package.parent)])}
    with a_whole_server("dev", tmp_path / "home", env={"AMQP_URL": vhost.url, **game}) as server:
        (address,) = re.findall(r"playground +(http://\S+/playground)$", server.text, re.MULTILINE)
        _, taker = two_players(browser, address)
        choose(browser, "give", to=taker, coins=1)
        # The line: what has no answer is sent again, with its numbers.
        browser.write(".player:nth-of-type(1) .delay", "400")
        send(browser, times=10)
        eventually(lambda: len(packets(browser, 1, "sent")) >= 10, "gifts on their way")
        browser.click(".player:nth-of-type(1) .cut")
        eventually(lambda: states(browser)[-1] == "playing" and "You cut the line." in states(browser), "a new line")
        assert states(browser)[-3:] == ["You cut the line.", "away", "playing"]
        browser.write(".player:nth-of-type(1) .delay", "0")  # while some are under way: none overtakes another
        eventually(lambda: (purse(browser), got(browser)) == (90, 110), lambda: packets(browser, 1, "error"), 60)
        assert len([text for text in packets(browser, 1, "again") if '"give"' in text]) == 10
        # The workers: while nobody serves gifts for long they are refused, which is final, too.
        browser.click("[data-kill=worker]")
        browser.see("#said", "Killed: worker-")
        send(browser, times=10)
        eventually(lambda: answered(browser) == 20, lambda: packets(browser, 1, "error"), 60)
        eventually(lambda: gives_one(browser), "somebody who serves gifts", 60)
        coins = 100 - granted(browser), 100 + granted(browser)
        eventually(lambda: (purse(browser), got(browser)) == coins, lambda: (purse(browser), got(browser), coins))
        assert all('"unavailable"' in text for text in packets(browser, 1, "error"))


def gives_one(browser: Browser) -> bool:
    """Give one coin more, and wait for the answer. Returns whether it was given."""
    before = granted(browser), answered(browser)
    send(browser)
    eventually(lambda: answered(browser) > before[1], "an answer")
    return granted(browser) > before[0]


def granted(browser: Browser) -> int:
    """How many gifts were answered as given."""
    return len([text for text in packets(browser, 1, "ok") if '"coins":' in text])


def answered(browser: Browser) -> int:
    """How many gifts were answered."""
    return granted(browser) + len(packets(browser, 1, "error"))


def test_every_event_of_the_catalogue_has_a_form_and_what_can_not_be_sent_is_said_in_it(
    deployment: Deployment, browser: Browser
) -> None:
    deployment.worker(name="all")
    gateway = deployment.gateway(env={**DEV, "GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    name, _ = two_players(browser, f"http://127.0.0.1:{gateway.web_port}/playground")
    assert dict(browser.driver.execute_script(FORMS)) == forms()
    wrong = ".player:nth-of-type(1) .wrong"
    sent = len(packets(browser, 1, "sent"))
    choose(browser, "ack", ids='["a",')
    send(browser)
    browser.see(wrong, "ids is not JSON")
    assert len(packets(browser, 1, "sent")) == sent
    choose(browser, "ack", ids='["a"]')
    send(browser)
    eventually(lambda: len(packets(browser, 1, "ok")) == 2, lambda: browser.text(wrong))
    assert browser.text(wrong) == ""
    # Who is in the world is told so; who has left comes back, and is taken over by whoever has the token.
    choose(browser, "login")
    send(browser)
    browser.see(wrong, "You are in the world already.")
    choose(browser, "logout")
    send(browser)
    browser.see(".player:nth-of-type(1) .state", "over")
    choose(browser, "say", text="hello")
    send(browser)
    browser.see(wrong, "log in or resume first")
    choose(browser, "login", password="another secret")
    send(browser)
    browser.see(wrong, "Name or password is wrong.")
    choose(browser, "login")
    send(browser)
    is_playing(browser)
    assert browser.text(".player:nth-of-type(1) .name") == name
    choose(browser, "resume")
    token = browser.see(".player:nth-of-type(1) [name=token]").get_attribute("value")
    choose(browser, "logout", player=2)
    send(browser, 2)
    browser.see(".player:nth-of-type(2) .state", "over")
    choose(browser, "resume", player=2, token=token)
    send(browser, 2)
    is_playing(browser, 2)
    assert browser.text(".player:nth-of-type(2) .name") == name
    eventually(lambda: "over: taken_over" in states(browser), lambda: states(browser))


def forms() -> dict[str, list[list[Any]]]:
    """The form that each event has to have, as its schema has it."""
    made = document()
    schemas = made["components"]["schemas"]
    resolved = lambda shape: schemas[shape["$ref"].removeprefix(REFERENCE)] if "$ref" in shape else shape  # noqa: E731
    found = {}
    for name in catalogue.client_events():
        schema = resolved(made["x-events"][name]["schema"])
        needed = schema.get("required", ())
        fields = {
            field: resolved(shape) for field, shape in schema["properties"].items() if field not in ("type", "seq")
        }
        found[name] = [shown(field, shape, field in needed) for field, shape in sorted(fields.items())]
    return found


def shown(name: str, shape: dict[str, Any], needed: bool) -> list[Any]:
    """An input: its name, its type, whether it is required, its least and largest number, its choices."""
    if values := shape.get("enum"):
        return [name, "select-one", needed, "", "", [*([] if needed else [""]), *values]]
    if shape["type"] == "integer":
        return [name, "number", needed, *(str(shape.get(bound, "")) for bound in ("minimum", "maximum")), []]
    return [name, "checkbox" if shape["type"] == "boolean" else "text", needed, "", "", []]


def test_without_development_there_is_no_playground(deployment: Deployment, browser: Browser) -> None:
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    browser.open(f"http://127.0.0.1:{gateway.web_port}/playground")
    assert "There is no such page." in browser.text("body")
