-- The four roles (docs/decisions/0007-two-walls.md). They belong to the cluster, so they stand apart from the
-- migrations of one database. Run by `equityaccess migrate` before the first of them; does nothing the second time.
--   owner       owns the tables; migrations and reference data only
--   app         serves requests: sees the rows of the caller's LEAs
--   aggregator  reads every LEA's rows; writes coverage and nothing else
--   public      reads what has been published
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['equityaccess_owner', 'equityaccess_app', 'equityaccess_aggregator', 'equityaccess_public'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
    END IF;
    IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    END IF;
  END LOOP;
END $$;
GRANT CREATE, USAGE ON SCHEMA public TO equityaccess_owner;
GRANT USAGE ON SCHEMA public TO equityaccess_app, equityaccess_aggregator, equityaccess_public;
-- Needed to say "no two periods of one LEA overlap"; trusted, so the owner of a database may create it.
CREATE EXTENSION IF NOT EXISTS btree_gist;
