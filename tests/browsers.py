"""Chromium without a window, for tests of pages that people see.

Debian's packages ``chromium`` and ``chromium-driver``, driven by Selenium; nothing is downloaded. Without them such
tests are skipped with the reason; in CI they fail instead.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from gameserver.local.processes import kill
from gameserver.testing.processes import eventually

FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none to offer
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
)
SIZE = "1440,960"
KEY_S = 0.06  # how long a key is held


class Browser:
    """A window, and what people do in it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Go to a page."""
        self.driver.get(url)

    def all(self, css: str) -> list[WebElement]:
        """What is on the page."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def see(self, css: str, text: str = "") -> WebElement:
        """Wait until something is seen that has this text in it."""

        def seen() -> WebElement | None:
            try:
                return next((e for e in self.all(css) if e.is_displayed() and text in e.text), None)
            except StaleElementReferenceException:  # the page has just drawn it anew
                return None

        found: WebElement = eventually(seen, f"{text!r} in {css} on {self.driver.current_url}", 30)
        return found

    def click(self, css: str, text: str = "") -> None:
        """Click on it as soon as it is seen."""
        self._persist(lambda: self.see(css, text).click())

    def write(self, css: str, text: str) -> None:
        """Type into a field, in the place of what stands there."""
        field = self.see(css)
        field.clear()
        field.send_keys(text)

    def rows(self, table: str, part: str = "tbody") -> list[list[str]]:
        """The texts of a table's cells, shown or not."""
        rows = "[...document.querySelectorAll(arguments[0])]"
        script = f"return {rows}.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
        found: list[list[str]] = self.driver.execute_script(script, f"{table} {part} tr")
        return found

    def _persist(self, act: Callable[[], Any]) -> None:
        def done() -> bool:
            try:
                act()
            except WebDriverException:  # redrawn, or something slides in front of it
                return False
            return True

        eventually(done, "a click")

    def press(self, *keys: str) -> None:
        """Press keys one after another, in whatever has the focus."""
        for key in keys:
            ActionChains(self.driver).key_down(key).pause(KEY_S).key_up(key).perform()

    def click_beside(self, css: str, right: int, down: int) -> None:
        """Click so many pixels from the middle of an element."""
        ActionChains(self.driver).move_to_element_with_offset(self.see(css), right, down).click().perform()

    def become_a_phone(self, width: int, height: int) -> None:
        """Have a small screen, and fingers in the place of a mouse."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1})

    def touch(self, css: str) -> None:
        """Put a finger on something, and take it away."""
        finger = ActionBuilder(self.driver, mouse=PointerInput(interaction.POINTER_TOUCH, "finger"))
        finger.pointer_action.move_to(self.see(css)).pointer_down().pause(KEY_S).pointer_up()
        finger.perform()

    def text(self, css: str) -> str:
        """The text of an element, shown or not."""
        found: str = self.driver.find_element(By.CSS_SELECTOR, css).get_attribute("textContent") or ""
        return found

    def loaded(self) -> set[str]:
        """The servers that anything on the page was asked of."""
        script = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).host)"
        return set(self.driver.execute_script(script))

    def picture(self, file: Path) -> None:
        """What is in the window, as PNG."""
        assert self.driver.save_screenshot(str(file))


def program() -> str:
    """Where Chromium is; empty without it or without its driver."""
    found = shutil.which("chromium") or shutil.which("google-chrome") or ""
    return found if shutil.which("chromedriver") else ""


def required() -> None:
    """Skip the test without Chromium; in CI fail it."""
    if program():
        return
    if os.environ.get("CI"):
        pytest.fail("Chromium is missing, and in CI this test must run: docker/system-packages.sh test", pytrace=False)
    pytest.skip("Chromium is not installed (docker/system-packages.sh test installs it on Debian)")


@contextmanager
def a_browser(folder: Path) -> Iterator[Browser]:
    """A window of a Chromium that knows nothing, for a ``with`` block."""
    options = ChromeOptions()
    options.binary_location = program()
    for flag in (*FLAGS, f"--window-size={SIZE}", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    service = Service(shutil.which("chromedriver"), popen_kw={"start_new_session": True})
    driver = Chrome(options, service)
    try:
        yield Browser(driver)
    finally:
        try:
            driver.quit()
        finally:
            kill(service.process)  # and what a driver that had no time for it has left in its session


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A window for the tests of one module."""
    required()
    with a_browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made
