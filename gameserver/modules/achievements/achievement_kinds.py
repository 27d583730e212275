"""What can be achieved: the data file "achievements"."""

from typing import Annotated, Literal

import msgspec

from gameserver.game import Record, misnamed, names_in, records

# What is counted. Of those in ``WITH_KINDS`` also each kind by itself.
Deed = Literal["kills", "given", "quests", "crafted", "traded", "bought", "sold", "letters", "grouped", "zones"]
WITH_KINDS = {"kills": "creatures", "quests": "quests", "crafted": "recipes"}  # and the data files that name them
KEY_SEPARATOR = ":"


class Achievement(Record, frozen=True, kw_only=True):
    """Something that can be achieved: doing ``counts`` so many times (coins, of what is ``given``), or of one kind.

    ``every``: instead of a number, of zones, all that there are.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    text: Annotated[str, msgspec.Meta(max_length=200)]
    counts: Deed
    of: str = ""
    number: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    every: bool = False
    points: Annotated[int, msgspec.Meta(ge=1, le=100)]

    @property
    def key(self) -> str:
        """The deed that is counted for it, and of which kind."""
        return key_of(self.counts, self.of)

    def problem(self) -> str:
        """What contradicts itself."""
        return next((sentence for sentence, true in self._faults().items() if true), "")

    def _faults(self) -> dict[str, bool]:
        return {
            f"of: kinds are told apart of {', '.join(WITH_KINDS)} alone": bool(self.of)
            and self.counts not in WITH_KINDS,
            "every: only zones are known to be all": self.every and self.counts != "zones",
            "number: where every one counts there is no number": self.every and self.number != 1,
        }


def key_of(deed: str, kind: str = "") -> str:
    """What is counted of a deed, by the kind of what it was done to."""
    return f"{deed}{KEY_SEPARATOR}{kind}" if kind else deed


ACHIEVEMENTS: dict[str, Achievement] = records("achievements", Achievement)


def check_achievement(achievement: Achievement) -> None:
    """Raise ``Corrupt`` ``bad_world`` where an achievement counts what is done to a kind that there is not."""
    file = WITH_KINDS.get(achievement.counts, "")
    if achievement.of and achievement.of not in names_in(file):
        misnamed("achievements", achievement, f"of: there is no {achievement.of!r} among {file}")


for _achievement in ACHIEVEMENTS.values():
    check_achievement(_achievement)
