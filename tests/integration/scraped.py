"""What Prometheus would see of a deployment: it reads the files of targets, and asks each."""

import urllib.request
from collections.abc import Iterator

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from gameserver.runtime.prometheus_targets import Target
from gameserver.testing.deployment import Deployment

Sample = tuple[str, dict[str, str], float]


def targets(deployment: Deployment, job: str) -> dict[str, str]:
    """The addresses of all processes of a kind, by what they are called."""
    files = sorted((deployment.folder / "var" / "metrics").glob("*.json"))
    found = [target for file in files for target in msgspec.json.decode(file.read_bytes(), type=list[Target])]
    return {each.labels["process"]: each.targets[0] for each in found if each.labels["job"] == job}


def scrape(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def value(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of this name that have these labels."""
    return sum(v for n, found, v in samples(text) if n == name and labels.items() <= found.items())
