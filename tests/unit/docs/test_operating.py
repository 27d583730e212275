"""The tables of docs/operating.md are complete."""

import re
from pathlib import Path

import msgspec

from gameserver import config
from gameserver.declare import game_package
from gameserver.limits import Limits
from gameserver.local.ports import Ports, variable

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operating.md").read_text()


def table(title: str) -> dict[str, str]:
    """First and second column of a section's tables."""
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a row stands there twice"
    return dict(rows)


def test_every_limit_is_listed_with_its_default() -> None:
    assert table("Limits") == {field.name: f"{field.default:.12g}" for field in msgspec.structs.fields(Limits)}


def test_every_limit_that_was_renamed_is_listed_with_its_new_name() -> None:
    assert table("Limits that were renamed") == {old: f"`{new}`" for old, new in config.LIMITS_RENAMED.items()}


def test_every_port_is_listed_with_its_default() -> None:
    ports = {variable(field.name): str(field.default) for field in msgspec.structs.fields(Ports)}
    assert ports.items() <= table("Settings").items()


def test_every_setting_is_listed_and_no_other() -> None:
    source = "".join(Path(module.__file__).read_text() for module in (config, game_package))
    read = set(re.findall(r'"((?:GAMESERVER|AMQP|DATABASE|FLOWER)_[A-Z_]*[A-Z])"', source))
    ports = {variable(name) for name in Ports.__struct_fields__}
    assert {"AMQP_URL", "GAMESERVER_OWN_QUEUES"} <= read
    assert set(table("Settings")) == read | ports | {"FLOWER_BASIC_AUTH"}
