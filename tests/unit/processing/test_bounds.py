"""What the database's tables may grow to."""

import pytest
from msgspec.structs import replace

from gameserver.messages.envelope import Envelope
from gameserver.modules.chat.entities import LINE_KEPT_MS, ChatLine, Membership
from gameserver.modules.chat.events import Join, Leave, Talk, Whisper
from gameserver.modules.combat.events import Reward
from gameserver.modules.sessions.entities import GATEWAY_KEPT_MS, Gateway
from gameserver.modules.sessions.events import Login
from gameserver.rules.outcome import MAIL_MAX, Waiting
from gameserver.store import pruning
from gameserver.store.outbox_reading import DUE_ROWS_MAX
from gameserver.testing.two_zones import absent
from tests.unit.processing.workshop import ADA, BOB, PASSWORD, Workshop, entrance, replies, sweep

ABSENT = absent(BOB)


def mail(workshop: Workshop, player: str, count: int, due_ms: int) -> None:
    with workshop.store.transaction() as transaction:
        rows = [Waiting(f"{player}-{n:04}", "mail", player, b"x") for n in range(count)]
        transaction.add_waiting(rows, workshop.now_ms, due_ms)


def counted(workshop: Workshop, player: str) -> int:
    return len(workshop.load(mail=(player,)).mail[player])


def test_a_mailbox_takes_what_it_has_room_for_though_all_comes_in_one_batch(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    mail(workshop, "bob", MAIL_MAX - 2, 2**50)
    whispers = [workshop.tell(ADA, Whisper(to="Bob", text="x", seq=seq)) for seq in range(1, 65)]
    answers = replies(workshop.apply(*whispers))
    assert [answers[seq].get("code", "ok") for seq in (1, 2, 3, 64)] == ["ok", "ok", "mailbox_full", "mailbox_full"]
    assert counted(workshop, "bob") == MAIL_MAX


def test_rewards_that_come_in_one_batch_are_gained_and_fill_no_mailbox_beyond_its_bound(workshop: Workshop) -> None:
    workshop.enter(ADA)
    mail(workshop, "ada", MAIL_MAX - 1, 2**50)
    slain = [Envelope(id=f"r{n}", event=Reward(player="ada", xp=1, slain="rat"), at_ms=1) for n in range(64)]
    workshop.apply(*slain)
    assert workshop.player("ada").xp == 64
    assert counted(workshop, "ada") == MAIL_MAX


def test_mail_of_who_is_absent_is_looked_at_once_and_sent_when_they_come(workshop: Workshop) -> None:
    workshop.enter(ADA, ABSENT)
    mail(workshop, "bob", 3, workshop.now_ms - 1)
    mail(workshop, "ada", 1, workshop.now_ms - 1)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    first = sweep(workshop)
    assert [direct.id for direct in first.outbound.unicasts] == ["ada-0000"]
    assert never_due(workshop) == ["bob-0000", "bob-0001", "bob-0002"]
    entered = workshop.apply(entrance(workshop, Login(name="Bob", password=PASSWORD, seq=1), "Bob"))
    assert {direct.id for direct in entered.outbound.unicasts} >= {"bob-0000", "bob-0001", "bob-0002"}
    assert never_due(workshop) == []
    workshop.now_ms += 10_000
    again = sweep(workshop)
    assert {direct.id for direct in again.outbound.unicasts} == {"ada-0000", "bob-0000", "bob-0001", "bob-0002"}


def never_due(workshop: Workshop) -> list[str]:
    return sorted(set(workshop.due_by(2**62)) - set(workshop.due_by(2**61)))


def test_mail_of_the_absent_keeps_nobody_elses_waiting(workshop: Workshop) -> None:
    workshop.enter(ADA, ABSENT)
    workshop.put(Gateway(id="g1", seen_ms=2**50, sessions=1))
    mail(workshop, "bob", 2 * DUE_ROWS_MAX, workshop.now_ms - 9)
    mail(workshop, "ada", 1, workshop.now_ms - 1)
    told = [direct.id for _ in range(3) for direct in sweep(workshop).outbound.unicasts]
    assert told == ["ada-0000"]


def test_what_is_laid_aside_while_it_is_sent_again_stays_due(workshop: Workshop) -> None:
    """The sweep found its receiver absent; a moment later the receiver came, and was sent it."""
    workshop.enter(ABSENT)
    mail(workshop, "bob", 1, workshop.now_ms - 1)
    with workshop.store.transaction() as transaction:
        transaction.postpone_waiting(["bob-0000"], workshop.now_ms + 3_000)
        pruning.lay_aside(transaction._rows, ["bob-0000"], workshop.now_ms)
    assert never_due(workshop) == []


def test_the_lines_of_a_channel_go_with_its_last_member(workshop: Workshop) -> None:
    workshop.enter(ADA, BOB)
    for body in (ADA, BOB):
        workshop.apply(workshop.tell(body, Join(channel="news", seq=1)))
    workshop.apply(workshop.tell(ADA, Talk(channel="news", text="x", seq=2)))
    workshop.apply(workshop.tell(ADA, Leave(channel="news", seq=3)))
    assert workshop.rows()["chat_lines"] == 1
    workshop.apply(workshop.tell(BOB, Leave(channel="news", seq=3)))
    assert workshop.rows()["chat_lines"] == 0


def test_who_names_channel_after_channel_leaves_nothing_behind(workshop: Workshop) -> None:
    workshop.enter(ADA)
    for n in range(30):
        channel = f"channel-{n}"
        workshop.apply(workshop.tell(ADA, Join(channel=channel, seq=3 * n + 1)))
        workshop.apply(workshop.tell(ADA, Talk(channel=channel, text="x", seq=3 * n + 2)))
        workshop.apply(workshop.tell(ADA, Leave(channel=channel, seq=3 * n + 3)))
    counts = workshop.rows()
    assert (counts["chat_lines"], counts["memberships"]) == (0, 0)


@pytest.mark.parametrize("count", [3, pruning.PORTION_ROWS + 7])
def test_a_sweep_removes_a_portion_of_what_is_over(workshop: Workshop, count: int) -> None:
    now_ms = workshop.now_ms
    old = [Gateway(id=f"old{n}", seen_ms=now_ms - GATEWAY_KEPT_MS - 1, sessions=1) for n in range(count)]
    line = ChatLine(id="new", channel="news", by="Ada", text="x", at_ms=now_ms - LINE_KEPT_MS)
    silent = [replace(line, id=f"l{n}", channel=f"c{n}", at_ms=now_ms - LINE_KEPT_MS - 1) for n in range(count)]
    workshop.put(*old, Gateway(id="g1", seen_ms=now_ms, sessions=1), Gateway(id="*calm", seen_ms=1, sessions=0))
    workshop.put(*silent, line, Membership(id="c0/ada", channel="c0", player="ada"))
    with workshop.store.transaction() as transaction:
        for n in range(count):
            transaction.count_trial(f"t{n}", now_ms - pruning.TRIAL_KEPT_MS - 1)
        transaction.count_trial("new", now_ms - pruning.TRIAL_KEPT_MS)
    sweep(workshop)
    left = max(0, count - pruning.PORTION_ROWS)
    counts = workshop.rows()
    assert (counts["gateways"], counts["chat_lines"], counts["trials"]) == (left + 2, left + 1, left + 1)
    sweep(workshop)
    counts = workshop.rows()
    assert (counts["gateways"], counts["chat_lines"], counts["trials"]) == (2, 1, 1)
