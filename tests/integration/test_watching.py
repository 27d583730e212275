"""Every metric that docker/ and ``gameserver status`` name is one that the real processes export."""

import re

from gameserver.testing.deployment import LiveDeployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.ports import free_ports
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode
from tests.integration.scraped import scrape, targets
from tests.watching import READ_BY_STATUS, RULES, expressions, metrics, rules

_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


def exported(text: str) -> set[str]:
    """The names of all samples that an exposition has or would have, were there anything to count."""
    kinds = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE)
    return {f"{name}{suffix}" for name, kind in kinds for suffix in _SUFFIXES.get(kind, ("",))}


def test_every_metric_that_is_named_is_exported(server: LiveDeployment, private_node: RunningNode):
    deployment, (port,) = server.deployment, free_ports(1)
    deployment.flower(port)
    with LineClient(server.gateway.port) as ada:
        ada.register("Ada")
        ada.ask("say", text="hello")
        addresses = [*targets(deployment, "gateway").values(), *targets(deployment, "worker").values()]
        texts = [scrape(address) for address in addresses]
    texts.append(scrape(f"127.0.0.1:{private_node.metrics_port}"))
    flower = f"127.0.0.1:{port}"
    eventually(lambda: "flower_worker_online{" in scrape(flower), "Flower knows a worker")
    texts.append(scrape(flower))
    found = {name for text in texts for name in exported(text)} | {"up"}
    named = {place: metrics(expression) for place, expression in expressions().items()}
    recorded = {rule["record"] for rule in rules(RULES)}
    assert {place: names - found - recorded for place, names in named.items() if names - found - recorded} == {}
    assert READ_BY_STATUS - found == set()
