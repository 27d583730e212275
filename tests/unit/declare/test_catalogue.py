import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any, get_type_hints

import msgspec
import pytest

from gameserver.declare import catalogue, session_events
from gameserver.declare.base import PROTOCOLS_OWN, Event, Name, Notice, Result, Secret, Text, event, notice
from gameserver.declare.game_package import family_of, modules
from gameserver.declare.session_events import SESSION_LANE, Entrance, Leaving
from gameserver.errors import Corrupt
from gameserver.rules.book import rules
from gameserver.wire import packets
from gameserver.wire.packets import FromClient, FromServer

every_event = pytest.mark.parametrize("name", sorted(catalogue.events()))


def subclasses(cls: type) -> set[type]:
    found = {sub for sub in cls.__subclasses__() if sub.__module__.startswith("gameserver.")}
    return found | {deeper for sub in found for deeper in subclasses(sub)}


def declared(cls: type) -> set[type]:
    """All that derive from it and are no bases for others."""
    return {sub for sub in subclasses(cls) if not sub.__subclasses__()}


def test_every_event_and_notice_that_is_written_down_is_in_the_catalogue() -> None:
    known = {cls for cls in declared(Event) if not cls.__module__.endswith("acrobatics.events")}
    assert known == set(catalogue.events().values())
    assert names(declared(Notice)) == names(catalogue.notices().values())


def names(classes: Iterable[type]) -> set[str]:
    """By name: a notice to which modules add fields is made anew, with the same name, at each reading."""
    return {f"{cls.__module__}.{cls.__name__}" for cls in classes}


@every_event
def test_every_event_has_a_rule_and_says_what_it_does(name: str) -> None:
    cls = catalogue.events()[name]
    assert callable(rules()[name])
    assert (rules()[name].__doc__ or "").strip()
    assert cls.__doc__ is not None
    assert cls.__doc__.strip().endswith((".", ")."))


@every_event
def test_every_event_of_a_client_has_a_lane_and_no_other_has(name: str) -> None:
    spec = catalogue.events()[name].spec
    assert bool(spec.lane) == (spec.origin == "client")


@every_event
def test_transient_events_of_clients_go_stale(name: str) -> None:
    spec = catalogue.events()[name].spec
    assert spec.durable or spec.stale_after_s or spec.origin != "client"


def test_what_beat_sends_is_found_by_its_period_the_most_frequent_first() -> None:
    tasks = [spec.task for spec in catalogue.periodic()]
    assert tasks == [
        "world.tick",
        "sessions.sweep",
        "building.tendbuilding",
        "instances.tendinstances",
        "shops.restock",
        "items.rot",
        "market.closelots",
        "barter.lapse",
        "groups.muster",
        "post.sortmail",
    ]
    assert catalogue.pulse() == catalogue.events()["tick"].spec


def test_one_event_refreshes_the_view_at_most() -> None:
    look, move = catalogue.events()["look"], catalogue.events()["move"]
    assert catalogue.view_refresh() is look
    catalogue.refuse_rivals([move, look])
    with pytest.raises(
        Corrupt, match=r"movement.look: .* declares an event that refreshes the view already"
    ) as refusal:
        catalogue.refuse_rivals([look, move, look])
    assert refusal.value.code == "bad_declaration"


def test_a_transient_event_with_a_result_says_how_it_is_answered_again() -> None:
    specs = [spec for spec in catalogue.specs() if spec.numbered and not spec.durable and spec.result]
    assert [spec.task for spec in specs if rules()[spec.name].repeat is None] == []  # type: ignore[attr-defined]


def test_there_is_no_rule_without_an_event() -> None:
    assert set(rules()) == set(catalogue.events())


def test_families_are_the_modules_that_have_events() -> None:
    families = {family_of(name) for name in modules()}
    assert families - set(catalogue.families()) == {"weather"}  # which only adds to others' rules: it costs no worker
    assert set(catalogue.families()) <= families
    for family, specs in catalogue.families().items():
        found = {catalogue.events()[spec.name].__module__ for spec in specs}
        assert found - {session_events.__name__} == {f"gameserver.modules.{family}.events"}
        assert (session_events.__name__ in found) == (family == session_events.SESSIONS)


def test_what_begins_or_ends_a_session_has_its_lane_and_no_number_and_nothing_else_has_that_lane() -> None:
    catalogue.refuse_misplaced(catalogue.events().values())
    for base, options, fault in (
        (Entrance, {"lane": "act", "numbered": False}, "have no other"),
        (Entrance, {"lane": SESSION_LANE}, "numbered=False"),
        (Leaving, {"lane": "act", "numbered": False}, "have no other"),
        (Event, {"lane": SESSION_LANE}, "is for events derived from"),
    ):
        knock = make("Knock", base, (("at", Name),), "Knock.", event(**options))
        with pytest.raises(Corrupt, match=rf"test_catalogue.py:\d+: acrobatics.knock: .*{fault}"):
            catalogue.refuse_misplaced([knock])


def test_specs_are_all_and_in_order() -> None:
    tasks = [spec.task for spec in catalogue.specs()]
    assert tasks == sorted(tasks)
    assert {spec.name for spec in catalogue.specs()} == set(catalogue.events())


def test_events_and_notices_share_no_name() -> None:
    assert not set(catalogue.events()) & set(catalogue.notices())


def test_the_protocols_own_packets_are_the_names_that_nothing_may_be_declared_by() -> None:
    own = [cls for cls in vars(packets).values() if isinstance(cls, type) and issubclass(cls, FromClient | FromServer)]
    assert {cls.__name__.lower() for cls in own} - {"fromclient", "fromserver"} == PROTOCOLS_OWN


def test_every_secret_is_of_the_session_family() -> None:
    secrets = {spec.name: spec.secrets for spec in catalogue.specs() if spec.secrets}
    assert secrets == {
        "login": frozenset({"password"}),
        "register": frozenset({"password"}),
        "resume": frozenset({"token"}),
    }


def test_what_is_numbered_has_a_lane() -> None:
    assert all(spec.lane for spec in catalogue.specs() if spec.numbered)


# The fingerprint.


def make(cls_name: str, base: Any, fields: Any, doc: str, mark: Callable[[Any], Any]) -> Any:
    cls = msgspec.defstruct(cls_name, fields, bases=(base,), namespace={"__doc__": doc}, frozen=True, kw_only=True)
    cls.__module__ = "gameserver.modules.acrobatics.events"
    return mark(cls)


def fingerprint(
    monkeypatch: pytest.MonkeyPatch,
    *,
    event_fields: Any = (("to", Name),),
    notice_fields: Any = (("who", str),),
    result_fields: Any = (("height", int),),
    deployment_fields: Any = (("n", int),),
    doc: str = "Leap.",
    priority: int = 1,
) -> str:
    """The fingerprint of a catalogue made of one event, its result, one notice and one event of the server."""
    result = msgspec.defstruct("Leapt", result_fields, bases=(Result,), frozen=True, kw_only=True)
    leap = make("Leap", Event, event_fields, doc, event(lane="act", priority=priority, result=result))
    pulse = make("Pulse", Event, deployment_fields, doc, event(origin="server"))
    seen = make("Seen", Notice, notice_fields, doc, notice())
    with monkeypatch.context() as patch:
        for name, pieces in {
            "events": {"leap": leap, "pulse": pulse},
            "client_events": {"leap": leap},
            "notices": {"seen": seen},
            "specs": (leap.spec, pulse.spec),
        }.items():
            patch.setattr(catalogue, name, lambda pieces=pieces: pieces)
        return catalogue.fingerprint.__wrapped__()


@pytest.mark.parametrize("first", sorted({cls.__module__ for cls in catalogue.events().values()}))
def test_the_fingerprint_does_not_depend_on_what_was_imported_first(first: str) -> None:
    program = f"import {first}; from gameserver.declare import catalogue; print(catalogue.fingerprint())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == catalogue.fingerprint()


def test_the_fingerprint_is_short_and_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogue.fingerprint.__wrapped__() == catalogue.fingerprint()
    assert len(catalogue.fingerprint()) == 12
    assert fingerprint(monkeypatch) == fingerprint(monkeypatch)


@pytest.mark.parametrize(
    "changed",
    [
        {"event_fields": (("whom", Name),)},
        {"event_fields": (("to", str),)},
        {"event_fields": (("to", Name), ("far", bool, False))},
        {"notice_fields": (("who", int),)},
        {"notice_fields": ()},
        {"result_fields": (("height", str),)},
        {"result_fields": (("height", int), ("width", int, 0))},
    ],
)
def test_the_fingerprint_changes_with_what_clients_depend_on(monkeypatch: Any, changed: dict[str, Any]) -> None:
    assert fingerprint(monkeypatch, **changed) != fingerprint(monkeypatch)


@pytest.mark.parametrize(
    "changed", [{"doc": "Leap, said better."}, {"priority": 3}, {"deployment_fields": (("n", int), ("m", int))}]
)
def test_the_fingerprint_ignores_what_is_none_of_a_clients_business(monkeypatch: Any, changed: dict[str, Any]) -> None:
    assert fingerprint(monkeypatch, **changed) == fingerprint(monkeypatch)


@pytest.mark.parametrize("name", sorted(catalogue.client_events()))
def test_what_clients_name_is_nothing_that_a_database_refuses(name: str) -> None:
    """PostgreSQL takes no NUL. Rules clean what players say, secrets are sealed; all else is looked for as it came."""
    cls = catalogue.client_events()[name]
    hints = get_type_hints(cls, include_extras=True)
    for hint in {hints[field] for field in cls.__struct_fields__} - {Text, Secret}:
        for value in ("\x00", "abc\x00", ["\x00"]):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(value, hint)
