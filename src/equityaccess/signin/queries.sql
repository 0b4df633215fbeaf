-- name: authenticate_session
SELECT key_id, label, scopes, expires_at, revoked_at, lea_ids, role, subject
  FROM authenticate_session(CAST(:fingerprint AS bytea), CAST(:now AS timestamptz), CAST(:idle AS interval))

-- name: put_session
INSERT INTO session (key_id, role, subject)
VALUES (CAST(:key_id AS uuid), CAST(:role AS text), CAST(:subject AS text))

-- name: put_link
INSERT INTO sign_in_link (link_sha256, role, lea_ids, created_at, created_by, expires_at)
VALUES (CAST(:fingerprint AS bytea), CAST(:role AS text), CAST(:lea_ids AS integer[]), CAST(:now AS timestamptz),
        CAST(:created_by AS text), CAST(:expires_at AS timestamptz))

-- name: use_link
-- Of two who open it at the same time, one finds it used.
UPDATE sign_in_link SET used_at = CAST(:now AS timestamptz)
 WHERE link_sha256 = CAST(:fingerprint AS bytea) AND used_at IS NULL AND expires_at > CAST(:now AS timestamptz)
RETURNING role, lea_ids, 'a link of ' || created_by AS subject

-- name: forget_links
DELETE FROM sign_in_link WHERE expires_at < CAST(:before AS timestamptz)

-- name: sessions
-- Who is signed in.
SELECT s.key_id, s.role, s.subject, k.created_at, k.last_used_at, k.expires_at
  FROM session s JOIN api_key k USING (key_id)
 WHERE k.revoked_at IS NULL AND k.expires_at > CAST(:now AS timestamptz)
 ORDER BY k.created_at DESC, s.key_id
 LIMIT CAST(:limit AS integer)
