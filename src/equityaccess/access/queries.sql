-- name: authenticate
SELECT key_id, label, scopes, expires_at, revoked_at, lea_ids
  FROM authenticate(CAST(:fingerprint AS bytea), CAST(:now AS timestamptz))

-- name: authenticate_token
SELECT key_id, label, scopes, expires_at, revoked_at, lea_ids, token_expires_at
  FROM authenticate_token(CAST(:fingerprint AS bytea), CAST(:now AS timestamptz))

-- name: exchange_key
SELECT exchange_key(CAST(:key AS bytea), CAST(:token AS bytea), CAST(:scopes AS text[]), CAST(:expires_at AS timestamptz))

-- name: forget_tokens
DELETE FROM access_token WHERE expires_at < CAST(:before AS timestamptz)

-- fragment: code
CASE i.scheme WHEN 'cds' THEN i.code ELSE i.scheme || ':' || i.code END

-- name: lea_codes
-- Former codes name their LEA too. Should a code have passed from one LEA to another, the latest holder has it.
SELECT DISTINCT ON (i.scheme, i.code)
       {{code}} AS code,
       i.lea_id,
       (SELECT p.name FROM lea_period p WHERE p.lea_id = i.lea_id ORDER BY p.valid_from DESC LIMIT 1) AS name
  FROM identifier i
 WHERE i.scheme IN ('cds', 'best')
   AND (CAST(:code AS text) IS NULL OR {{code}} = CAST(:code AS text))
   AND EXISTS (SELECT FROM lea_period p WHERE p.lea_id = i.lea_id)
 ORDER BY i.scheme, i.code, i.valid_to DESC

-- name: lock_leas
-- The app may not lock rows of the directory, so two new keys for one LEA queue on a number. The array is sorted,
-- so two consortia that share LEAs cannot wait for each other.
SELECT count(pg_advisory_xact_lock(CAST(:space AS integer), lea_id)) FROM unnest(CAST(:lea_ids AS integer[])) AS lea_id

-- name: live_keys
SELECT k.key_id, l.lea_id, k.label, k.last_four, k.expires_at
  FROM api_key_lea l
  JOIN api_key k USING (key_id)
 WHERE l.lea_id = ANY (CAST(:lea_ids AS integer[]))
   AND NOT EXISTS (SELECT FROM session s WHERE s.key_id = k.key_id)
   AND k.revoked_at IS NULL
   AND k.expires_at > CAST(:now AS timestamptz)
 ORDER BY k.created_at, k.key_id

-- name: put_key
INSERT INTO api_key (secret_sha256, last_four, label, scopes, created_at, created_by, expires_at)
VALUES (CAST(:fingerprint AS bytea), CAST(:last_four AS text), CAST(:label AS text), CAST(:scopes AS text[]),
        CAST(:now AS timestamptz), CAST(:created_by AS text), CAST(:expires_at AS timestamptz))
RETURNING key_id

-- name: put_key_leas
INSERT INTO api_key_lea (key_id, lea_id)
SELECT CAST(:key_id AS uuid), lea_id FROM unnest(CAST(:lea_ids AS integer[])) AS lea_id

-- fragment: key_columns
k.key_id, k.last_four, k.label, k.scopes,
       ARRAY(SELECT (SELECT {{code}} FROM identifier i
                      WHERE i.lea_id = l.lea_id AND i.scheme IN ('cds', 'best')
                      ORDER BY i.scheme DESC, i.valid_to DESC LIMIT 1)
               FROM api_key_lea l WHERE l.key_id = k.key_id ORDER BY 1) AS leas,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.expires_at <= CAST(:now AS timestamptz) THEN 'expired'
            ELSE 'live' END AS state,
       k.created_at, k.created_by, k.expires_at, k.revoked_at, k.last_used_at

-- name: key
SELECT {{key_columns}}
  FROM api_key k
 WHERE k.key_id = CAST(:key_id AS uuid)

-- name: keys
-- Newest first; the page starts after the key :after, when it is given. Keys are never deleted, so it is still there.
SELECT {{key_columns}}
  FROM api_key k
 WHERE NOT EXISTS (SELECT FROM session s WHERE s.key_id = k.key_id)
   AND (CAST(:lea_id AS integer) IS NULL
        OR EXISTS (SELECT FROM api_key_lea l WHERE l.key_id = k.key_id AND l.lea_id = CAST(:lea_id AS integer)))
   AND (CAST(:after AS uuid) IS NULL
        OR (k.created_at, k.key_id) < (SELECT a.created_at, a.key_id FROM api_key a WHERE a.key_id = CAST(:after AS uuid)))
 ORDER BY k.created_at DESC, k.key_id DESC
 LIMIT CAST(:limit AS integer)

-- name: keys_within
-- The keys that speak for these LEAs and for no other, newest first.
SELECT {{key_columns}}
  FROM api_key k
 WHERE NOT EXISTS (SELECT FROM session s WHERE s.key_id = k.key_id)
   AND EXISTS (SELECT FROM api_key_lea l WHERE l.key_id = k.key_id)
   AND NOT EXISTS (SELECT FROM api_key_lea l WHERE l.key_id = k.key_id AND l.lea_id <> ALL (CAST(:lea_ids AS integer[])))
 ORDER BY k.created_at DESC, k.key_id DESC
 LIMIT CAST(:limit AS integer)

-- name: keys_ending_in
SELECT {{key_columns}}
  FROM api_key k
 WHERE k.last_four = CAST(:last_four AS text)
   AND NOT EXISTS (SELECT FROM session s WHERE s.key_id = k.key_id)
 ORDER BY k.created_at DESC, k.key_id DESC

-- name: revoke_key
UPDATE api_key SET revoked_at = CAST(:now AS timestamptz)
 WHERE key_id = CAST(:key_id AS uuid) AND revoked_at IS NULL

-- fragment: available
least(CAST(:most AS double precision),
             q.tokens + CAST(:returned AS integer)
             + greatest(0, extract(epoch FROM excluded.at - q.at)) * CAST(:most AS double precision) / 60)

-- name: lease_quota
-- Up to :wanted of a bucket that fills with :most a minute. The clock is the database's, which all processes share.
-- Who waited for the row has an older instant, which must not set the bucket back; a clock that was set back must.
INSERT INTO quota AS q (bucket, granted, tokens, at)
VALUES (CAST(:bucket AS text), CAST(:wanted AS integer), CAST(:most AS double precision) - CAST(:wanted AS integer), clock_timestamp())
    ON CONFLICT (bucket) DO UPDATE
   SET granted = least(CAST(:wanted AS integer), floor({{available}})),
       tokens = {{available}} - least(CAST(:wanted AS integer), floor({{available}})),
       at = CASE WHEN excluded.at < q.at - interval '10 seconds' THEN excluded.at ELSE greatest(excluded.at, q.at) END
RETURNING granted, tokens

-- name: forget_quotas
DELETE FROM quota WHERE at < CAST(:before AS timestamptz)
