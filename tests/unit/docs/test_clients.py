"""docs/clients.md says of telnet what the code does."""

import re

from gameserver.declare.phrasebook import phrasebook
from gameserver.declare.phrases import DECLARED
from gameserver.wire.telnet import Option
from tests.unit.docs.codes import ROOT

TEXT = (ROOT / "docs" / "clients.md").read_text()
OPTIONS = dict(re.findall(r"^\| \[?([A-Z0-9]+)\b.*?\((\d+)\)[^|]*\|", TEXT, re.MULTILINE))


def test_every_option_is_told_with_its_number() -> None:
    of_the_text = {Option.TIMING_MARK}  # which clients answer by themselves
    assert {name: int(number) for name, number in OPTIONS.items()} == {
        option.name: option.value for option in Option if option not in of_the_text
    }


def test_every_package_of_gmcp_is_told() -> None:
    assert phrasebook()
    (row,) = re.findall(r"^\| \[GMCP\].*?\| (.*)\|$", TEXT, re.MULTILINE)
    told = set(re.findall(r"`([A-Z]\w*(?:\.[A-Z]\w*)+)`", row)) - {"Core.Supports.Set"}
    assert told == {each.package for each in DECLARED if getattr(each, "package", "")}
