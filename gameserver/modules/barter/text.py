"""Trading in words: an offer, the other's offer, and that both accept."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.barter.events import (
    Accept,
    Accepted,
    Agreed,
    Offer,
    Proposal,
    Proposed,
    Retract,
    Retracted,
    Traded,
)
from gameserver.modules.items.text import listed

command("offer <coins> coins to <to>", Offer, what="Offer coins to a player near you.", things=[])
command("offer <things:carried> to <to>", Offer, what="Offer a thing to a player near you.", coins=0)
command("offer <things:carried> and <coins> coins to <to>", Offer, what="Offer both.")
command("accept <to> <version>", Accept, what="Accept an offer by the number that it was told with.")
command("retract <to>", Retract)


@answered(Offer)
def offered(data: Proposal, event: Offer, sight: Sight) -> str:
    """Say what comes next."""
    return f"You offer that to {styled('name', event.to)}. The trade is made when both have accepted."


@told(Proposed)
def proposed(notice: Proposed, sight: Sight) -> str:
    """Say what is offered, and how to accept it."""
    coins = f"{notice.coins} coins" if notice.coins else ""
    things = listed(notice.things) if notice.things else ""
    what = " and ".join(part for part in (things, coins) if part) or "nothing"
    name = styled("name", notice.by)
    return f"{name} offers you {what}. Type: accept {notice.by} {notice.version}"


@answered(Accept)
def accepted_by_me(data: Agreed, event: Accept, sight: Sight) -> str:
    """Say whether it is done."""
    return f"It is done; you have {data.coins} coins." if data.done else "You accept. Now the other has to."


@told(Accepted)
def accepted(notice: Accepted, sight: Sight) -> str:
    """Say that the other accepts."""
    return f"{styled('name', notice.by)} accepts what you offer."


@told(Traded)
def traded(notice: Traded, sight: Sight) -> str:
    """Say what was got."""
    sight.things["carried"] |= {thing.id: thing for thing in notice.things}
    return styled("good", f"The trade with {notice.by} is made; you have {notice.coins} coins.") + (
        f" You got {listed(notice.things)}." if notice.things else ""
    )


@answered(Retract)
def retracted_by_me(data: None, event: Retract, sight: Sight) -> str:
    """Say that the offer is over."""
    return "Your offer is taken back."


@told(Retracted)
def retracted(notice: Retracted, sight: Sight) -> str:
    """Say whose offer is over."""
    return f"The offer of {styled('name', notice.by)} to {notice.to} is over ({notice.why})."
