import contextlib
import io
import re
import shlex
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
import yaml

from gameserver import cli
from gameserver.declare import catalogue
from gameserver.messages.process_reports import COME_AGAIN
from gameserver.operations import metrics_reader
from tests import watching
from tests.watching import ALERTS, DASHBOARD, DOCKER, KEDA, RULES, dashboard_expressions, expressions, metrics, rules


def test_metrics_are_told_from_labels_and_texts() -> None:
    text = 'sum by (process, up) (rate(gameserver_x_total{job="process_y",family=~"up"}[1m])) / on (process) up == 1'
    assert metrics(text) == {"gameserver_x_total", "up"}
    assert metrics("gameserver:busy:share > 0.8") == {"gameserver:busy:share"}


def test_what_is_recorded_is_used_and_what_is_used_of_that_kind_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules(RULES)}
    named = {name for expression in expressions().values() for name in metrics(expression) if ":" in name}
    assert named == recorded


def test_the_scaling_signal_knows_every_family() -> None:
    (rule,) = (rule for rule in rules(RULES) if rule["record"] == "gameserver:oldest_event_age_seconds")
    (names,) = re.findall(r'queue=~"\(([a-z|]+)\)', rule["expr"])
    assert names.split("|") == sorted(catalogue.families()), "run `python docs/refresh.py`"


def test_what_is_watched_by_name_is_in_the_catalogue() -> None:
    """A game with other families and events finds out what to change in docker/."""
    texts = {**expressions(), **dict(dashboard_expressions())}
    named = {
        label: set(re.findall(rf'\b{label}="([\w.]+)"', " ".join(texts.values()))) for label in ("event", "family")
    }
    cure = "name what the game has, or let docs/refresh.py make it"
    assert named["event"] <= {spec.name for spec in catalogue.specs()}, cure
    assert named["family"] <= set(catalogue.families()), cure
    (still,) = (rule for rule in rules(ALERTS) if rule["alert"] == "WorldStandsStill")
    assert f'event="{catalogue.pulse().name}"' in still["expr"], "run `python docs/refresh.py`"


@pytest.mark.parametrize("rule", rules(ALERTS), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_is_wrong_how_bad_it_is_and_which_command_to_run(rule: dict) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    words = shlex.split(re.sub(r"\{\{ \$labels\.family \}\}", "chat", rule["annotations"]["command"]))
    assert is_a_command(words), words


def is_a_command(words: list[str]) -> bool:
    if words[0] == "gameserver":
        with contextlib.redirect_stderr(io.StringIO()) as refused, contextlib.suppress(SystemExit):
            return callable(cli.parser().parse_args(words[1:]).command)
        pytest.fail(refused.getvalue())
    known = ("celery -A tasks worker -Q", "celery -A tasks beat", "python -m gateway", "df -h", "timedatectl set-ntp")
    return shlex.join(words).startswith(known)


def test_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    panels = yaml.safe_load(DASHBOARD.read_text())["panels"]  # JSON is YAML
    assert len({panel["title"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    taken = [(x, y) for at in places for x, y in product(spread(at["x"], at["w"]), spread(at["y"], at["h"]))]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len(list(dashboard_expressions())) > 20


def spread(start: int, length: int) -> range:
    return range(start, start + length)


def test_the_dashboards_events_per_second_are_without_what_comes_again() -> None:
    (expression,) = (text for title, text in dashboard_expressions() if title == "Events per second")
    (left_out,) = re.findall(r'outcome!~"([a-z_|]+)"', expression)
    assert set(left_out.split("|")) == COME_AGAIN


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    panels = yaml.safe_load(DASHBOARD.read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels if "datasource" in panel} == {source["uid"]}


def test_keda_scales_the_family_it_asks_about() -> None:
    found = yaml.safe_load(KEDA.read_text())
    family = KEDA.stem
    assert family in catalogue.families(), f"name docker/keda/{KEDA.name} and what it scales after a family of the game"
    assert found["spec"]["scaleTargetRef"]["name"] == found["metadata"]["name"] == f"worker-{family}"
    assert all(f'family="{family}"' in trigger["metadata"]["query"] for trigger in found["spec"]["triggers"])


def test_status_reads_metrics_that_are_also_watched_or_exported() -> None:
    """The names that ``gameserver status`` reads are held by the tests of real processes through this list."""
    source = Path(metrics_reader.__file__).read_text()
    assert set(re.findall(r'"(gameserver_[a-z_]+)"', source)) == watching.READ_BY_STATUS


@pytest.mark.parametrize(
    "arguments",
    ["check config prometheus.yml", "check config --syntax-only containers.yml", "check rules rules.yml alerts.yml"],
)
def test_prometheus_own_tool_finds_nothing_wrong(arguments: str) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("there is no promtool (Debian's package prometheus has it)")
    folder = DOCKER / "prometheus"
    done = subprocess.run([tool, *arguments.split()], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
