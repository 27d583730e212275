import pytest

from gameserver.broker.topology import Queues
from gameserver.declare import catalogue
from gameserver.operations.event_reference import markdown, overview


@pytest.mark.parametrize("spec", catalogue.specs(), ids=lambda spec: spec.name)
def test_the_overview_has_a_row_for_every_event(spec: object) -> None:
    rows = [line.split() for line in overview().splitlines()]
    assert [row for row in rows if row[0] == spec.task]  # type: ignore[attr-defined]


def test_the_overview_is_a_table() -> None:
    head, *rows = overview().splitlines()
    assert len(rows) == len(catalogue.specs())
    for column in ("from", "queue", "priority", "lane", "lease", "attempts", "batch"):
        at = head.index(column)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows), column


def test_the_overview_shows_queues_of_their_own() -> None:
    (row,) = [
        line for line in overview(Queues(own=frozenset({"attack"}))).splitlines() if line.startswith("combat.attack ")
    ]
    assert row.split()[2] == "combat.attack"


@pytest.mark.parametrize("name", sorted(catalogue.client_events()))
def test_the_protocol_has_a_row_for_every_event_of_a_client(name: str) -> None:
    (row,) = [line for line in markdown().splitlines() if line.startswith(f"| `{name}` ")]
    cls = catalogue.events()[name]
    assert all(f"`{field}`" in row for field in cls.__struct_fields__ if field != "seq")
    assert f"| {cls.spec.lane} |" in row
    if cls.spec.result:
        assert all(f"`{field}`" in row for field in cls.spec.result.__struct_fields__)


@pytest.mark.parametrize("name", sorted(catalogue.notices()))
def test_the_protocol_has_a_row_for_every_notice(name: str) -> None:
    (row,) = [line for line in markdown().splitlines() if line.startswith(f"| `{name}` ")]
    cls = catalogue.notices()[name]
    assert all(f"`{field}`" in row for field in cls.__struct_fields__ if field != "id")
    assert ("`id`" in row.split("|")[2]) == cls.notice.durable or "id" in cls.__struct_fields__[1:]


def test_the_protocol_says_what_the_fields_of_replies_and_within_notices_mean() -> None:
    rows = markdown().split("### What fields mean")[1].splitlines()
    (map_,) = [row for row in rows if "``walls``: a bit for each tile" in row]
    assert map_.startswith("| in `chart` | `zone`, `title`, ")
    (being,) = [row for row in rows if "A player or creature as others see it." in row]
    assert being.startswith("| in `appeared`, `view` | `id`, ")


def test_the_protocol_names_no_event_that_clients_may_not_send() -> None:
    for spec in catalogue.specs():
        assert spec.origin == "client" or f"| `{spec.name}` |" not in markdown()


def test_types_are_written_for_people() -> None:
    text = markdown()
    assert "Annotated" not in text
    assert "<class" not in text
    assert "typing." not in text
