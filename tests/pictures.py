"""The pictures in docs/images: both clients, Flower, and the dashboard's panels, of a deployment in which bots play.

``make pictures`` runs this; ``python -m tests.pictures world`` takes those of the clients alone. The web client and
Flower are photographed in Chromium, the terminal's client draws itself. Grafana is in no package of Debian's or PyPI's:
its panels' queries are asked of a real Prometheus (Debian's) and drawn here with matplotlib, and the picture says so.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from selenium.webdriver.common.keys import Keys
from textual.widgets import RichLog

from gameserver.client.play.app import Entrance, PlayApp
from gameserver.local.plan import Broker, watched
from gameserver.local.ports import Ports
from gameserver.testing.deployment import Deployment, a_deployment
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import Proc, eventually
from gameserver.testing.rabbitmq_node import RunningNode
from gameserver.testing.run_guard import guarded
from tests.browsers import Browser, a_browser, program
from tests.crowds import Crowd
from tests.deployments import FAMILIES, ROOT
from tests.flowers import PASSWORD, USER, FlowerPages
from tests.operators import celery
from tests.watching import DASHBOARD, DOCKER
from tests.web_clients import WEB

IMAGES = ROOT / "docs" / "images"
TERMINAL = (108, 38)  # columns and rows
FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # which a picture would ask other hosts for
BLANK = re.compile(r"\s*\n")
TOWNSPEOPLE = 40
SEEN_MIN, LINES_MIN = 9, 9  # others in view, and lines of talk, in the picture of the world
PLAY_S = 50.0  # twice: calmly, then with twice the bots and a worker lost
STEP_S = 2
COLUMNS = 4
UNITS = {"s": "s", "ops": "per second", "percentunit": "share of one", "bytes": "bytes", "short": ""}


@guarded()
def main() -> None:
    world_alone = sys.argv[1:] == ["world"]
    if not program() or not (world_alone or shutil.which("prometheus")):
        raise SystemExit("Missing here: chromium, chromium-driver and prometheus (Debian's packages).")
    if not find_spec("PIL"):
        raise SystemExit("Missing here: Pillow, which comes with the extra `bench` (pip install -e '.[bench]').")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, ExitStack() as closing:
        folder = Path(made)
        node = closing.enter_context(a_node(folder / "rabbitmq"))
        deployment = closing.enter_context(a_deployment(node.amqp_url(), folder / "server"))
        deployment.environ["AMQP_MANAGEMENT_URL"] = node.management_url()
        draw_world(deployment, folder)
        if not world_alone:
            draw(deployment, node, folder, closing)


def draw_world(deployment: Deployment, folder: Path) -> None:
    """Let a town fill, and photograph it as somebody who has just come in sees it."""
    beat, worker = deployment.beat("beat0"), deployment.worker(name="all0")
    gateway = deployment.gateway("gateway0", env={"GAMESERVER_ENDPOINTS": WEB % "tcp:0"})
    gateway.says("for browsers")
    with Crowd(gateway, count=TOWNSPEOPLE, prefix="Bot") as crowd, a_browser(folder / "world") as browser:
        crowd.wait_until_playing()
        browser.open(f"http://127.0.0.1:{gateway.web_port}/")
        browser.click("#guest")
        browser.see("#place", "Millbrook")
        eventually(lambda: int(browser.text("#count")) >= SEEN_MIN, "company", s_max=90)
        eventually(lambda: len(browser.all("#log li")) >= LINES_MIN, "talk", s_max=90)
        browser.write("#say", "Good evening, everyone!")
        browser.press(Keys.ENTER)
        browser.see("#log", "Good evening, everyone!")
        browser.picture(IMAGES / "world.png")
        (IMAGES / "play.svg").write_text(asyncio.run(drawn_by_terminal(gateway.address)))
    shrink(IMAGES / "world.png")
    for proc in (gateway, worker, beat):
        proc.terminate()
        proc.wait()


async def drawn_by_terminal(address: tuple[str, int]) -> str:
    """Come into the town by `gameserver play`, say something, and have the screen drawn as SVG."""
    app = PlayApp([address], "Wren")

    def shows(css: str, text: str) -> bool:
        return not isinstance(app.screen, Entrance) and text in said_in(app, css)

    async with app.run_test(size=TERMINAL) as pilot:
        await until(lambda: isinstance(app.screen, Entrance))
        await pilot.press(*"a_long_secret", "tab", "tab", "enter")  # the button of a new player
        await until(lambda: shows("#map", "@"))
        await until(lambda: said_in(app, "#log").count("\n") >= LINES_MIN)
        await pilot.press(*("space" if c == " " else c for c in "say Good evening!"), "enter")
        await until(lambda: shows("#log", "Good evening!"))
        await pilot.pause()
        return BLANK.sub("\n", FONTS.sub("", app.export_screenshot(title="gameserver play")))


def said_in(app: PlayApp, css: str) -> str:
    widget = app.query_one(css)
    return "\n".join(strip.text for strip in widget.lines) if isinstance(widget, RichLog) else str(widget.render())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # conditions of all kinds, which set no event


def draw(deployment: Deployment, node: RunningNode, folder: Path, closing: ExitStack) -> None:
    """Let a deployment live, and take the pictures."""
    deployment.beat()
    workers = dict(
        zip(FAMILIES, deployment.workers([((family,), f"{family}1", 1) for family in FAMILIES]), strict=True)
    )
    gateway = deployment.gateway()
    flower = FlowerPages(deployment)
    broker = Broker(amqp_url=deployment.amqp_url, management_url=node.management_url(), node=node)
    closing.enter_context(watched(deployment.settings, broker, Ports(flower=flower.port)))
    prometheus = a_prometheus(deployment, folder / "prometheus")
    began_s = time.time()
    with Crowd(gateway, count=30, prefix="ann") as crowd:
        crowd.wait_until_playing()
        time.sleep(PLAY_S)
        celery(deployment, "control", "pool_grow", "1", "-d", f"movement1@{host(workers['movement'])}")
        with Crowd(gateway, count=30, prefix="ben") as more:
            more.wait_until_playing()
            time.sleep(PLAY_S / 2)
            workers["chat"].kill()
            deployment.worker("chat", name="chat2")
            time.sleep(PLAY_S / 2)
            with a_browser(folder / "chromium") as browser:
                photograph(browser, flower)
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel.get("targets")]
    found = [(panel, answers(prometheus, panel, began_s)) for panel in panels]
    plot(found, began_s, IMAGES / "dashboard.png")
    for file in IMAGES.glob("*.png"):
        shrink(file)


@contextmanager
def a_node(folder: Path) -> Iterator[RunningNode]:
    node = RunningNode.somewhere(folder)
    try:
        node.start()
        node.wait_until_up()
        yield node
    finally:
        node.kill()
        node.stop()


def host(worker: Proc) -> str:
    """The machine's name, as Celery gives it to workers."""
    return next(
        line.split("@")[1].split()[0] for line in worker.text.splitlines() if "-------------- " in line and "@" in line
    )


def photograph(browser: Browser, flower: FlowerPages) -> None:
    """The page of tasks, with what was said and fought last: moves would fill it."""
    browser.open(flower.url(with_password=True))
    browser.open(f"{flower.url()}/tasks")
    browser.write("input[type=search]", "name:chat OR name:combat")

    def found() -> bool:
        rows = browser.rows("#tasks-table")
        return len(rows) > 10 and all(row[0].startswith(("chat", "combat")) for row in rows)

    eventually(found, "what was said and fought")
    browser.picture(IMAGES / "flower.png")


def a_prometheus(deployment: Deployment, folder: Path) -> str:
    """A Prometheus with the project's own configuration, which looks at this deployment. Gives its address."""
    folder.mkdir()
    password = folder / "flower.password"
    password.write_text(PASSWORD)
    text = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    for old, new in (
        ("../../var/metrics", f"{deployment.settings.var}/metrics"),
        ("../../var/flower.password", str(password)),
        ("username: game", f"username: {USER}"),
        ("refresh_interval: 10s", "refresh_interval: 2s"),
        ("scrape_interval: 5s", f"scrape_interval: {STEP_S}s"),
        ("evaluation_interval: 5s", f"evaluation_interval: {STEP_S}s"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text(text)
    for rules in ("rules.yml", "alerts.yml"):
        shutil.copy(DOCKER / "prometheus" / rules, folder)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = (
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
    )
    deployment.procs.append(Proc("prometheus", command, deployment.environ, folder / "log"))
    return address


def answers(prometheus: str, panel: dict[str, Any], began_s: float) -> dict[str, list[tuple[float, float]]]:
    """A panel's lines by their legend: seconds since the beginning, and values."""
    lines = {}
    for target in panel["targets"]:
        asked = {"query": target["expr"], "start": began_s, "end": time.time(), "step": STEP_S}
        with urllib.request.urlopen(f"http://{prometheus}/api/v1/query_range?{urlencode(asked)}", timeout=30) as answer:
            series = json.load(answer)["data"]["result"]
        for each in series:
            legend = target["legendFormat"]
            for label, value in each["metric"].items():
                legend = legend.replace("{{" + label + "}}", value)
            lines[legend] = [(t - began_s, float(value)) for t, value in each["values"] if value != "NaN"]
    return lines


def plot(panels: list[tuple[dict[str, Any], dict[str, list[tuple[float, float]]]]], began_s: float, file: Path) -> None:
    """All panels in a grid, as the dashboard has them."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams.update({"font.size": 7, "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot

    rows = -(-len(panels) // COLUMNS)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 2.1 * rows), dpi=80)
    for axes, (panel, lines) in zip(grid.flat, panels, strict=False):
        axes.set_title(panel["title"], loc="left", fontsize=8, fontweight="bold")
        axes.set_ylabel(UNITS[panel["fieldConfig"]["defaults"]["unit"]])
        for legend, points in sorted(lines.items()):
            axes.plot(*zip(*points, strict=True), linewidth=1, label=legend) if points else None
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        if lines:
            axes.legend(fontsize=5, ncols=2, loc="upper left", framealpha=0.6)
        else:
            axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color="grey")
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    day = time.strftime("%Y-%m-%d", time.gmtime(began_s))
    figure.suptitle(
        f"The queries of docker/grafana/dashboards/gameserver.json, drawn without Grafana. {day}: 30 bots, then 60; "
        "then a chat worker is killed and another started. Below: seconds.",
        fontsize=9,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    figure.savefig(file)
    pyplot.close(figure)


def shrink(file: Path) -> None:
    """Few colours, few bytes: each a little off, so that small things in bright ones keep theirs."""
    from PIL import Image

    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4)
    small.save(file, optimize=True)


if __name__ == "__main__":
    main()
