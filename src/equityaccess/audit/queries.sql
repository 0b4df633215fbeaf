-- fragment: write
-- A transaction has its number before its entries have theirs: sealing relies on it. Who is named narrows whom it concerns.
INSERT INTO audit_entry (actor, key_id, lea_ids, action, object, parameters, before, after, status, address, request_id)
SELECT e.actor, e.key_id, coalesce(n.lea_ids, e.lea_ids), e.action, e.object, e.parameters, e.before, e.after, e.status, e.address, e.request_id
  FROM begun
 CROSS JOIN json_to_recordset(CAST(:entries AS json))
         AS e (actor text, key_id uuid, lea_ids integer[], codes text[], action text, object text, parameters json, before json, after json,
               status smallint, address text, request_id text)
  LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT i.lea_id) AS lea_ids FROM identifier i
     WHERE i.scheme = 'cds' AND i.code = ANY (e.codes) AND (e.lea_ids = '{}' OR i.lea_id = ANY (e.lea_ids))) n ON true

-- name: write
WITH begun AS MATERIALIZED (SELECT pg_current_xact_id())
{{write}}

-- name: write_quickly
-- Without waiting for the disk: a crash of PostgreSQL itself may lose the last half second of what was only read.
WITH begun AS MATERIALIZED (SELECT pg_current_xact_id(), set_config('synchronous_commit', 'off', true))
{{write}}

-- fragment: kept
e.entry_id, e.recorded_at, e.actor, e.key_id, e.lea_ids, e.action, e.object, e.parameters, e.before, e.after, e.status, e.address, e.request_id

-- fragment: seal
seal_id, sealed_at, entry_ids, digests, high_id, floor_id, settled_by, hash

-- name: last_seal
SELECT {{seal}} FROM audit_seal ORDER BY seal_id DESC LIMIT 1

-- name: settled
-- How far everything is in that ever will be: no transaction runs that drew a number up to there.
SELECT max(high_id) FROM audit_seal
 WHERE high_id > CAST(:floor_id AS bigint) AND settled_by <= CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)

-- name: unsealed
SELECT {{kept}}
  FROM audit_entry e
 WHERE e.entry_id > CAST(:floor_id AS bigint)
   AND e.entry_id NOT IN (SELECT unnest(s.entry_ids) FROM audit_seal s WHERE s.high_id > CAST(:floor_id AS bigint))
 ORDER BY e.entry_id
 LIMIT CAST(:most AS integer)

-- name: now_running
-- A transaction that has its number by now has a lower one.
SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)

-- name: put_seal
INSERT INTO audit_seal (seal_id, sealed_at, entry_ids, digests, high_id, floor_id, settled_by, hash)
VALUES (CAST(:seal_id AS bigint), CAST(:sealed_at AS timestamptz), CAST(:entry_ids AS bigint[]), CAST(:digests AS bytea),
        CAST(:high_id AS bigint), CAST(:floor_id AS bigint), CAST(:settled_by AS bigint), CAST(:hash AS bytea))

-- name: seals_after
SELECT {{seal}} FROM audit_seal WHERE seal_id > CAST(:seal_id AS bigint) ORDER BY seal_id LIMIT CAST(:most AS integer)

-- name: seal_by_id
SELECT {{seal}} FROM audit_seal WHERE seal_id = CAST(:seal_id AS bigint)

-- name: entries_by_id
SELECT {{kept}} FROM audit_entry e WHERE e.entry_id = ANY (CAST(:entry_ids AS bigint[]))

-- name: in_no_seal
SELECT e.entry_id FROM audit_entry e
 WHERE e.entry_id NOT IN (SELECT unnest(s.entry_ids) FROM audit_seal s)
 ORDER BY e.entry_id

-- name: entries
-- Newest first. A former code is shown for an LEA that has no other any more.
SELECT {{kept}},
       ARRAY(SELECT (SELECT CASE i.scheme WHEN 'cds' THEN i.code ELSE i.scheme || ':' || i.code END FROM identifier i
                      WHERE i.lea_id = l.lea_id AND i.scheme IN ('cds', 'best') ORDER BY i.scheme DESC, i.valid_to DESC LIMIT 1)
               FROM unnest(e.lea_ids) AS l (lea_id) WHERE l.lea_id = ANY (CAST(:shown_leas AS integer[])) OR CAST(:sees_every_lea AS boolean) ORDER BY 1) AS leas
  FROM audit_entry e
 WHERE (CAST(:action AS text) IS NULL OR e.action = CAST(:action AS text))
   AND (CAST(:key_id AS uuid) IS NULL OR e.key_id = CAST(:key_id AS uuid))
   AND (CAST(:from_at AS timestamptz) IS NULL OR e.recorded_at >= CAST(:from_at AS timestamptz))
   AND (CAST(:to_at AS timestamptz) IS NULL OR e.recorded_at < CAST(:to_at AS timestamptz))
   AND (CAST(:before AS bigint) IS NULL OR e.entry_id < CAST(:before AS bigint))
 ORDER BY e.entry_id DESC
 LIMIT CAST(:limit AS integer)
