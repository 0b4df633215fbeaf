"""The shapes of feeds."""

from datetime import datetime
from typing import Literal

import msgspec

State = Literal["on_time", "silent", "irregular"]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """The pushes about one LEA. An irregular feed follows no rule yet, so nobody can say that it is late."""

    lea: str
    state: State
    habit: str | None
    learned_from: int  # days on which a push came
    last_received_at: datetime
    expected_at: datetime | None
    computed_at: datetime


class FeedList(msgspec.Struct, frozen=True, kw_only=True):
    """The feeds that the caller may see: the silent first, the longest silent before others."""

    items: list[Feed]


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as it is stored."""

    lea_id: int
    habit: str | None
    learned_from: int
    last_received_at: datetime
    expected_at: datetime | None
    computed_at: datetime


class ArrivalRow(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the last push about an LEA on a local day."""

    lea_id: int
    first_at: datetime
    last_at: datetime
