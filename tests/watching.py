"""What docker/ tells Prometheus, Grafana and KEDA: every expression in it, and the metrics these name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).parents[1] / "docker"
ALERTS = DOCKER / "prometheus" / "alerts.yml"
RULES = DOCKER / "prometheus" / "rules.yml"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "gameserver.json"
KEDA = DOCKER / "keda" / "movement.yml"

_METRIC = re.compile(r"\b(?:gameserver|rabbitmq|flower|process|python|up)(?:[_:][a-zA-Z0-9_:]+)?\b")
_NOT_METRICS = re.compile(r'"[^"]*"|\b(?:by|on|group_left|without)\s*\([^)]*\)|\w+(?==)')


def rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """Panel title and expression."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def expressions() -> dict[str, str]:
    """Every expression by where it stands."""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in rules(ALERTS)}
    found |= {f"rule {rule['record']}": rule["expr"] for rule in rules(RULES)}
    found |= {f"panel {title} {n}": expr for n, (title, expr) in enumerate(dashboard_expressions())}
    triggers = yaml.safe_load(KEDA.read_text())["spec"]["triggers"]
    return found | {f"KEDA {n}": trigger["metadata"]["query"] for n, trigger in enumerate(triggers)}


def metrics(expression: str) -> set[str]:
    """The metrics that an expression names: neither its labels nor what stands in quotes."""
    return set(_METRIC.findall(_NOT_METRICS.sub("", expression)))


READ_BY_STATUS = {
    "gameserver_connections",
    "gameserver_connections_max",
    "gameserver_batch_events_count",
    "gameserver_players",
    "gameserver_events_total",
    "gameserver_reply_seconds_bucket",
    "gameserver_family_unavailable",
    "gameserver_waiting_events",
    "gameserver_oldest_event_age_seconds",
    "gameserver_worker_children",
    "gameserver_worker_queue",
    "gameserver_worker_events_total",
    "gameserver_worker_batch_seconds_sum",
    "gameserver_clock_skew_seconds",
    "gameserver_beat_skew_seconds",
}
