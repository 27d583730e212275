from typing import Annotated, Any

import msgspec
import pytest

from gameserver.declare.base import (
    ATTEMPTS_MAX,
    BATCH_MAX,
    LEASE_S_MAX,
    PERIOD_S_MAX,
    PRIORITY_MAX,
    Event,
    Secret,
    event,
    notice,
)
from gameserver.errors import Corrupt
from gameserver.limits import Limits
from tasks.overrides.ack_timeout import LEASES


def declare(doc: str | None = "Do something.", fields: Any = (), **options: Any) -> type[Event]:
    """An event type declared with these options."""
    cls = msgspec.defstruct("Leap", fields, bases=(Event,), namespace={"__doc__": doc}, frozen=True, kw_only=True)
    cls.__module__ = "gameserver.modules.acrobatics.events"
    return event(**options)(cls)


def test_a_declaration_says_how_an_event_travels() -> None:
    spec = declare(lane="act", priority=3, durable=False, stale_after_s=2.0).spec
    assert (spec.name, spec.family, spec.task) == ("leap", "acrobatics", "acrobatics.leap")
    assert (spec.origin, spec.lane, spec.priority, spec.durable, spec.numbered) == ("client", "act", 3, False, True)


def test_secret_fields_are_found() -> None:
    cls = declare(lane="act", fields=[("word", Secret), ("plain", str)])
    assert cls.spec.secrets == {"word"}


@pytest.mark.parametrize("origin", ["server", "gateway"])
def test_only_clients_number_their_events(origin: Any) -> None:
    assert not declare(origin=origin).spec.numbered


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "needs a lane"),
        ({"lane": "act", "priority": -1}, f"priority is 0 to {PRIORITY_MAX}"),
        ({"lane": "act", "priority": PRIORITY_MAX + 1}, f"priority is 0 to {PRIORITY_MAX}"),
        ({"lane": "act", "lease_s": 0}, f"a lease is 1 to {LEASE_S_MAX} seconds"),
        ({"lane": "act", "lease_s": LEASE_S_MAX + 1}, f"a lease is 1 to {LEASE_S_MAX} seconds"),
        ({"lane": "act", "durable": True, "stale_after_s": 1.0}, "never goes stale"),
        ({"lane": "act", "max_attempts": 0}, f"max_attempts is 1 to {ATTEMPTS_MAX}"),
        ({"lane": "act", "max_attempts": ATTEMPTS_MAX + 1}, f"max_attempts is 1 to {ATTEMPTS_MAX}"),
        ({"lane": "act", "batch_max": 0}, f"batch_max is 1 to {BATCH_MAX} events"),
        ({"lane": "act", "batch_max": BATCH_MAX + 1}, f"batch_max is 1 to {BATCH_MAX} events"),
        ({"lane": "act", "every_s": 1.0, "durable": False}, "beat sends events of origin server alone"),
        ({"origin": "server", "every_s": -1.0, "durable": False}, "a period is 0.05 to 604800 seconds"),
        ({"origin": "server", "every_s": 1.0, "durable": False}, "has the number of its period"),
        ({"origin": "server", "every_s": 1.0, "fields": [("n", int)]}, "neither durable nor stale"),
        (
            {"origin": "server", "every_s": 1.0, "fields": [("n", int)], "durable": False, "stale_after_s": 1.0},
            "neither durable nor stale",
        ),
        ({"lane": "act", "refreshes_view": True, "fields": [("n", int)]}, "refreshes the view is a client's"),
        ({"origin": "server", "refreshes_view": True}, "refreshes the view is a client's"),
        ({"origin": "server", "shard_by": "zone"}, "shard_by names a text of it"),
        ({"origin": "server", "shard_by": "zone", "fields": [("zone", int)]}, "shard_by names a text of it"),
        ({"lane": "act", "doc": None}, "a docstring"),
        ({"lane": "act", "doc": ""}, "a docstring"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused_by_name(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(Corrupt, match=rf"test_base.py:\d+: acrobatics.leap: .*{fault}") as refusal:
        declare(**options)
    assert refusal.value.code == "bad_declaration"


@pytest.mark.parametrize(
    "hint", [Annotated[int, msgspec.Meta(ge=1)], list[Annotated[str, msgspec.Meta(pattern="^a$")]]]
)
def test_a_field_with_bounds_has_words_for_them(hint: Any) -> None:
    with pytest.raises(Corrupt, match="describe what height may hold: players are told that"):
        declare(lane="act", fields=[("height", hint)])


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="lanes"):
        declare(lanes="act")


def test_an_event_has_no_fields_but_its_own() -> None:
    cls = declare(lane="act")
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"type": "leap", "height": 3}, cls)


def test_a_notice_is_transient_unless_it_says_otherwise() -> None:
    from gameserver.modules.chat.events import Heard
    from gameserver.modules.movement.events import Moved

    assert (Moved.notice.durable, Heard.notice.durable) == (False, True)
    assert notice(durable=True)(Heard) is Heard


@pytest.mark.parametrize(("durable", "conflation_key"), [(False, "whom"), (True, "by")])
def test_only_the_latest_of_what_it_is_about_and_never_of_what_may_not_be_lost(
    durable: bool, conflation_key: str
) -> None:
    from gameserver.modules.chat.events import Heard
    from gameserver.modules.movement.events import Moved

    assert (Moved.notice.conflation_key, Heard.notice.conflation_key) == ("who", "")
    with pytest.raises(Corrupt, match="conflation_key"):
        notice(durable=durable, conflation_key=conflation_key)(Heard)


MERGE = {"by": "last", "coins": "sum", "total": "last", "gifts": "sum"}


@pytest.mark.parametrize(
    ("durable", "merge", "said"),
    [
        (False, MERGE, "durable=True"),
        (True, {"by": "last", "coins": "sum"}, "of each field"),
        (True, {**MERGE, "id": "first"}, "of no other"),
        (True, {**MERGE, "by": "sum"}, "adds up integers"),
        (True, {**MERGE, "by": "both"}, "knows sum, first, last"),
    ],
)
def test_how_notices_are_merged_is_said_whole(durable: bool, merge: Any, said: str) -> None:
    from gameserver.modules.trade.events import Received

    assert notice(durable=True, merge=MERGE)(Received) is Received  # type: ignore[arg-type]
    with pytest.raises(Corrupt, match=said):
        notice(durable=durable, merge=merge)(Received)


def test_the_bounds_of_declarations_fit_each_other_and_the_brokers() -> None:
    """What RabbitMQ keeps (2^32 ms), holds for a consumer (half an hour), and delivers again."""
    assert 2 * PERIOD_S_MAX * 1000 < 2**32
    assert LEASES * LEASE_S_MAX <= 1800
    assert Limits().deliveries_max > ATTEMPTS_MAX
    assert Limits().batch_events_max <= BATCH_MAX <= Limits().queue_messages_max
