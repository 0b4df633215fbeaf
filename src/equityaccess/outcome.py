"""What a job says when it has done something."""

import msgspec


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a job touched, and one line for whoever reads its history.

    With ``failed`` the effect is kept and the run counts as failed: the job found something that a person must see.
    """

    touched: int
    said: str
    failed: bool = False
