"""The real page in Chromium, before a server of the test's own: what is told can be read there, and answered."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gameserver.testing.processes import eventually
from gateway.web.events import PLACE, events_page
from gateway.web.site import Site
from tests.browsers import Browser, a_browser, required

S_MAX = 240  # on a busy machine; each thing that is waited for has a bound of its own
ENTERED = {"player": "ada", "name": "Ada", "session": "s1", "zone": "town", "x": 3, "y": 4, "hp": 100, "hp_max": 100}
ADA = {"id": "ada", "name": "Ada", "kind": "player", "x": 3, "y": 4, "hp": 100, "v": 1}
WOLF = {"id": "wolf.1", "name": "Wolf", "kind": "wolf", "x": 5, "y": 4, "hp": 20, "v": 1}
TOWN = {"zone": "town", "title": "Millbrook", "width": 16, "height": 4}
FOREST = {"zone": "forest", "title": "The Forest", "width": 16, "height": 4}
WELCOME = {"protocol": 1, "catalogue": "", "gateway": "g", "frame_bytes_max": 8192, "lane_waiting_max": 32}
REPLIES: dict[str, dict[str, Any]] = {
    "register": {**ENTERED, "xp": 30},
    "inventory": {"things": [], "worn": []},
    "group": {"members": []},
    "purse": {"coins": 5},
    "acceptduel": {"rival": "Bob", "until_ms": 1},
}
TOLD: list[dict[str, Any]] = [
    {"type": "roared", "who": "wolf.1", "text": "Rise!"},
    {"type": "afflicted", "kind": "poison", "effect": "Poison", "by": "wolf.1"},
    {"type": "felt", "kind": "poison", "effect": "Poison", "change": -5, "hp": 95},
    {"type": "signs", "texts": ["To the crypt"]},
    {"type": "signs", "texts": ["To the crypt"]},
    {"type": "levelled", "level": 2, "hp": 120, "hp_max": 120, "attack": 9},
    {"type": "fallen", "xp": 8, "total": 22},
    {"type": "challenged", "by": "Bob", "until_ms": 1},
]
DUELS: list[dict[str, Any]] = [
    {"type": "duelbegan", "players": ["Bob", "Ada"], "until_ms": 1},
    {"type": "duelended", "players": ["Bob", "Ada"], "winner": "Ada", "why": "won"},
    {"type": "putback", "zone": "forest", "x": 1, "y": 1},
    {"type": "view", **FOREST, "you": {**ADA, "x": 1, "y": 1, "v": 2}, "beings": []},
]


class Server:
    """Serves the page, lets one in, answers its events, and tells what it is given to tell."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._pages = {**Site()._pages, PLACE: events_page()}
        self._connection: ServerConnection | None = None
        self._zone: dict[str, Any] = TOWN

    def page(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path == "/socket":
            return None
        found = self._pages.get(path)
        if found is None:
            return Response(404, "Not Found", Headers())
        headers = Headers({"Content-Type": found.kind, "Content-Length": str(len(found.body))})
        return Response(200, "OK", headers, found.body)

    async def play(self, connection: ServerConnection) -> None:
        self._connection = connection
        async for packet in connection:
            asked = json.loads(packet)
            self.asked.append(asked)
            await self.tell(*self._answers(asked))

    def _answers(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if asked["type"] == "hello":
            return [{"type": "welcome", **WELCOME, "packets_per_s": 50.0, "idle_s_max": 300.0}]
        if asked["type"] == "ping":
            return [{"type": "pong"}]
        chart = {"chart": {**self._zone, "walls": "AAAAAAAAAAA=", "gates": []}}
        ok = {"type": "ok", "re": asked["seq"], "data": (REPLIES | chart).get(asked["type"], {})}
        seen = {"type": "view", **TOWN, "you": ADA, "beings": [WOLF]}
        return [ok, seen] if asked["type"] == "register" else [ok]

    async def tell(self, *packets: dict[str, Any]) -> None:
        assert self._connection
        for packet in packets:
            self._zone = FOREST if packet.get("zone") == "forest" else self._zone
            await self._connection.send(json.dumps(packet))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    required()
    with a_browser(tmp_path / "chromium") as made:
        yield made


def test_what_a_player_is_told_is_read_on_the_page_and_a_challenge_accepted(browser: Browser) -> None:
    async def played() -> None:
        server = Server()
        words: Any = {"subprotocols": ["gameserver.json"], "process_request": server.page}
        async with serve(server.play, "127.0.0.1", 0, **words) as serving:
            port = next(iter(serving.sockets)).getsockname()[1]
            await asyncio.to_thread(comes_in, f"http://127.0.0.1:{port}/")
            await server.tell(*TOLD)
            await asyncio.to_thread(reads_and_accepts)
            await server.tell(*DUELS)
            await asyncio.to_thread(sees_the_end)
        assert [packet["to"] for packet in server.asked if packet["type"] == "acceptduel"] == ["Bob"]

    def comes_in(url: str) -> None:
        browser.open(url)
        browser.click("#guest")
        browser.see("#place", "Millbrook")
        browser.see("#xp", "30")

    def reads_and_accepts() -> None:
        browser.see("#log", "Bob challenges you to a duel: see More, Duels.")
        log = browser.text("#log")
        for sentence in (
            "Wolf roars: Rise!",
            "Poison is upon you.",
            "Poison takes 5 of your health.",
            "You are level 2 now: attack 9, health 120 of 120.",
            "Your death costs you 8 experience; 22 is left.",
        ):
            assert sentence in log
        assert log.count("A sign says “To the crypt”.") == 1
        browser.see("#xp", "22")  # with the next frame
        browser.see("#health b", "120 / 120")
        browser.click("#tab-more")
        browser.click("#panel-choice button", "Duels")
        browser.click("#panel button[aria-label='Fight Bob']")
        browser.see("#panel-said", "You fight Bob.")

    def sees_the_end() -> None:
        browser.see("#place", "The Forest")
        for sentence in ("Bob and Ada fight a duel!", "Ada has won the duel.", "you stand outside again."):
            assert sentence in browser.text("#log")
        eventually(lambda: not browser.all("#panel button[aria-label='Fight Bob']"), "nobody who challenges")

    asyncio.run(asyncio.wait_for(played(), S_MAX))
