"""What a credential may ask, and how many unknown ones an address may try: known to all processes that answer."""

from collections import OrderedDict
from contextlib import AbstractContextManager
from datetime import datetime

from equityaccess.access.quota import Quota, Share
from equityaccess.access.structs import Caller
from equityaccess.database import Transaction

_MOST_KNOWN = 10_000


class Limits:
    """The quotas of callers and of addresses, and which credentials this process has seen to be somebody's."""

    def __init__(self, per_minute: int, failures_per_minute: int, *, most_known: int = _MOST_KNOWN) -> None:
        self._callers = Quota("default", per_minute)
        self._strangers = Quota("unknown-keys", failures_per_minute)
        self._most_known = most_known
        self._known: OrderedDict[bytes, Caller] = OrderedDict()

    def known(self, fingerprint: bytes) -> Caller | None:
        """Whose credential this was when it was last looked up: good enough to turn it away, never to let it in."""
        return self._known.get(fingerprint)

    def asking(self, fingerprint: bytes, address: str, now: datetime) -> AbstractContextManager[Share | None]:
        """For the time that a request is looked at; the share is there if it need not be: its caller is out of quota.

        Or the address is, with many keys that nobody has. A credential that was seen to be somebody's passes by the
        second: others behind the same proxy harm nobody.
        """
        caller = self.known(fingerprint)
        return self._callers.asking(_of(caller), now) if caller else self._strangers.asking(address, now)

    async def count(
        self, tx: Transaction, fingerprint: bytes, caller: Caller | None, address: str, now: datetime
    ) -> Share:
        """One request with the credential of *fingerprint*, which is *caller*'s, or of an address if it is nobody's."""
        if caller is None:
            return await self._strangers.take(tx, address, now)
        self._known[fingerprint] = caller
        self._known.move_to_end(fingerprint)
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
        return await self._callers.take(tx, _of(caller), now)


def _of(caller: Caller) -> str:
    return f"key {caller.key_id}"
