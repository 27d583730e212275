"""The JavaScript library plays the golden session in a real browser, as it does in Node."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gateway.web.site import page
from tests.browsers import Browser, a_browser, required
from tests.nodes import JAVASCRIPT
from tests.unit.web.test_golden import LIBRARY, S_MAX, SCRIPT, WHAT_COMES_OF_IT, Gateway

SERVED = {
    "/": page("text/html", b"<!doctype html><title>Golden</title>"),
    "/index.js": page("text/javascript", (LIBRARY / "index.js").read_bytes()),
    "/golden_session.mjs": page("text/javascript", (JAVASCRIPT / "golden_session.mjs").read_bytes()),
}
PLAY = """
const done = arguments[arguments.length - 1];
Promise.all([import("/index.js"), import("/golden_session.mjs")])
  .then(([{ Client }, { play }]) => play(Client, `ws://${location.host}/socket`, {}))
  .then(done, (error) => done(String(error)));
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    required()
    with a_browser(tmp_path / "chromium") as made:
        yield made


def served(connection: ServerConnection, request: Request) -> Response | None:
    """A page, or nothing where the WebSocket is."""
    found = SERVED.get(request.path)
    if request.path == "/socket":
        return None
    if found is None:
        return Response(404, "Not Found", Headers())
    headers = Headers({"Content-Type": found.kind, "Content-Length": str(len(found.body))})
    return Response(200, "OK", headers, found.body)


async def plays(browser: Browser, gateway: Gateway) -> Any:
    async with serve(
        gateway.over_websocket,
        "127.0.0.1",
        0,
        subprotocols=["gameserver.json"],  # type: ignore[list-item]
        process_request=served,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        browser.driver.set_script_timeout(S_MAX)
        await asyncio.to_thread(browser.open, f"http://127.0.0.1:{port}/")
        return await asyncio.to_thread(browser.driver.execute_async_script, PLAY)


def test_a_browser_plays_the_golden_session(browser: Browser) -> None:
    gateway = Gateway()
    found = asyncio.run(asyncio.wait_for(plays(browser, gateway), 2 * S_MAX))
    assert gateway.astray == []
    assert gateway.played == len(SCRIPT)
    assert found == WHAT_COMES_OF_IT
