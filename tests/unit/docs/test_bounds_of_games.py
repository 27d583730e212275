"""The table of bounds in docs/game.md says what the code checks."""

import re
from pathlib import Path

import pytest

from gameserver.declare import base, entity
from gameserver.declare.packet_checks import NAME_CHARS_MAX
from gameserver.limits import Limits
from gameserver.maps.tiled import SIDE_TILES_MAX
from gameserver.rules.outcome import MAIL_MAX

DAY_S = 86_400
SECTION = (Path(__file__).parents[3] / "docs" / "game.md").read_text().split("\n## 11. Bounds\n")[1].split("\n## ")[0]
TABLE = {row[0].strip(): row[1].strip() for row in re.findall(r"^\| ([^|]*) \| ([^|]*) \| [^|]* \|$", SECTION, re.M)}
SAID = {
    "name of an event, a notice, a family, a field": f"`a` to `z`, digits, `_`; {NAME_CHARS_MAX} characters",
    "`priority`": f"0 to {base.PRIORITY_MAX}",
    "`lease_s`": f"1 to {base.LEASE_S_MAX}",
    "`max_attempts`": f"1 to {base.ATTEMPTS_MAX}",
    "`batch_max`": f"1 to {base.BATCH_MAX:,} events",
    "`every_s` (periodic)": f"{base.PERIOD_S_MIN:g} s to {base.PERIOD_S_MAX / DAY_S:g} days",
    "`stale_after_s`": "0 (never) to a day",
    "an entity's `newest`": f"0 to {entity.NEWEST_MAX:,} rows",
    "a map's side": f"1 to {SIDE_TILES_MAX:,} tiles",
}


@pytest.mark.parametrize("what", SAID)
def test_a_bound_is_that_of_the_code(what: str) -> None:
    assert TABLE[what] == SAID[what]


def test_no_bound_is_listed_that_is_not_checked_here() -> None:
    assert TABLE.keys() - {"", "---"} == SAID.keys()
    assert base.STALE_S_MAX == DAY_S


def test_the_text_says_the_bounds_of_the_code() -> None:
    assert f"({base.TEXT_CHARS_MAX} characters)" in SECTION
    assert f"({Limits().frame_bytes_max:,} bytes)" in SECTION
    assert f"one of {MAIL_MAX} places" in SECTION
    assert f"after {Limits().deliveries_max} deliveries" in SECTION
