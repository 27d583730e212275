from hypothesis import given
from hypothesis import strategies as st

from gameserver.events.chat import Say, Who
from gameserver.events.combat import Attack
from gameserver.events.envelope import Envelope
from gameserver.events.movement import Move
from gateway.lanes import Lane


def move(seq: int) -> Envelope:
    return Envelope(id=f"s:{seq}", event=Move(dir="n", seq=seq), at_ms=0)


def attack(seq: int) -> Envelope:
    return Envelope(id=f"s:{seq}", event=Attack(target="rat", seq=seq), at_ms=0)


def seqs(envelopes: list[Envelope]) -> list[int]:
    return [envelope.event.seq for envelope in envelopes]


def lane(*waiting: Envelope, waiting_max: int = 8, flight_max: int = 4) -> Lane:
    made = Lane(waiting_max, flight_max)
    assert all(made.accept(envelope) for envelope in waiting)
    return made


def test_an_empty_lane_has_nothing_to_publish():
    assert lane().next(0.0) == []
    assert lane().unanswered == 0


def test_the_first_event_goes_at_once():
    assert seqs(lane(move(1)).next(0.0)) == [1]


def test_while_something_is_under_way_nothing_else_goes():
    moving = lane(move(1))
    moving.next(0.0)
    assert moving.accept(move(2))
    assert moving.next(0.0) == []
    assert seqs(moving.in_flight) == [1]
    assert moving.unanswered == 2


def test_what_waited_goes_together_when_the_last_answer_is_there():
    moving = lane(move(1), move(2))
    moving.next(0.0)
    moving.accept(move(3))
    moving.accept(move(4))
    assert moving.answered(1)
    assert moving.next(0.0) == []
    assert moving.answered(2)
    assert seqs(moving.next(0.0)) == [3, 4]


def test_only_events_of_one_type_go_together_so_that_their_order_holds():
    acting = lane(move(1), move(2), attack(3), move(4))
    assert seqs(acting.next(0.0)) == [1, 2]
    acting.answered(1)
    acting.answered(2)
    assert seqs(acting.next(0.0)) == [3]
    acting.answered(3)
    assert seqs(acting.next(0.0)) == [4]


def test_no_more_go_together_than_the_limit():
    assert seqs(lane(*map(move, range(1, 8)), flight_max=3).next(0.0)) == [1, 2, 3]


def test_no_more_go_together_than_the_event_allows_in_a_batch():
    session = Lane(200, 200)
    for seq in range(1, Say.spec.batch_max + 10):
        session.accept(Envelope(id="", event=Say(text="x", seq=seq), at_ms=0))
    assert len(session.next(0.0)) == Say.spec.batch_max


def test_a_full_lane_refuses_and_takes_again_when_there_is_room():
    full = lane(move(1), move(2), waiting_max=2)
    assert not full.accept(move(3))
    full.next(0.0)
    assert full.accept(move(3))


def test_an_answer_that_nobody_waits_for_is_told_from_one_that_is_awaited():
    moving = lane(move(1), move(2))
    assert not moving.answered(1)
    moving.next(0.0)
    assert moving.answered(1)
    assert not moving.answered(1)
    assert not moving.answered(99)


KINDS = [Move(dir="n"), Attack(target="rat"), Who()]


@given(
    st.lists(st.one_of(st.sampled_from(["next", "answer", "double"]), st.integers(0, 2)), max_size=80),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_whatever_happens_order_is_kept_and_one_task_of_one_type_is_under_way(steps, waiting_max, flight_max):
    tested = Lane(waiting_max, flight_max)
    accepted: list[int] = []
    published: list[int] = []
    flight: list[Envelope] = []
    for step in steps:
        if isinstance(step, int):
            seq = len(accepted) + 1
            event = type(KINDS[step])(
                **{f: getattr(KINDS[step], f) for f in ("dir", "target") if hasattr(KINDS[step], f)}, seq=seq
            )
            waiting = len(accepted) - len(published)
            if tested.accept(Envelope(id=str(seq), event=event, at_ms=0)):
                accepted.append(seq)
                assert waiting < waiting_max
            else:
                assert waiting == waiting_max
        elif step == "next":
            going = tested.next(0.0)
            assert not (going and flight), "a second task while one is under way"
            assert len({type(envelope.event) for envelope in going}) <= 1
            assert len(going) <= flight_max
            published += seqs(going)
            flight = flight or list(going)
        elif step == "answer" and flight:
            assert tested.answered(flight.pop(0).event.seq)
        elif step == "double" and published and published[0] not in seqs(flight):
            assert not tested.answered(published[0])
        assert published == accepted[: len(published)]
        assert tested.in_flight == flight
        assert tested.unanswered == len(flight) + len(accepted) - len(published)


def test_what_waits_at_the_head_for_a_family_can_be_withdrawn_and_nothing_else():
    acting = lane(move(1), attack(2), attack(3), move(4))
    acting.next(0.0)
    assert acting.withdraw("movement") == []
    assert seqs(acting.withdraw("combat")) == [2, 3]
    assert seqs(acting.withdraw("movement")) == [4]
    assert seqs(acting.in_flight) == [1]
    assert acting.unanswered == 1
