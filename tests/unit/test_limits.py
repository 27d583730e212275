from typing import Any

import msgspec
import pytest

from gameserver.errors import Corrupt
from gameserver.limits import Limits, check


def test_the_defaults_agree_with_each_other() -> None:
    check(Limits())


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("lane_flight_max", "batch_events_max"),
        ("latency_budget_ms", "far_position_ms_max"),
        ("frame_bytes_max", "write_buffer_soft_bytes"),
        ("write_buffer_soft_bytes", "write_buffer_bytes_max"),
        ("connections_per_address_max", "connections_max"),
        ("lane_waiting_max", "gateway_waiting_max"),
        ("batch_events_max", "queue_messages_max"),
    ],
)
def test_two_limits_that_disagree_are_both_named(small: str, large: str) -> None:
    values: dict[str, Any] = {large: getattr(Limits(), small) - 1}
    with pytest.raises(Corrupt, match=f"{small} .* must not exceed {large}") as fault:
        check(Limits(**values))
    assert fault.value.code == "bad_setting"


def test_enough_outcomes_are_kept_for_a_client_that_resumes() -> None:
    fits = Limits(outcomes_kept=48)
    check(fits)
    with pytest.raises(Corrupt, match="outcomes_kept"):
        check(msgspec.structs.replace(fits, outcomes_kept=47))


def test_limits_are_numbers_with_a_default_each() -> None:
    for field in msgspec.structs.fields(Limits):
        assert field.type in (int, float)
        assert field.default > 0
