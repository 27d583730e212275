import re

from gameserver.declare import catalogue
from gameserver.operations.typescript import declarations


def test_every_event_and_notice_has_a_type_and_every_type_that_is_named_is_declared():
    text = declarations()
    events, notices = (
        re.search(rf"interface {name} \{{\n(.*?)\n\}}", text, re.DOTALL) for name in ("Events", "Notices")
    )
    assert events is not None
    assert notices is not None
    assert set(re.findall(r"^  (\w+): \{ fields", events[1], re.MULTILINE)) == set(catalogue.client_events())
    assert set(re.findall(r"^  (\w+): \w+;", notices[1], re.MULTILINE)) == set(catalogue.notices())
    declared = re.findall(r"^export interface (\w+)", text, re.MULTILINE)
    assert len(declared) == len(set(declared))
    named = set(re.findall(r"\b[A-Z]\w+\b", re.sub(r"/\*\*.*?\*/|\"[^\"]*\"", "", text, flags=re.DOTALL)))
    assert named - {"Array", "Record"} == set(declared)


def test_a_field_that_may_be_left_out_is_marked_and_the_library_adds_the_number():
    (resume,) = re.findall(r"^  resume: (.*)$", declarations(), re.MULTILINE)
    assert resume == "{ fields: { token: string; sent?: number; attempt?: number; }; data: Entered };"
    (move,) = re.findall(r"^  move: \{ fields: \{ dir: (.*?); \}", declarations(), re.MULTILINE)
    assert set(move.split(" | ")) == {f'"{way}"' for way in ("n", "e", "s", "w", "ne", "nw", "se", "sw")}
