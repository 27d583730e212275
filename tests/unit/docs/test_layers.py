"""The drawing of the rooms in the document is the contract that is checked."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_rooms_stand_on_each_other_as_the_document_draws_them() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [c["layers"] for c in contracts if c["name"] == "Each room imports from those below it"]
    _, _, drawn = (ROOT / "docs" / "architecture.md").read_text().partition("<!-- layers -->\n```\n")
    lines = drawn.partition("\n```")[0].splitlines()
    assert [line.split() for line in lines] == [
        [room.removeprefix("gameserver.") for room in layer.split(" | ")] for layer in layers
    ]
