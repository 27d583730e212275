"""A stranger starts a server, opens the address that is printed first, and walks, within a minute."""

import re
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from gameserver.testing.broker import require_rabbitmq
from gameserver.testing.processes import eventually
from tests.acceptance.test_web_client import stands
from tests.browsers import Browser
from tests.deployments import ROOT
from tests.whole_servers import a_whole_server

MINUTE_S = 60.0
ARROWS = (Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN)

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def test_a_guest_walks_in_the_browser_within_a_minute_from_nothing(browser: Browser, tmp_path: Path) -> None:
    require_rabbitmq()
    (command,) = re.findall(r"^run:.*\n\t@exec \$\(BIN\)/gameserver (\w+)$", (ROOT / "Makefile").read_text(), re.M)
    began_s = time.monotonic()
    with a_whole_server(command, tmp_path / "home", env={}) as server:
        browser.open(re.findall(r"http://\S+", server.text)[0])
        browser.click("#guest", "Play now as a guest")
        browser.see("#name")
        eventually(lambda: browser.text("#place"), "a map")
        before = stands(browser)
        assert any(browser.press(key) or stands(browser) != before for key in ARROWS), browser.text("#situation")
        took_s = time.monotonic() - began_s
        print(f"walking {took_s:.1f} s after `gameserver {command}`")
        assert took_s < MINUTE_S
