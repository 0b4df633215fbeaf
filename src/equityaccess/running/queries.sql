-- name: schema_revision
SELECT version_num FROM alembic_version;

-- name: oldest_code
SELECT oldest_code();
