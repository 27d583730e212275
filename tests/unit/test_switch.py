"""The switch between machines: frames come late, some not at all, and none where a cable is cut."""

from random import Random

from tests.machines.switch import Rules, Switch

FAR = bytes([2, 0, 0, 0, 0, 3]) + b"to the third"
ALL = b"\xff" * 6 + b"to all"


def arrived(switch: Switch, now_s: float) -> list[tuple[int, bytes]]:
    return list(switch.due(now_s))


def test_a_frame_goes_to_the_machine_with_its_address_and_one_for_all_to_all_others() -> None:
    switch = Switch(3, Random(0))
    switch.take(0, FAR, 1.0)
    switch.take(1, ALL, 1.0)
    switch.take(0, bytes([2, 0, 0, 0, 0, 9]) + b"nobody's", 1.0)
    assert arrived(switch, 1.0) == [(2, FAR), (0, ALL), (2, ALL)]
    assert arrived(switch, 2.0) == []


def test_frames_come_late_and_in_order() -> None:
    switch = Switch(3, Random(0))
    switch.obey(Rules(latency_s=0.01))
    for n in range(3):
        switch.take(0, FAR + bytes([n]), 1.0)
    assert switch.wait_s(1.004) == 1.01 - 1.004
    assert arrived(switch, 1.009) == []
    assert [frame[-1] for _, frame in arrived(switch, 1.01)] == [0, 1, 2]
    assert switch.wait_s(1.02) is None


def test_a_cable_may_be_cut_one_way() -> None:
    switch = Switch(3, Random(0))
    switch.obey(Rules(cut=((0, 2),)))
    switch.take(0, FAR, 1.0)
    switch.take(2, bytes([2, 0, 0, 0, 0, 1]) + b"back", 1.0)
    assert [to for to, _ in arrived(switch, 1.0)] == [0]


def test_so_many_frames_are_lost() -> None:
    switch = Switch(3, Random(0))
    switch.obey(Rules(loss=0.2))
    for _ in range(10_000):
        switch.take(0, FAR, 1.0)
    assert 7_800 < len(arrived(switch, 1.0)) < 8_200
