"""``gameserver play`` without a terminal: what a person types and sees, against a scripted gateway."""

from base64 import b64encode
from typing import Any

import pytest
from textual.events import Key
from textual.widgets import Input, RichLog, Static

from gameserver.client.backoff import Backoff
from gameserver.client.play.app import Entrance, Line, PlayApp, rich
from gameserver.declare.phrases import styled

WALLS = b64encode(bytes((0b11111110, 0b10000010, 0b10000010, 0b11111110))).decode()
CHART = {"zone": "meadow", "title": "The Meadow", "width": 7, "height": 4, "walls": WALLS, "gates": []}
YOU = {"id": "ada", "name": "Ada", "kind": "player", "x": 3, "y": 1, "hp": 90, "v": 1}
RAT = {"id": "meadow.rat.1", "name": "Giant Rat", "kind": "rat", "x": 5, "y": 1, "hp": 9, "v": 1, "hp_max": 12}
VIEW = {"type": "view", "zone": "meadow", "title": "The Meadow", "width": 7, "height": 4, "you": YOU, "beings": [RAT]}


def script(stage: Any) -> Any:
    """Lets everybody in, shows a meadow with a rat, and refuses to walk east."""

    def play(connection: Any, event: Any) -> None:
        name = event.spec.name
        if name == "chart":
            connection.ok(event, **CHART)
        elif name == "move" and event.dir == "e":
            connection.refuse(event, "wall")
        elif name == "attack":
            connection.ok(event, target=event.target, damage=3, hp=6)
        else:
            stage.friendly(connection, event)
            if name in ("login", "register"):
                connection.tell(VIEW)

    return play


def log_of(app: PlayApp) -> str:
    return "\n".join(strip.text for strip in app.query_one("#log", RichLog).lines)


def map_of(app: PlayApp) -> str:
    return str(app.query_one("#map", Static).render())


async def entered(app: PlayApp, pilot: Any, stage: Any) -> None:
    await pilot.pause()
    await stage.until(lambda: isinstance(app.screen, Entrance))
    await pilot.press(*"Ada", "enter", *"a long secret".replace(" ", "_"), "enter")
    await stage.until(lambda: not isinstance(app.screen, Entrance) and "@" in map_of(app))


async def test_a_player_enters_walks_and_sees(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address])
        async with app.run_test(size=(90, 30)) as pilot:
            await entered(app, pilot, stage)
            (login, chart) = gateway.last.events
            assert (login.spec.name, login.name, chart.spec.name) == ("login", "Ada", "chart")
            await stage.until(lambda: "#######" in map_of(app))
            assert "You see Giant Rat 2 east." in log_of(app)
            await pilot.press("up")
            await stage.until(lambda: gateway.last.named("move"))
            assert gateway.last.named("move")[0].dir == "n"
            await pilot.press("right")
            await stage.until(lambda: "This is wall." in log_of(app))
            await pilot.press(*"say hi", "enter")
            await stage.until(lambda: gateway.last.named("say"))
            assert gateway.last.named("say")[0].text == "hi"


async def test_what_is_typed_is_completed_and_can_be_had_again(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address], "Ada")
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"a_long_secret", "enter")
            await stage.until(lambda: "@" in map_of(app))
            line = app.query_one(Line)
            await pilot.press(*"kill Gi")
            await stage.until(lambda: line._suggestion)
            await pilot.press("tab", "enter")
            await stage.until(lambda: gateway.last.named("attack"))
            assert gateway.last.named("attack")[0].target == "meadow.rat.1"
            await pilot.press(*"x", "up")
            assert line.value == "kill Giant Rat"
            await pilot.press("down")
            assert line.value == ""


async def test_who_is_not_let_in_reads_why(stage: Any) -> None:
    def refusing(connection: Any, event: Any) -> None:
        connection.refuse(event, "bad_login")

    async with stage.listening(refusing) as gateway:
        app = PlayApp([gateway.address])
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"Ada", "enter", *"wrong", "enter")
            await stage.until(lambda: "bad_login" in str(app.screen.query_one("#refusal", Static).render()))
            assert app.screen.query_one("#password", Input).password


async def test_a_lost_connection_is_told_and_comes_back(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address], "Ada")
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"a_long_secret", "enter")
            await stage.until(lambda: "@" in map_of(app))
            first = gateway.last
            first.drop()
            await stage.until(lambda: gateway.last is not first and gateway.last.named("resume"))
            await pilot.press(*"'back", "enter")
            await stage.until(lambda: gateway.last.named("say"))


async def test_lines_that_are_typed_quickly_one_behind_the_other_are_all_sent(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address], "Ada")
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"a_long_secret", "enter")
            await stage.until(lambda: "@" in map_of(app))
            for key in (*"'one", "enter", *"'two", "enter"):
                app._line.post_message(Key(key, key if len(key) == 1 else "\r"))
            await stage.until(lambda: len(gateway.last.named("say")) == 2)
            assert [event.text for event in gateway.last.named("say")] == ["one", "two"]


async def test_the_game_ends_with_a_goodbye(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address], "Ada")
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"a_long_secret", "enter")
            await stage.until(lambda: "@" in map_of(app))
            await pilot.press(*"quit", "enter")
            await stage.until(lambda: app._exit)
        assert app.return_value == 0


async def test_nothing_is_drawn_where_nothing_has_changed(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        app = PlayApp([gateway.address], "Ada")
        async with app.run_test(size=(90, 30)) as pilot:
            await pilot.pause()
            await stage.until(lambda: isinstance(app.screen, Entrance))
            await pilot.press(*"a_long_secret", "enter")
            await stage.until(lambda: "#######" in map_of(app))
            drawn: list[Any] = []
            for shown in (app._map, app._status):
                shown.update = drawn.append  # type: ignore[method-assign]
            for _ in range(5):
                app._draw()
            assert len(drawn) <= 1


async def test_a_gateway_that_is_not_there_is_told(stage: Any) -> None:
    async with stage.listening(script(stage)) as gateway:
        address = gateway.address
    app = PlayApp([address], backoff=Backoff(attempts_max=1))
    async with app.run_test(size=(90, 30)):
        await stage.until(lambda: app._exit)
    assert app.return_value == 1


@pytest.mark.parametrize("prose", ["plain", f"{styled('name', 'Bob')} says: {styled('speech', 'hi')}", "\x0f\x0ez"])
def test_prose_is_shown_without_its_marks(prose: str) -> None:
    assert rich(prose).plain in ("plain", "Bob says: hi", "")
