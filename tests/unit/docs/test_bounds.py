"""The tables of bounds in docs/architecture.md are complete."""

import re
from pathlib import Path

from gameserver.modules.chat.entities import LINE_KEPT_MS, LINES_KEPT
from gameserver.modules.chat.rules import CHANNELS_MAX
from gameserver.modules.sessions.entities import GATEWAY_KEPT_MS, HOUR_MS
from gameserver.rules.outcome import MAIL_MAX
from gameserver.store import pruning
from gameserver.store.tables import metadata

SECTION = (
    (Path(__file__).parents[3] / "docs" / "architecture.md").read_text().split("\n## Bounds\n")[1].split("\n## ")[0]
)
TABLE = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", SECTION, re.MULTILINE))


def test_every_table_is_listed_with_its_bound() -> None:
    assert set(metadata().tables) <= set(TABLE)


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{MAIL_MAX} for each player" in TABLE["outbox"]
    assert f"{CHANNELS_MAX} for each player" in TABLE["memberships"]
    assert f"last {LINES_KEPT} of each channel" in TABLE["chat_lines"]
    assert f"older than {LINE_KEPT_MS // HOUR_MS // 24} days" in TABLE["chat_lines"]
    assert f"within {GATEWAY_KEPT_MS // HOUR_MS} hours" in TABLE["gateways"]
    assert pruning.TRIAL_KEPT_MS == 24 * HOUR_MS
    assert f"portions of {pruning.PORTION_ROWS} rows" in SECTION
