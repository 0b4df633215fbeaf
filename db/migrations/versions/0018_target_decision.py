"""What administrators decide about targets, beside those of the reference files, which stay as they are."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE target_decision (
          indicator_id smallint NOT NULL REFERENCES indicator,
          student_group_id smallint NOT NULL REFERENCES student_group,
          target_on date NOT NULL,
          revision integer NOT NULL CHECK (revision > 0),
          percent numeric(5,2) CHECK (percent BETWEEN 0 AND 100),
          source text NOT NULL,
          told_at timestamptz NOT NULL,
          key_id uuid NOT NULL,
          PRIMARY KEY (indicator_id, student_group_id, target_on, revision)
        )""")
    op.execute(
        "COMMENT ON TABLE target_decision IS"
        " 'Append-only: the newest revision holds, also over the reference files; no percent withdraws the target'"
    )
    op.execute("ALTER TABLE target_decision ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE target_decision FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY owner_maintains ON target_decision TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute(
        "CREATE POLICY all_read ON target_decision FOR SELECT TO equityaccess_app, equityaccess_aggregator USING (true)"
    )
    op.execute(
        "CREATE POLICY county_decides ON target_decision FOR INSERT TO equityaccess_app"
        " WITH CHECK ((SELECT sees_every_lea()))"
    )
    op.execute("GRANT SELECT, INSERT ON target_decision TO equityaccess_app")
    op.execute("GRANT SELECT ON target_decision TO equityaccess_aggregator")
    op.execute("""
        CREATE VIEW target_in_force WITH (security_invoker = true) AS
        SELECT indicator_id, student_group_id, target_on, coalesce(d.percent, t.percent) AS percent,
               t.baseline_percent, t.baseline_on, coalesce(d.source, t.source) AS source,
               coalesce(d.revision, 0) AS revision
          FROM target t
          FULL JOIN (SELECT DISTINCT ON (indicator_id, student_group_id, target_on) *
                       FROM target_decision
                      ORDER BY indicator_id, student_group_id, target_on, revision DESC) d
         USING (indicator_id, student_group_id, target_on)
         WHERE d.revision IS NULL OR d.percent IS NOT NULL""")
    op.execute("COMMENT ON VIEW target_in_force IS 'Targets as they hold now: what was decided last, or the reference'")
    op.execute("GRANT SELECT ON target_in_force TO equityaccess_app, equityaccess_aggregator")
