"""Quests: what is asked for leaves the player, and what is paid comes, in the outcome that closes the quest."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from gameserver.game import (
    Context,
    Entity,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    has_room_for_mail,
    ids,
    mail_count,
    rule,
    where,
)
from gameserver.modules.combat.fighters import Fighter, changed_parts, fighter_of
from gameserver.modules.combat.growth import grown, level_told
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.things import all_taken, changes, held, left_of, made, received, rows_of, shown
from gameserver.modules.quests import maps
from gameserver.modules.quests.entities import Journal
from gameserver.modules.quests.events import (
    AbandonQuest,
    AcceptQuest,
    Aim,
    Arrived,
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
from gameserver.modules.quests.progress import (
    Step,
    abandoned,
    accepted,
    advanced,
    counts_of,
    done,
    finished,
    is_open,
    is_over,
    lacking,
    title_of,
    undertaken,
)
from gameserver.modules.quests.quest_kinds import PEOPLE, QUESTS, Deed, Goal, Person, Quest
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor
from gameserver.modules.trade.entities import Purse

REACH = 3  # tiles to whom one talks
UNDERTAKEN_MAX = 20
PARTS: tuple[type[Entity], ...] = (*carriers.PARTS, Journal)


# Who is near.


def _near(state: State, player: Fighter) -> list[Person]:
    """The people within reach of a player."""
    zone = state.zone(carriers.spot(player)[0])
    placed = [(spot, who.person) for spot, who in zone.placed(maps.Person) if who.person in PEOPLE]
    return [PEOPLE[name] for spot, name in placed if _is_near(player, zone.name, spot.x, spot.y)]


def _is_near(player: Fighter, zone: str, x: int, y: int) -> bool:
    away = carriers.tiles_between(player, zone, x, y)
    return away is not None and away <= REACH


def _check_near(state: State, player: Fighter, name: str) -> None:
    """Raise ``Rejected`` ``person_elsewhere`` where a person is not near a player."""
    if name not in {person.name for person in _near(state, player)}:
        raise Rejected("person_elsewhere", f"{PEOPLE[name].title} is not here.")


def _quest(name: str) -> Quest:
    if name not in QUESTS:
        raise Rejected("no_such_quest", "There is no such quest.")
    return QUESTS[name]


# The journal.


def _carried(player: str) -> Needs:
    return (where(Item, holder=player, look=True),)


def _log(state: State, event: Quests, context: Context) -> Outcome:
    journal, carried = state.of(Journal)[context.player], held(state, context.player)
    mine = [_shown(journal, QUESTS[name], carried) for name in undertaken(journal) if name in QUESTS]
    near = _near(state, carriers.standing(state, context))
    return Outcome(result=Log(quests=mine, done=sorted(done(journal)), offers=_offers(journal, near, context.now_ms)))


@rule(needs=lambda event, context: _carried(context.player), repeat=_log, components=PARTS)
def quests(state: State, event: Quests, context: Context) -> Outcome:
    """What is under way, what is done, and what people near have to give."""
    return _log(state, event, context)


def _shown(journal: Journal, quest: Quest, carried: Sequence[Item]) -> Undertaking:
    aims = [_aim(goal, count, carried) for goal, count in zip(quest.goals, counts_of(journal, quest), strict=True)]
    return Undertaking(
        quest=quest.name,
        title=quest.title,
        text=quest.text,
        taker=PEOPLE[quest.taken_by].title,
        aims=aims,
        ready=all(aim.count >= aim.of for aim in aims),
    )


def _aim(goal: Goal, count: int, carried: Sequence[Item]) -> Aim:
    if goal.do == "bring":
        count = min(goal.count, pieces(carried, goal.what))
    return Aim(title=title_of(goal), count=count, of=goal.count)


def pieces(things: Iterable[Item], kind: str) -> int:
    """How many of a kind there are."""
    return sum(item.count or 1 for item in things if item.kind == kind)


def _offers(journal: Journal, people: Sequence[Person], now_ms: int) -> list[Offer]:
    """What people have for a player, in the order of the data file."""
    names = {person.name for person in people}
    found = [quest for quest in QUESTS.values() if quest.giver in names and is_open(journal, quest, now_ms)]
    return [
        Offer(quest=quest.name, title=quest.title, text=quest.text, person=PEOPLE[quest.giver].title) for quest in found
    ]


# Taking on, giving up.


@rule(needs=lambda event, context: _carried(context.player), components=PARTS)
def acceptquest(state: State, event: AcceptQuest, context: Context) -> Outcome:
    """It is under way."""
    player, quest = carriers.standing(state, context), _quest(event.quest)
    journal = state.of(Journal)[player.id]
    _check_near(state, player, quest.giver)
    _check_open(journal, quest, context.now_ms)
    begun = accepted(journal, quest)
    return Outcome(result=_shown(begun, quest, held(state, player.id)), put=(begun,))


def _check_open(journal: Journal, quest: Quest, now_ms: int) -> None:
    if quest.name in undertaken(journal):
        raise Rejected("already_accepted", "You have accepted that already.")
    _check_not_over(journal, quest, now_ms)
    if not is_open(journal, quest, now_ms):
        raise Rejected("not_offered", f"{PEOPLE[quest.giver].title} does not trust you with that yet.")
    if len(undertaken(journal)) >= UNDERTAKEN_MAX:
        raise Rejected("too_many_quests", f"You have {UNDERTAKEN_MAX} quests already.")


def _check_not_over(journal: Journal, quest: Quest, now_ms: int) -> None:
    if is_over(journal, quest, now_ms):
        again = " today. Come again tomorrow." if quest.daily else "."
        raise Rejected("done_already", f"You have done that{again}")


@rule(components=(Journal,))
def abandonquest(state: State, event: AbandonQuest, context: Context) -> Outcome:
    """It is under way no longer; one that is in no data file any more can be given up as well."""
    journal = state.of(Journal)[actor(state, context).id]
    _check_accepted(journal, event.quest)
    return Outcome(put=(abandoned(journal, event.quest),))


def _check_accepted(journal: Journal, quest: str) -> None:
    if quest not in undertaken(journal):
        raise Rejected("not_accepted", "You have not accepted that.")


# The end of a quest.


def reward_ids(event: str, quest: Quest | None) -> list[str]:
    """The ids of what a quest pays that an event brings to its end."""
    return [f"{event}/{n}" for n in range(len(quest.items))] if quest else []


def _needs_things(event: TurnIn, context: Context) -> Needs:
    return (*rows_of(context.player), ids(Item, *reward_ids(context.id, QUESTS.get(event.quest))))


@rule(needs=_needs_things, components=(*PARTS, Purse))
def turnin(state: State, event: TurnIn, context: Context) -> Outcome:
    """What was asked for is gone, what was promised is paid, and the quest is done: all of it, or nothing."""
    player, quest = carriers.standing(state, context), _quest(event.quest)
    journal = state.of(Journal)[player.id]
    _check_accepted(journal, quest.name)
    _check_near(state, player, quest.taken_by)
    _check_not_over(journal, quest, context.now_ms)
    if missing := lacking(journal, quest):
        raise Rejected("unfinished", f"Not yet: {title_of(missing[0])}.")
    return _paid(state, quest, finished(journal, quest, context.now_ms), context.id)


def _paid(state: State, quest: Quest, journal: Journal, id_: str) -> Outcome:
    carried, purse, before = held(state, journal.id), state.of(Purse)[journal.id], fighter_of(state, journal.id)
    given = all_taken(carried, quest.brings)
    paid = list(zip(reward_ids(id_, quest), quest.items.items(), strict=True))
    new = [made(kind, count, id_, journal.id) for id_, (kind, count) in paid]
    got = received(left_of(carried, given), new, journal.id)
    richer = replace(purse, coins=purse.coins + quest.coins)
    wiser = grown(before, quest.xp)
    told = Paid(
        quest=quest.name,
        title=quest.title,
        text=quest.thanks,
        paid=quest.coins,
        coins=richer.coins,
        xp=quest.xp,
        total=wiser.strength.xp,
        things=[shown(item) for item in new],
    )
    put = changes(journal, richer, *changed_parts(state, wiser), *given.put, *got.put)
    drop = (*given.drop, *got.drop)
    return Outcome(result=told, put=put, drop=drop, notifications=level_told(state, before, wiser))


# Talking.


@rule(needs=lambda event, context: _carried(context.player), components=PARTS)
def talkto(state: State, event: TalkTo, context: Context) -> Outcome:
    """The person answers, and quests go on in which one was to talk to it."""
    player = carriers.standing(state, context)
    person = _person(state, player, event.person)
    journal, steps = advanced(state.of(Journal)[player.id], "talk", person.name, event.words)
    carried = held(state, player.id)
    said = Spoken(
        person=person.name,
        title=person.title,
        text=_answer(person, event.words, steps),
        offers=_offers(journal, [person], context.now_ms),
        quests=[_shown(journal, quest, carried) for quest in {step.quest.name: step.quest for step in steps}.values()],
    )
    return Outcome(result=said, put=(journal,) if steps else ())


def _person(state: State, player: Fighter, called: str) -> Person:
    """A person near a player, by its name or by the id under which it is seen."""
    name = _name_of(state, carriers.spot(player)[0], called)
    if name not in PEOPLE:
        raise Rejected("no_such_person", "There is nobody of that name.")
    _check_near(state, player, name)
    return PEOPLE[name]


def _name_of(state: State, zone: str, called: str) -> str:
    placed = state.zone(zone).placed(maps.Person)
    return next((who.person for spot, who in placed if spot.id == called), called)


def _answer(person: Person, words: str, steps: Sequence[Step]) -> str:
    """What a person says: to a quest first, then to what it is asked about, and else its greeting."""
    said = [step.goal.says for step in steps if step.goal.says]
    asked = [text for word, text in person.words.items() if word.casefold() in words.casefold()]
    return next(iter((*said, *asked)), person.text)


# Going on by what else happens.


@rule(needs=lambda event, context: (*goes_on_needs(event.player), ids(Player, event.player)))
def arrived(state: State, event: Arrived, context: Context) -> Outcome:
    """Quests go on in which one was to come there."""
    return goes_on(state, event.player, event.landmark or event.zone, "visit")


def goes_on_needs(player: str) -> Needs:
    """Select what ``goes_on`` needs beside the player itself."""
    return ids(Journal, player), mail_count(player)


def goes_on(state: State, player: str, what: str, do: Deed) -> Outcome:
    """A player's quests after a deed. Whose mailbox is full is not told that one is fulfilled; the journal says it."""
    before = state.get(Journal, player)
    if before is None:
        return Outcome()
    journal, steps = advanced(before, do, what)
    if not steps:
        return Outcome()
    told = [_progressed(step) for step in steps]
    ready = [step.quest for step in steps if not lacking(journal, step.quest)]
    kept = [_fulfilled(quest) for quest in ready] if has_room_for_mail(state, player) else []
    return Outcome(
        put=(journal,), notifications=tuple(Notification(notice=one, player=player) for one in (*told, *kept))
    )


def _progressed(step: Step) -> Progressed:
    return progressed(step.quest, step.goal, step.reached)


def progressed(quest: Quest, goal: Goal, count: int) -> Progressed:
    """Tell how far a goal is."""
    return Progressed(quest=quest.name, title=quest.title, aim=title_of(goal), count=count, of=goal.count)


def _fulfilled(quest: Quest) -> Fulfilled:
    return Fulfilled(quest=quest.name, title=quest.title, taker=PEOPLE[quest.taken_by].title)
