from hypothesis import given
from hypothesis import strategies as st

from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.events import Say, Who
from gameserver.modules.combat.events import Attack
from gameserver.modules.movement.events import Move
from gateway.connections.lanes import Lane, given_up_after_s

REPUBLISH_AFTER_S = 45.0


def move(seq: int) -> Envelope:
    return Envelope(id=f"s:{seq}", event=Move(dir="n", seq=seq), at_ms=0)


def attack(seq: int) -> Envelope:
    return Envelope(id=f"s:{seq}", event=Attack(target="rat", seq=seq), at_ms=0)


def seqs(envelopes: list[Envelope]) -> list[int]:
    return [envelope.event.seq for envelope in envelopes]


def lane(*waiting: Envelope, waiting_max: int = 8, flight_max: int = 4) -> Lane:
    made = Lane(waiting_max, flight_max, REPUBLISH_AFTER_S)
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
    assert moving.complete(1)
    assert moving.next(0.0) == []
    assert moving.complete(2)
    assert seqs(moving.next(0.0)) == [3, 4]


def test_only_events_of_one_type_go_together_so_that_their_order_holds():
    acting = lane(move(1), move(2), attack(3), move(4))
    assert seqs(acting.next(0.0)) == [1, 2]
    acting.complete(1)
    acting.complete(2)
    assert seqs(acting.next(0.0)) == [3]
    acting.complete(3)
    assert seqs(acting.next(0.0)) == [4]


def test_no_more_go_together_than_the_limit():
    assert seqs(lane(*map(move, range(1, 8)), flight_max=3).next(0.0)) == [1, 2, 3]


def test_no_more_go_together_than_the_event_allows_in_a_batch():
    session = Lane(200, 200, REPUBLISH_AFTER_S)
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
    assert not moving.complete(1)
    moving.next(0.0)
    assert moving.complete(1)
    assert not moving.complete(1)
    assert not moving.complete(99)


KINDS = [Move(dir="n"), Attack(target="rat"), Who()]


@given(
    st.lists(st.one_of(st.sampled_from(["next", "answer", "double"]), st.integers(0, 2)), max_size=80),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_whatever_happens_order_is_kept_and_one_task_of_one_type_is_under_way(steps, waiting_max, flight_max):
    tested = Lane(waiting_max, flight_max, REPUBLISH_AFTER_S)
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
            assert tested.complete(flight.pop(0).event.seq)
        elif step == "double" and published and published[0] not in seqs(flight):
            assert not tested.complete(published[0])
        assert published == accepted[: len(published)]
        assert tested.in_flight == flight
        assert tested.unanswered == len(flight) + len(accepted) - len(published)


def test_what_waits_for_a_family_can_be_withdrawn_and_nothing_else():
    acting = lane(attack(1), move(2), attack(3), move(4), attack(5))
    acting.next(0.0)
    assert seqs(acting.withdraw("movement")) == [2, 4]
    assert seqs(acting.in_flight) == [1]
    assert acting.unanswered == 3


def test_what_waits_behind_a_family_waits_for_it_too():
    acting = lane(move(1), attack(2), attack(3), move(4))
    acting.next(0.0)
    assert seqs(acting.withdraw("movement")) == [2, 3, 4]
    assert acting.unanswered == 1


# Doubt.


def test_of_what_the_queue_refused_no_copy_is_left():
    moving = lane(move(1), move(2))
    moving.next(0.0)
    assert moving.not_in_queue([1, 2])
    assert seqs(moving.withdraw_flight()) == [1, 2]
    assert moving.unanswered == 0


def test_while_another_copy_may_be_in_the_queue_a_refusal_is_not_the_last_word():
    moving = lane(move(1), move(2))
    moving.next(0.0)
    assert seqs(moving.again(1.0)) == [1, 2]
    assert not moving.not_in_queue([1, 2])
    assert moving.not_in_queue([1, 2])


def test_two_copies_in_one_batch_count_twice():
    moving = lane(move(1))
    moving.next(0.0)
    moving.again(1.0)
    assert moving.not_in_queue([1, 1])


def test_a_late_refusal_of_what_was_answered_says_nothing_of_what_follows():
    moving = lane(move(1), move(2))
    moving.next(0.0)
    moving.complete(1)
    moving.complete(2)
    moving.accept(move(3))
    moving.next(1.0)
    assert not moving.not_in_queue([1, 2])
    assert moving.not_in_queue([3])


def test_what_the_client_sent_before_is_in_doubt_from_the_start():
    moving = lane()
    assert moving.accept(move(1), sent_before=True)
    assert moving.accept(move(2))
    assert seqs(moving.next(0.0)) == [1, 2]
    assert not moving.not_in_queue([1, 2])
    assert moving.withdraw("movement") == []


def test_what_was_sent_before_is_taken_up_to_what_a_client_can_have_left_unanswered_and_never_withdrawn():
    full = lane(waiting_max=2, flight_max=3)
    assert [full.accept(move(seq), sent_before=True) for seq in range(1, 7)] == [True] * 5 + [False]
    assert not full.accept(move(7))
    assert full.withdraw("movement") == []
    assert full.unanswered == 5


def test_a_transient_event_is_asked_for_again_when_a_process_would_answer_it_as_stale_and_others_later():
    for envelope, asked_s in ((move(1), given_up_after_s(Move.spec)), (attack(1), REPUBLISH_AFTER_S)):
        acting = lane(envelope)
        acting.next(100.0)
        assert acting.due_s == 100.0 + asked_s
        acting.again(200.0)
        assert acting.due_s == 200.0 + asked_s
