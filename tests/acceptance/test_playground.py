"""The playground in a real browser: a gateway is killed by its button, and a gift is given once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.testing.deployment import Deployment
from gameserver.testing.processes import eventually
from tests.browsers import Browser, a_browser, required
from tests.web_clients import WEB


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    required()
    with a_browser(tmp_path / "chromium") as made:
        yield made


def packets(browser: Browser, player: int, kind: str) -> list[str]:
    """What one of the players has seen travel, of a kind."""
    return [line.text for line in browser.all(f".player:nth-of-type({player}) .packets .{kind}")]


def test_a_gift_that_is_sent_again_is_shown_and_given_once(deployment: Deployment, browser: Browser) -> None:
    deployment.worker(name="all")
    env = {"GAMESERVER_DEV": "1", "GAMESERVER_ENDPOINTS": WEB % "tcp:0"}
    first = deployment.gateway(env=env)
    first.says("for browsers")
    port = first.web_port
    browser.open(f"http://127.0.0.1:{port}/playground")
    for n in (1, 2):
        browser.see(f".player:nth-of-type({n}) .state", "playing")
    giver, taker = (browser.see(f".player:nth-of-type({n}) .name").text for n in (1, 2))
    browser.driver.execute_script(
        "const type = document.querySelector('.type'); type.value = 'give'; type.dispatchEvent(new Event('change'))"
    )
    browser.write(".player:nth-of-type(1) [name=to]", taker)
    browser.write(".player:nth-of-type(1) [name=coins]", "5")
    browser.write(".player:nth-of-type(1) .delay", "1500")  # the answer will not come before the gateway dies
    browser.click(".player:nth-of-type(1) .send")
    eventually(lambda: any("give" in text for text in packets(browser, 1, "sent")), "a gift on its way")
    browser.click("[data-kill=gateway]")
    first.wait()
    deployment.gateway(env={**env, "GAMESERVER_ENDPOINTS": WEB % f"tcp:{port}"})
    eventually(lambda: any('"coins":95' in text for text in packets(browser, 1, "ok")), "its answer", 60)
    assert [text for text in packets(browser, 1, "again") if "give" in text], giver
    received = [text for text in packets(browser, 2, "received") if '"type":"received"' in text]
    assert {text.partition('"total":')[2][:3] for text in received} == {"105"}


def test_without_development_there_is_no_playground(deployment: Deployment, browser: Browser) -> None:
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    browser.open(f"http://127.0.0.1:{gateway.web_port}/playground")
    assert "There is no such page." in browser.text("body")
