"""Quests in words. ``sight.things`` has them by where they stand: ``offered``, ``undertaken``."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.items.text import carry, listed
from gameserver.modules.quests.events import (
    AbandonQuest,
    AcceptQuest,
    Fulfilled,
    Log,
    Offer,
    Paid,
    Progressed,
    Quests,
    Spoken,
    TalkTo,
    TurnIn,
    Undertaking,
)

OFFERED, UNDERTAKEN = "offered", "undertaken"

command("quests", Quests, also=("journal",))
command("quest <quest:offered>", AcceptQuest, also=("acceptquest <quest>",), what="Take on a quest that is offered.")
command("abandon <quest:undertaken>", AbandonQuest, also=("abandonquest <quest>",))
command("complete <quest:undertaken>", TurnIn, also=("turnin <quest>",), what="Bring a quest to its end.")
command("ask <person:being> about <words...>", TalkTo, what="Talk to a person near you about something.")
command("greet <person:being>", TalkTo, also=("talkto <person>",), what="Talk to a person near you.")


def _offered(sight: Sight, offers: list[Offer]) -> str:
    """Note what is offered, and say how to take it on."""
    sight.things[OFFERED] |= {offer.quest: offer for offer in offers}
    lines = [f"{offer.person} asks: {styled('title', offer.title)}. {offer.text}" for offer in offers]
    return "\n".join([*lines, f"Type: quest {offers[0].title}"] if lines else [])


def _line(quest: Undertaking) -> str:
    aims = ", ".join(f"{aim.title} ({aim.count} of {aim.of})" for aim in quest.aims)
    end = f". {quest.taker} waits for you" if quest.ready else ""
    return f"{styled('title', quest.title)}: {aims}{end}."


def _noted(sight: Sight, quests: list[Undertaking]) -> str:
    sight.things[UNDERTAKEN] |= {quest.quest: quest for quest in quests}
    return "\n".join(map(_line, quests))


@answered(Quests)
def log(data: Log, event: Quests, sight: Sight) -> str:
    """List what is under way, and what is offered."""
    sight.things[UNDERTAKEN], sight.things[OFFERED] = {}, {}
    mine = _noted(sight, data.quests) or "You have no quests."
    return "\n".join(filter(None, (mine, f"Done: {len(data.done)}.", _offered(sight, data.offers))))


@answered(AcceptQuest)
def begun(data: Undertaking, event: AcceptQuest, sight: Sight) -> str:
    """Say what is to be done."""
    sight.things[OFFERED].pop(event.quest, None)
    return f"You take it on. {_noted(sight, [data])}"


@answered(AbandonQuest)
def given_up(data: None, event: AbandonQuest, sight: Sight) -> str:
    """Say that it is over."""
    sight.things[UNDERTAKEN].pop(event.quest, None)
    return "You give it up."


@answered(TurnIn)
def paid(data: Paid, event: TurnIn, sight: Sight) -> str:
    """Say what was paid."""
    sight.things[UNDERTAKEN].pop(event.quest, None)
    sight.me["xp"] = data.total
    for thing in data.things:
        carry(sight, thing)
    got = [f"{data.paid} coins"] * bool(data.paid) + [f"{data.xp} experience"] * bool(data.xp)
    got += [listed(data.things)] * bool(data.things)
    return styled("good", f"{data.title} is done.") + f" {data.text} You get {' and '.join(got)}."


@answered(TalkTo)
def spoken(data: Spoken, event: TalkTo, sight: Sight) -> str:
    """Say what the person says."""
    said = f"{styled('name', data.title)}: {styled('speech', data.text)}" if data.text else f"{data.title} nods."
    return "\n".join(filter(None, (said, _noted(sight, data.quests), _offered(sight, data.offers))))


@told(Progressed)
def progressed(notice: Progressed, sight: Sight) -> str:
    """Say how far it is."""
    return f"{styled('title', notice.title)}: {notice.aim} ({notice.count} of {notice.of})."


@told(Fulfilled)
def fulfilled(notice: Fulfilled, sight: Sight) -> str:
    """Say who waits."""
    return styled("good", f"{notice.title}: {notice.taker} waits for you.")
