"""Two people in real browsers, on the page that gateways serve, and the gateway dies under them."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from gameserver.broker.gateway_routing import route
from gameserver.declare import catalogue
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from tests.browsers import Browser, a_browser, required
from tests.deployments import write_world
from tests.integration.scraped import scrape, targets, value
from tests.web_clients import WEB

ARENA = (
    "################",
    "#s.............#",
    "#.......#......#",
    "#....r.........#",
    "#..............#",
    "################",
)
# One sees one's own cell of 8 tiles and those around it: from where one begins here, the first 24 tiles.
FIELD = (
    "########################################",
    "#......................................#",
    "#.............s........................#",
    "#......................................#",
    "########################################",
)
BEYOND = 12  # so many steps to the east one is out of that sight
LAIR = ("############", "#sS......r.#", "############")
SWAMP = ("######", "#sS.l#", "######")  # who is there strikes first, and lives for several strikes
HALL = ("######", "#spS.#", "######")
ROOM = ("######", "#s.S.#", "#....#", "######")
SQUARE = ("#######", "#sS.BM#", "#C.W..#", "#######")
GREEN = ("######", "#s...#", "#....#", "######")
GLADE = ("#####", "#s..#", "#####")
PEACEFUL = """
from pathlib import Path

from gameserver.game import Game

GAME = Game(modules=tuple(f"gameserver.modules.{name}" for name in ("sessions", "movement", "chat")), world=Path(%r))
"""
# A game with an event that no page was written for.
MARKED = """
from pathlib import Path

from gameserver.game import Game

NAMES = ("sessions", "movement", "chat")
GAME = Game(modules=(*(f"gameserver.modules.{name}" for name in NAMES), "small_game.tags"), world=Path(%r))
"""
TAGS = {
    "tags/__init__.py": "'''Tags.'''",
    "tags/events.py": """
from typing import Annotated

import msgspec

from gameserver.game import Event, Result, event


class Tagged(Result):
    '''How many were tagged.'''

    count: int


@event(lane="act", result=Tagged)
class Tag(Event):
    '''Tag several players.'''

    names: Annotated[list[str], msgspec.Meta(max_length=5, description="list of names, 5 at most")]
""",
    "tags/rules.py": """
from gameserver.game import Context, Outcome, State, rule
from small_game.tags.events import Tag, Tagged


@rule()
def tag(state: State, event: Tag, context: Context) -> Outcome:
    '''Count them.'''
    return Outcome(result=Tagged(count=len(event.names)))
""",
}
LOGS = """
import json
from pathlib import Path

from gameserver.game import Game
from gameserver.games.millbrook import GAME as BUNDLED

HERE = Path(__file__).parent
QUESTS = [quest for quest in json.loads(BUNDLED.data["quests"].read_text()) if quest["name"] == "wood_for_the_winter"]
(HERE / "quests.json").write_text(json.dumps(QUESTS))
DATA = {name: file for name, file in BUNDLED.data.items() if name != "achievements"}
MODULES = tuple(name for name in BUNDLED.modules if not name.endswith("achievements"))
GAME = Game(modules=MODULES, world=Path(%r), data={**DATA, "quests": HERE / "quests.json"})
"""
# A key that is let go before the next frame is drawn.
TAP = "for (const type of ['keydown', 'keyup']) dispatchEvent(new KeyboardEvent(type, { code: arguments[0] }))"
PHONE = (390, 844)
FIGHT_S_MAX = 60.0


def a_game(deployment: Deployment, folder: Path, text: str, **files: str) -> None:
    """Have a deployment play a game of this text; ``files``: those of its modules."""
    for name, content in {"__init__.py": text, **files}.items():
        file = folder / "small_game" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    deployment.environ["GAMESERVER_GAME"] = "small_game"
    deployment.environ["PYTHONPATH"] = os.pathsep.join([deployment.environ["PYTHONPATH"], str(folder)])


@pytest.fixture
def browsers(tmp_path: Path) -> Iterator[tuple[Browser, Browser]]:
    """Two windows of two people."""
    required()
    with ExitStack() as opened:
        yield (
            opened.enter_context(a_browser(tmp_path / "ada")),
            opened.enter_context(a_browser(tmp_path / "bob")),
        )


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[Browser]:
    """One window, of somebody who needs nobody else."""
    required()
    with a_browser(tmp_path / "ada") as made:
        yield made


def come_in(browser: Browser, port: int, name: str, by: str = "#sign-up") -> None:
    """Register, or log in, on the page's door."""
    browser.open(f"http://127.0.0.1:{port}/")
    browser.write("#login", name)
    browser.write("#password", "a long secret")
    browser.click(by)
    browser.see("#name", name)
    browser.see("#place", "arena")


def say(browser: Browser, text: str) -> None:
    browser.write("#say", text)
    browser.press(Keys.ENTER, Keys.ESCAPE)


def link(browser: Browser) -> str | None:
    """What the page knows of its connection."""
    return browser.driver.find_element("id", "link").get_attribute("data-state")


def stands(browser: Browser) -> tuple[int, int]:
    """Where the page says that its player stands, to who cannot see it."""
    browser.press(Keys.ESCAPE, "l")
    found = re.search(r"You stand at (\d+), (\d+)", browser.text("#situation"))
    assert found, browser.text("#situation")
    return int(found[1]), int(found[2])


def click_tile(browser: Browser, east: int, south: int) -> None:
    """Click on a tile of the map, counted from where the page shows its player."""
    wide: int = browser.driver.execute_script("return map.clientWidth")
    tile = 30 if wide < 560 else 36 if wide < 1200 else 42  # as map.js has it
    browser.click_beside("#map", east * tile, south * tile)


def walk_to(browser: Browser, east: int, south: int) -> None:
    """Click on a tile, and wait until one is there."""
    x, y = stands(browser)
    click_tile(browser, east, south)
    eventually(lambda: stands(browser) == (x + east, y + south), lambda: browser.text("#situation"))


def click_on(browser: Browser, name: str) -> None:
    """Click on who stands in the same row."""
    stands(browser)
    found = re.search(rf"{name}, (\d+) (east|west)", browser.text("#situation"))
    if found:
        click_tile(browser, int(found[1]) * (1 if found[2] == "east" else -1), 0)


def test_two_people_meet_talk_give_fight_and_resume_when_their_gateway_is_killed(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, bob = browsers
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *ARENA))
    deployment.beat()
    deployment.worker(name="all")
    first = deployment.gateway("first", env={"GAMESERVER_ENDPOINTS": WEB % "shared:0"})
    first.says("for browsers")
    port = first.web_port
    come_in(ada, port, "Ada")
    come_in(bob, port, "Bob")
    assert ada.loaded() == {f"127.0.0.1:{port}"}
    # Walk, and be seen.
    bob.click("#tab-here")
    x, y = stands(ada)
    ada.press(Keys.ARROW_RIGHT)
    eventually(lambda: stands(ada) == (x + 1, y), "a step to the east")
    ada.press(Keys.ARROW_UP)  # a wall: nothing happens
    bob.see("#beings", "Ada")
    bob.see("#beings", "1 step")
    assert stands(ada) == (x + 1, y)
    # Talk, both ways.
    bob.click("#tab-all")
    say(ada, "Good morning, Bob!")
    bob.see("#log", "Good morning, Bob!")
    say(bob, "And to you.")
    ada.see("#log", "And to you.")
    # Give.
    bob.click("#tab-here")
    bob.click("#beings button", "Give")
    bob.write("#amount", "7")
    bob.click("#give")
    ada.see("#coins", "107")
    bob.see("#coins", "93")
    # Fight.
    ada.press(Keys.ESCAPE, "f")
    eventually(lambda: "You strike Rat for" in ada.text("#log"), lambda: ada.text("#log"), FIGHT_S_MAX)
    eventually(lambda: "experience for slaying a rat" in ada.text("#log"), lambda: ada.text("#log"), FIGHT_S_MAX)
    # The gateway dies; the other one of the port takes both, and what they do meanwhile is done once.
    second = deployment.gateway("second", env={"GAMESERVER_ENDPOINTS": WEB % f"shared:{port}"})
    second.says("for browsers")
    bob.click("#beings button", "Give")
    bob.write("#amount", "3")
    first.kill()
    bob.click("#give")
    ada.see("#coins", "110")
    bob.see("#coins", "90")
    bob.click("#tab-all")
    say(ada, "Did you notice?")
    bob.see("#log", "Did you notice?")
    say(bob, "Nothing at all.")
    ada.see("#log", "Nothing at all.")
    assert {link(browser) for browser in browsers} == {"playing"}


def test_one_walks_by_clicks_out_of_anothers_view_and_into_it_again(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *FIELD))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    ada, bob = browsers
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        come_in(browser, gateway.web_port, name)
        browser.click("#tab-here")
    for there in (True, False, True):
        for browser, other in ((ada, "Bob"), (bob, "Ada")):
            browser.see("#beings", other if there else "Nobody is in view.")
            stands(browser)
            assert (other in browser.text("#situation")) is there
        walk_to(ada, BEYOND if there else -BEYOND, 0)


def test_a_lost_connection_is_shown_as_long_as_it_is_lost_and_what_was_given_meanwhile_is_given_once(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, bob = browsers
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *GREEN))
    deployment.worker(name="all")
    first = deployment.gateway("first", env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    first.says("for browsers")
    port = first.web_port
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        come_in(browser, port, name)
    x, y = stands(ada)
    bob.click("#tab-here")
    bob.click("#beings button", "Give")
    bob.write("#amount", "7")
    first.kill()
    for browser in browsers:
        browser.see("#link", "Connection lost")
        assert link(browser) == "away"
    bob.click("#give")
    ada.press(Keys.ARROW_RIGHT)  # nobody could tell where that leads
    assert stands(ada) == (x, y)
    assert link(bob) == "away"
    assert (ada.text("#coins"), bob.text("#coins")) == ("100", "100")
    deployment.gateway("second", env={"GAMESERVER_ENDPOINTS": WEB % f"tcp:{port}"})
    for browser in browsers:
        eventually(lambda browser=browser: link(browser) == "playing", "a connection", 30)
        assert browser.text("#link") == "Connected"
    bob.see("#coins", "93")
    ada.see("#coins", "107")
    ada.press(Keys.ARROW_RIGHT)
    eventually(lambda: stands(ada) == (x + 1, y), "a step to the east")


def test_a_step_is_shown_at_once_and_put_back_when_it_is_refused(
    deployment: Deployment, ada: Browser, tmp_path: Path
) -> None:
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *GREEN))
    worker = deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    x, y = stands(ada)
    worker.freeze()
    ada.press(Keys.ARROW_RIGHT)
    eventually(lambda: stands(ada) == (x + 1, y), "a step that nobody has answered")
    refused_at_s = time.monotonic() + catalogue.client_events()["move"].spec.stale_after_s + 1
    eventually(lambda: time.monotonic() > refused_at_s, "that the step is too old", 30)
    assert stands(ada) == (x + 1, y)
    worker.thaw()
    eventually(lambda: stands(ada) == (x, y), "that it is put back")
    ada.driver.execute_script(TAP, "ArrowDown")
    eventually(lambda: stands(ada) == (x, y + 1), "a step that is granted")


def test_fingers_walk_and_strike_by_the_pad(deployment: Deployment, ada: Browser, tmp_path: Path) -> None:
    ada.become_a_phone(*PHONE)
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *LAIR))
    deployment.beat()  # without whose ticks there is no rat
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    x, y = stands(ada)
    ada.touch("#pad [data-dir=e]")
    eventually(lambda: stands(ada) == (x + 1, y), lambda: ada.text("#situation"))
    ada.touch("#pad [data-dir=n]")  # a wall
    ada.touch("#pad [data-dir=w]")
    eventually(lambda: stands(ada) == (x, y), lambda: ada.text("#situation"))
    ada.touch("#strike")
    eventually(lambda: "You strike Rat for" in ada.text("#log"), lambda: ada.text("#log"), FIGHT_S_MAX)


def test_one_wears_and_takes_off_strikes_by_a_click_and_eats_when_hurt(
    deployment: Deployment, ada: Browser, tmp_path: Path
) -> None:
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *SWAMP))
    deployment.beat()
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    with LineClient(gateway.port) as shopper:
        shopper.register("Ada")
        for kind, count in (("straw_hat", 1), ("bread", 5)):
            assert shopper.ask("buyfrom", shop="store", kind=kind, count=count)["type"] == "ok"
        shopper.ask("logout")
    come_in(ada, gateway.web_port, "Ada", by="#sign-in")
    ada.click("#tab-bag")
    ada.click('#bag-list [aria-label="Wear Straw Hat"]')
    ada.click('#bag-list [aria-label="Take off Straw Hat"]')
    ada.see('#bag-list [aria-label="Wear Straw Hat"]')
    assert not ada.all('#bag-list [aria-label^="Take off"]')
    hurt = "Slime strikes you for"
    eventually(lambda: click_on(ada, "Slime") or hurt in ada.text("#log"), lambda: ada.text("#log"), FIGHT_S_MAX)
    eventually(
        lambda: click_on(ada, "Slime") or "You strike Slime for" in ada.text("#log"),
        lambda: ada.text("#log"),
        FIGHT_S_MAX,
    )
    ada.click('#bag-list [aria-label="Use Bread (5)"]')
    ada.see("#bag-list", "Bread (4)")


def test_a_quest_is_accepted_and_turned_in(deployment: Deployment, ada: Browser, tmp_path: Path) -> None:
    a_game(deployment, tmp_path, LOGS % str(write_world(tmp_path / "world", *HALL)))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    stands(ada)
    eventually(lambda: stands(ada) and "Reeve Tobias, 1 east" in ada.text("#situation"), lambda: ada.text("#situation"))
    click_tile(ada, 1, 0)
    ada.see("#panel-choice [aria-pressed=true]", "Quests")
    ada.see("#panel-said", "Reeve Tobias: Welcome to Millbrook.")
    press_button(ada, "Accept Wood for the Winter", "The almshouse needs three logs.")
    ada.see("#panel .rows", "Wood: 0 of 3")
    open_panel(ada, "General Store")
    ada.write('#panel input[aria-label="How many: Wood"]', "3")
    press_button(ada, "Buy Wood", "You bought Wood (3).")
    ada.see("#coins", "91")
    open_panel(ada, "Quests")
    ada.see("#panel .rows", "Wood: 3 of 3")
    press_button(ada, "Turn in Wood for the Winter", "You got 12 coins, 10 experience, Apple (2).")
    ada.see("#coins", "103")
    ada.see("#xp", "10")
    ada.see("#panel .rows", "Done: 1")
    ada.click("#tab-bag")
    ada.see("#bag-list", "Apple (2)")
    assert "Wood" not in ada.text("#bag-list")


def test_a_browser_is_led_to_the_gateway_of_its_place_and_comes_back_when_that_one_is_killed(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, bob = browsers
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *ARENA))
    ports = dict(zip(("first", "second"), free_ports(2), strict=True))
    known = " ".join(f"{name}=ws://127.0.0.1:{port}/socket" for name, port in ports.items())
    deployment.environ["GAMESERVER_GATEWAYS"] = known
    deployment.beat()
    deployment.worker(name="all")
    gateways = {
        name: deployment.gateway(name, env={"GAMESERVER_ENDPOINTS": WEB % f"tcp:{port}"})
        for name, port in ports.items()
    }
    for gateway in gateways.values():
        gateway.says("for browsers")
    home = sorted(ports)[route("arena") % 2]
    (away,) = {*ports} - {home}

    def playing(name: str) -> float:
        return value(scrape(targets(deployment, "gateway")[gateways[name].id]), "gameserver_players")

    # One comes to the place's own gateway, the other one is led there, and what it does on the way is done once.
    come_in(bob, ports[home], "Bob")
    come_in(ada, ports[away], "Ada")
    say(ada, "On my way.")
    eventually(lambda: (playing(home), playing(away)) == (2, 0), "both on one gateway")
    bob.see("#log", "On my way.")
    assert bob.text("#log").count("On my way.") == 1
    x, y = stands(ada)
    ada.press(Keys.ARROW_RIGHT)
    eventually(lambda: stands(ada) == (x + 1, y), "a step to the east")
    # That gateway dies: the page's own takes it, and does not send it to where nobody is.
    gateways[home].kill()
    eventually(lambda: link(ada) == "playing" and playing(away) == 1, lambda: link(ada), 30)
    say(ada, "Here again.")
    ada.see("#log", "Here again.")
    assert stands(ada) == (x + 1, y)


def test_a_game_without_combat_shows_neither_health_nor_weapons_nor_purse(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, bob = browsers
    a_game(deployment, tmp_path, PEACEFUL % str(write_world(tmp_path / "world", *GLADE)))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        come_in(browser, gateway.web_port, name)
    ada.click("#tab-here")
    ada.see("#beings", "Bob")
    stands(ada)
    assert re.fullmatch(r"You stand at \d+, \d+ in arena\. Bob, \d \w*\.", ada.text("#situation"))
    assert [button.text for button in ada.all("#beings button")] == ["Whisper"]
    unseen = ("#health", "#coins", "#xp", "#tab-fight", "#tab-bag")
    assert [css for css in unseen if ada.all(css)[0].is_displayed()] == []


def test_two_people_carry_drop_take_and_trade_things(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, bob = browsers
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *ROOM))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    for name, kind, count in (("Ada", "apple", 2), ("Bob", "bread", 1)):
        with LineClient(gateway.port) as shopper:
            shopper.register(name)
            assert shopper.ask("buyfrom", shop="store", kind=kind, count=count)["type"] == "ok"
            shopper.ask("logout")
    for browser, name in ((ada, "Ada"), (bob, "Bob")):
        come_in(browser, gateway.web_port, name, by="#sign-in")
    # Put down and taken up.
    ada.click("#tab-bag")
    ada.see("#bag-list", "Apple (2)")
    ada.click("#bag-list button", "Drop")
    eventually(lambda: "Apple" not in ada.text("#bag-list"), "an empty bag")
    ada.press(Keys.ESCAPE, "g")
    ada.see("#bag-list", "Apple (2)")
    walk_to(ada, 3, 1)
    ada.click("#bag-list button", "Drop")
    eventually(lambda: "Apple" not in ada.text("#bag-list"), "an empty bag")
    walk_to(ada, -2, 0)
    click_tile(ada, 2, 0)  # beside which one walks
    ada.see("#bag-list", "Apple (2)")
    # Traded: what each has accepted is what the other offers.
    for browser, other in ((bob, "Ada"), (ada, "Bob")):
        browser.click("#tab-here")
        browser.see("#beings", other)
        browser.click("#beings button", "Trade")
        browser.click("#my-things label")
        browser.click("#make-offer")
        browser.see("#barter-said", "Your offer stands.")
    bob.see("#their-things", "Apple (2)")
    ada.see("#their-things", "Bread")
    ada.click("#accept-offer")
    bob.see("#barter-said", "Ada accepts")
    bob.click("#accept-offer")
    for browser, got in ((ada, "Bread"), (bob, "Apple (2)")):
        eventually(lambda browser=browser: not browser.all("#barter[open]"), "a closed window")
        browser.click("#tab-bag")
        browser.see("#bag-list", got)


def fill(browser: Browser, **fields: object) -> None:
    """Fill a form of the panel in."""
    for name, content in fields.items():
        browser.write(f'#panel [name="{name.replace("__", ".")}"]', str(content))


def open_panel(browser: Browser, title: str) -> None:
    browser.click("#panel-choice button", title)
    browser.see("#panel-choice [aria-pressed=true]", title)


def press_button(browser: Browser, label: str, said: str) -> None:
    browser.click(f'#panel button[aria-label="{label}"], #panel button[data-for="{label}"]')
    browser.see("#panel-said", said)


def test_shop_bench_bank_chest_market_letters_and_channels_are_used_on_a_page_as_wide_as_a_phone(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, _ = browsers
    ada.driver.set_window_size(*PHONE)
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *SQUARE))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    with LineClient(gateway.port) as bob:
        bob.register("Bob")
        ada.press(Keys.ESCAPE, "m")
        assert ada.driver.execute_script("return !!document.activeElement.closest('#panel-choice')")
        open_panel(ada, "General Store")
        ada.write('#panel input[aria-label="How many: Wood"]', "3")
        press_button(ada, "Buy Wood", "You bought Wood (3).")
        ada.see("#coins", "91")
        press_button(ada, "Buy Apple", "You bought Apple.")
        open_panel(ada, "Crafting")
        press_button(ada, "Make Cut a Stick", "You made Stick.")
        press_button(ada, "Make Saw a Plank", "You made Plank.")
        open_panel(ada, "Bank")
        fill(ada, deposit__coins=10)
        press_button(ada, "send deposit", "You have 10 coins in the bank.")
        assert ada.driver.execute_script("return document.querySelector('[name=\"deposit.coins\"]').value") == ""
        press_button(ada, "Put away Stick", "You put Stick away.")
        ada.see("#panel .rows", "Stick")
        open_panel(ada, "Chest")
        press_button(ada, "Put in Plank", "You put Plank in.")
        press_button(ada, "Put in Wood", "You put Wood in.")
        open_panel(ada, "Market")
        fill(ada, sell__price=5)
        press_button(ada, "send sell", "It is for sale.")
        ada.see("#panel .rows", "for 5 coins")
        (lot,) = bob.ask("lots")["data"]["lots"]
        assert bob.ask("buy", lot=lot["id"])["type"] == "ok"
        eventually(lambda: "A lot of yours was sold for 5 coins." in ada.text("#log"), lambda: ada.text("#log"))
        bob.ask("post", to="Ada", text="The apple was fine.", coins=2)
        eventually(lambda: "A letter came from Bob." in ada.text("#log"), lambda: ada.text("#log"))
        open_panel(ada, "Letters")
        ada.see("#panel .rows", "The apple was fine.")
        press_button(ada, "Open Bob", "You opened it.")
        open_panel(ada, "Channels")
        fill(ada, join__channel="trade")
        press_button(ada, "send join", "You are in trade.")
        bob.ask("join", channel="trade")
        bob.ask("talk", channel="trade", text="Apples?")
        eventually(lambda: "Bob to trade: Apples?" in ada.text("#log"), lambda: ada.text("#log"))
        wide = ada.driver.execute_script(
            "return [document.documentElement, panel].map(e => e.scrollWidth - e.clientWidth)"
        )
        assert wide == [0, 0]
        open_panel(ada, "People")
        ada.see("#panel .rows", "Bob")


def test_an_event_of_a_games_own_has_a_form_and_what_is_typed_wrong_there_is_said(
    deployment: Deployment, ada: Browser, tmp_path: Path
) -> None:
    a_game(deployment, tmp_path, MARKED % str(write_world(tmp_path / "world", *GLADE)), **TAGS)
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    ada.press(Keys.ESCAPE, "m")
    open_panel(ada, "Other")
    fill(ada, tag__names='["Bob",')
    ada.click('#panel button[data-for="send tag"]')
    ada.see("#toasts", "tag.names is not JSON")
    fill(ada, tag__names='["Bob", "Eve"]')
    press_button(ada, "send tag", '{"count":2}')


def test_one_sees_how_ones_group_is_and_speaks_to_it(
    deployment: Deployment, browsers: tuple[Browser, Browser], tmp_path: Path
) -> None:
    ada, _ = browsers
    deployment.environ["GAMESERVER_WORLD"] = str(write_world(tmp_path / "world", *GREEN))
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    come_in(ada, gateway.web_port, "Ada")
    with LineClient(gateway.port) as bob:
        bob.register("Bob")
        assert bob.ask("invite", to="Ada")["type"] == "ok"
        eventually(lambda: "Bob asks you into a new group" in ada.text("#log"), lambda: ada.text("#log"))
        ada.press(Keys.ESCAPE, "m")
        open_panel(ada, "Group")
        press_button(ada, "Join Bob", "You are in the group.")
        ada.see("#panel .rows", "Your group: Bob leads")
        ada.see("#party", "Bob")
        ada.click("#tab-all")
        ada.driver.execute_script("how.value = '*'; how.dispatchEvent(new Event('change'))")
        say(ada, "Where to?")
        assert bob.expect("heard", how="group")["text"] == "Where to?"
        bob.ask("leavegroup")
        eventually(lambda: not ada.driver.find_element("id", "party").is_displayed(), "a group that is over")


def test_a_guest_comes_in_with_one_click_and_is_known_again(
    deployment: Deployment, browsers: tuple[Browser, Browser]
) -> None:
    guest, _ = browsers
    deployment.worker(name="all")
    gateway = deployment.gateway(env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    guest.open(f"http://127.0.0.1:{gateway.web_port}/")
    guest.click("#guest", "Play now as a guest")
    name = guest.see("#name").text
    guest.open(f"http://127.0.0.1:{gateway.web_port}/")  # the same tab resumes its session
    guest.see("#name", name)
    guest.driver.execute_script("sessionStorage.clear()")
    guest.open(f"http://127.0.0.1:{gateway.web_port}/")
    guest.click("#guest", f"Play on as {name}")
    guest.see("#name", name)
