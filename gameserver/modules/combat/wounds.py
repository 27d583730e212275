"""Who has wounded a creature, and how much: by that its experience is shared when it dies."""

from functools import lru_cache

import msgspec

SHARERS_MAX = 16  # who come later have no part in it


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[tuple[str, int], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[str, int], ...]) if text else ()


def wounds_in(text: str) -> dict[str, int]:
    """Read damage by players from the field in which it is kept, in the order in which they began."""
    return dict(_read(text))


def noted(text: str, by: str, damage: int) -> str:
    """Add damage that a player has done."""
    done = wounds_in(text)
    if by in done or len(done) < SHARERS_MAX:
        done[by] = done.get(by, 0) + damage
    return msgspec.json.encode(list(done.items())).decode()


def shared(text: str, xp: int, last: str) -> dict[str, int]:
    """Share experience by damage done, rounded down; the rest is for who struck the last blow.

    Everyone who took part is named, be it with nothing. Together it is exactly ``xp``.
    """
    done = wounds_in(text) or {last: 1}
    whole = sum(done.values())
    shares = {player: xp * damage // whole for player, damage in done.items()}
    rest = last if last in shares else next(iter(shares))
    shares[rest] += xp - sum(shares.values())
    return shares
