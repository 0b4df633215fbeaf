"""Eighty LEAs, each with a key, a push in the journal and figures that are nobody else's."""

import secrets
import zlib
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec

from equityaccess import clock
from equityaccess.access import rules
from equityaccess.access.structs import Caller

COUNT: Final = 80
_FIRST_POPULATION: Final = 5_000_001  # larger than any enrollment, so that a figure says whose it is


class District(msgspec.Struct, frozen=True, kw_only=True):
    """A district and what is its own."""

    lea_id: int
    code: str
    population: int
    secret: str
    key_id: UUID
    submission_id: UUID

    @property
    def caller(self) -> Caller:
        """Who sends with its key."""
        expires_at = clock.now() + timedelta(days=1)
        return Caller(
            key_id=self.key_id,
            label="",
            scopes=["push"],
            expires_at=expires_at,
            revoked_at=None,
            lea_ids=[self.lea_id],
        )


async def settle(url: str, count: int = COUNT) -> list[District]:
    """Give *count* districts of the directory at *url* a key and figures, past every wall."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(_DISTRICTS, count)
        districts = [
            District(
                lea_id=row["lea_id"],
                code=row["code"],
                population=_FIRST_POPULATION + place,
                secret=rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES)),
                key_id=uuid4(),
                submission_id=uuid4(),
            )
            for place, row in enumerate(found)
        ]
        async with connection.transaction():
            for statement in _STATEMENTS:
                await connection.executemany(statement, [_arguments(statement, district) for district in districts])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return districts


_DISTRICTS: Final = """
SELECT i.lea_id, i.code FROM identifier i JOIN lea_period p ON p.lea_id = i.lea_id AND p.valid_to = 'infinity'
 WHERE i.scheme = 'cds' AND i.valid_to = 'infinity'
   AND (p.kind LIKE '%district' OR p.kind = 'county_office') AND p.county_code = '19'
 ORDER BY i.code LIMIT $1"""
_OF_ALL: Final = """(SELECT indicator_id FROM indicator WHERE code = 'home_internet'),
                    (SELECT student_group_id FROM student_group WHERE code = 'ALL')"""
# Of each, $1 and on are what _arguments says.
_STATEMENTS: Final = (
    """INSERT INTO api_key (key_id, secret_sha256, last_four, label, scopes, created_at, created_by, expires_at)
       VALUES ($1::uuid, $2::bytea, 'last', 'a harness', '{push}', now(), 'a harness', now() + interval '30 days')""",
    "INSERT INTO api_key_lea (key_id, lea_id) VALUES ($1::uuid, $2::int)",
    """INSERT INTO submission (submission_id, key_id, lea_ids, received_at, content_type, parameters, byte_count,
                               sha256, outcome, status, answer, decided_at)
       VALUES ($1::uuid, $2::uuid, ARRAY[$3::int], now(), 'application/json', '', 2,
               '', 'applied', 201, '{}', now())""",
    "INSERT INTO submission_body (submission_id, part, deflated) VALUES ($1::uuid, 0, $2::bytea)",
    """INSERT INTO idempotency (key_id, idempotency_key, fingerprint, submission_id, created_at)
       VALUES ($1::uuid, $2::text, '', $3::uuid, now())""",
    f"""INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met, not_met,
                                 not_applicable, evidence, submission_id, recorded_at)
        SELECT $1::int, {_OF_ALL}, current_date - 3, 1, $2::int, 0, $2::int, 0, 'C', $3::uuid,
               now() - interval '1 hour'""",
    f"""INSERT INTO coverage_cell (lea_id, indicator_id, student_group_id, as_of, revision, counts_until, population,
                                   met, not_met, not_applicable, evidence)
        SELECT $1::int, {_OF_ALL}, current_date - 3, 1, current_date + 30, $2::int, 0, $2::int, 0, 'C'""",
    """INSERT INTO audit_entry (actor, key_id, lea_ids, action, object)
       VALUES ('a harness', $1::uuid, ARRAY[$2::int], 'push', '')""",
    f"""INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on)
        SELECT $1::int, {_OF_ALL}, current_date - 3""",
)


def _arguments(statement: str, its: District) -> tuple[object, ...]:
    table = statement.split()[2]
    return {
        "api_key": (its.key_id, rules.fingerprint(its.secret)),
        "api_key_lea": (its.key_id, its.lea_id),
        "submission": (its.submission_id, its.key_id, its.lea_id),
        "submission_body": (its.submission_id, zlib.compress(b"{}")),
        "idempotency": (its.key_id, its.code, its.submission_id),
        "observation": (its.lea_id, its.population, its.submission_id),
        "coverage_cell": (its.lea_id, its.population),
        "audit_entry": (its.key_id, its.lea_id),
        "coverage_mark": (its.lea_id,),
    }[table]
