"""What LEAs are called on the pages."""

from collections.abc import Mapping
from datetime import date

from equityaccess.access import store as access
from equityaccess.database import Transaction
from equityaccess.leas import store as leas


async def named(tx: Transaction, today: date) -> Mapping[int, tuple[str, str]]:
    """The code and the name of each LEA."""
    codes = await leas.codes(tx, today)
    names = {one.lea_id: one.name for one in (await access.lea_codes(tx)).values()}
    return {lea_id: (codes.get(lea_id, ""), name) for lea_id, name in names.items()}
