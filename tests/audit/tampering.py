"""What somebody with every right could do to the log: each tampering says which entry or seal it touched."""

import random
from collections.abc import Awaitable, Callable

import asyncpg

Connection = asyncpg.Connection
Found = tuple[str, int]  # "entry" or "seal", and its number
Tamper = Callable[[Connection, random.Random], Awaitable[Found]]

_TEXTS = ("actor", "action", "object", "address", "request_id")
_JSONS = ("parameters", "before", "after")


async def _sealed_entry(admin: Connection, dice: random.Random) -> int:
    ids = await admin.fetchval("SELECT array_agg(i ORDER BY i) FROM audit_seal, unnest(entry_ids) AS i")
    return dice.choice(ids)


async def _seal(admin: Connection, dice: random.Random) -> int:
    return dice.choice(await admin.fetchval("SELECT array_agg(seal_id ORDER BY seal_id) FROM audit_seal"))


async def a_text_is_edited(admin: Connection, dice: random.Random) -> Found:
    entry, column = await _sealed_entry(admin, dice), dice.choice(_TEXTS)
    await admin.execute(
        f"UPDATE audit_entry SET {column} = coalesce({column}, '') || $2 WHERE entry_id = $1", entry, dice.choice("x 0")
    )
    return "entry", entry


async def a_json_is_edited(admin: Connection, dice: random.Random) -> Found:
    entry, column = await _sealed_entry(admin, dice), dice.choice(_JSONS)
    await admin.execute(f"UPDATE audit_entry SET {column} = $2 WHERE entry_id = $1", entry, f'{{"x": {dice.random()}}}')
    return "entry", entry


async def an_instant_is_moved(admin: Connection, dice: random.Random) -> Found:
    entry = await _sealed_entry(admin, dice)
    await admin.execute(
        "UPDATE audit_entry SET recorded_at = recorded_at + $2 * interval '1 microsecond' WHERE entry_id = $1",
        entry, dice.choice([-1, 1, 3_600_000_000]),
    )  # fmt: skip
    return "entry", entry


async def another_is_blamed(admin: Connection, dice: random.Random) -> Found:
    entry = await _sealed_entry(admin, dice)
    change = dice.choice(
        ["key_id = gen_random_uuid()", "lea_ids = lea_ids || 7", "status = coalesce(status, 0) + 1",
         "status = NULL, address = coalesce(address, '') || '1'"]
    )  # fmt: skip
    await admin.execute(f"UPDATE audit_entry SET {change} WHERE entry_id = $1", entry)
    return "entry", entry


async def an_entry_is_removed(admin: Connection, dice: random.Random) -> Found:
    entry = await _sealed_entry(admin, dice)
    await admin.execute("DELETE FROM audit_entry WHERE entry_id = $1", entry)
    return "entry", entry


async def two_entries_change_places(admin: Connection, dice: random.Random) -> Found:
    one, other = await _sealed_entry(admin, dice), await _sealed_entry(admin, dice)
    if one == other:
        return await an_entry_is_removed(admin, dice)
    for was, becomes in ((one, -1), (other, one), (-1, other)):
        await admin.execute(
            "INSERT INTO audit_entry OVERRIDING SYSTEM VALUE SELECT $2, recorded_at, actor, key_id, lea_ids, action,"
            " object, parameters, before, after, status, address, request_id FROM audit_entry WHERE entry_id = $1",
            was, becomes,
        )  # fmt: skip
        await admin.execute("DELETE FROM audit_entry WHERE entry_id = $1", was)
    return "entry", one


async def an_entry_is_put_there_afterwards(admin: Connection, dice: random.Random) -> Found:
    entry = -dice.randint(0, 1_000_000)
    await admin.execute(
        "INSERT INTO audit_entry (entry_id, recorded_at, actor, lea_ids, action, object) OVERRIDING SYSTEM VALUE"
        " VALUES ($1, now() - interval '1 day', 'nobody', '{}', 'push', '/v1/submissions/x')",
        entry,
    )
    return "entry", entry


async def an_entry_is_taken_out_of_its_seal(admin: Connection, dice: random.Random) -> Found:
    """Removed together with its digest: the hash of the seal tells."""
    seal = await admin.fetchrow(
        "SELECT seal_id, entry_ids, digests FROM audit_seal WHERE cardinality(entry_ids) > 1 ORDER BY seal_id LIMIT 1"
    )
    place = dice.randrange(len(seal["entry_ids"]))
    ids = [one for number, one in enumerate(seal["entry_ids"]) if number != place]
    digests = seal["digests"][: 32 * place] + seal["digests"][32 * (place + 1) :]
    await admin.execute("DELETE FROM audit_entry WHERE entry_id = $1", seal["entry_ids"][place])
    await admin.execute(
        "UPDATE audit_seal SET entry_ids = $2, digests = $3 WHERE seal_id = $1", seal["seal_id"], ids, digests
    )
    return "seal", seal["seal_id"]


async def a_seal_is_edited(admin: Connection, dice: random.Random) -> Found:
    seal = await _seal(admin, dice)
    change = dice.choice(
        ["sealed_at = sealed_at - interval '1 second'", "high_id = high_id + 1", "floor_id = floor_id - 1",
         "settled_by = settled_by + 1", "hash = sha256(hash)"]
    )  # fmt: skip
    await admin.execute(f"UPDATE audit_seal SET {change} WHERE seal_id = $1", seal)
    return "seal", seal


async def a_seal_is_removed(admin: Connection, dice: random.Random) -> Found:
    last = await admin.fetchval("SELECT max(seal_id) FROM audit_seal")
    seal = dice.randint(1, last - 1)
    await admin.execute("DELETE FROM audit_seal WHERE seal_id = $1", seal)
    return "seal", seal


async def two_seals_change_places(admin: Connection, dice: random.Random) -> Found:
    last = await admin.fetchval("SELECT max(seal_id) FROM audit_seal")
    one = dice.randint(1, last - 1)
    for was, becomes in ((one, -1), (one + 1, one), (-1, one + 1)):
        await admin.execute("UPDATE audit_seal SET seal_id = $2 WHERE seal_id = $1", was, becomes)
    return "seal", one


async def the_end_is_cut_off(admin: Connection, dice: random.Random) -> Found:
    """Entries and their seals alike: only a head that was noted elsewhere tells."""
    last = await admin.fetchval("SELECT max(seal_id) FROM audit_seal")
    await admin.execute(
        "DELETE FROM audit_entry WHERE entry_id = ANY (SELECT unnest(entry_ids) FROM audit_seal WHERE seal_id = $1)",
        last,
    )
    await admin.execute("DELETE FROM audit_seal WHERE seal_id = $1", last)
    return "seal", last


async def everything_is_written_anew(admin: Connection, dice: random.Random) -> Found:
    """An edit, and every digest and hash from there on worked out again, by the product's own rules."""
    from equityaccess.audit import rules, store
    from equityaccess.database import Transaction

    tx = Transaction(admin, 600)
    entry = await _sealed_entry(admin, dice)
    await admin.execute("UPDATE audit_entry SET actor = 'somebody else' WHERE entry_id = $1", entry)
    before = None
    async for seal, kept in store.chain(tx):
        digests = b"".join(rules.digest(kept[one]) for one in seal.entry_ids)
        await admin.execute("UPDATE audit_seal SET digests = $2 WHERE seal_id = $1", seal.seal_id, digests)
        changed = rules.with_hash(await store.seal_by_id(tx, seal.seal_id), before)
        await admin.execute("UPDATE audit_seal SET hash = $2 WHERE seal_id = $1", seal.seal_id, changed.hash)
        before = changed
    return "seal", before.seal_id


TAMPERS: list[Tamper] = [
    a_text_is_edited, a_json_is_edited, an_instant_is_moved, another_is_blamed, an_entry_is_removed,
    two_entries_change_places, an_entry_is_put_there_afterwards, an_entry_is_taken_out_of_its_seal, a_seal_is_edited,
    a_seal_is_removed, two_seals_change_places, the_end_is_cut_off, everything_is_written_anew,
]  # fmt: skip
