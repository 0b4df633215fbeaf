"""The tables on one page, as SQLAlchemy Core: for statements whose shape depends on the caller, and to find drift.

The migrations in ``db/migrations`` make the tables; this page knows their columns, keys and indexes, and a test
compares the two. CHECKs, exclusions, partitions, comments, policies and grants stand in the migrations only, and as
PostgreSQL sees them in ``db/schema.sql``.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
_INSTANT = DateTime(timezone=True)
_FOREVER = text("'infinity'::date")


def _table(name: str, *items: Column[Any] | Index) -> Table:
    return Table(name, metadata, *items)


def _key(name: str, *more: Any, **options: Any) -> Column[Any]:
    return Column(name, *more, primary_key=True, **options)


def _required(name: str, *more: Any, **options: Any) -> Column[Any]:
    return Column(name, *more, nullable=False, **options)


# What is asked, of whom and about whom

indicator = _table(
    "indicator",
    _key("indicator_id", SmallInteger, Identity(always=True)),
    _required("code", Text, unique=True),
    _required("name", Text),
    _required("definition", Text),
    _required("caveat", Text, server_default=text("''::text")),
    _required("source", Text),
    _required("unit", Text),
    _required("asked_from", Date, server_default=text("'2022-07-01'::date")),
    _required("cadence", Text),
    _required("counts_for_days", Integer),
    _required("polarity", Text),
    _required("asked_of", ARRAY(Text)),
    _required("is_in_plan", Boolean),
)

student_group = _table(
    "student_group",
    _key("student_group_id", SmallInteger, Identity(always=True)),
    _required("code", Text, unique=True),
    _required("name", Text),
    _required("kind", Text),
    Column("dashboard_code", Text),
    Column("dataquest_code", Text),
    _required("definition", Text),
    _required("source", Text),
)

target = _table(
    "target",
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("student_group_id", ForeignKey("student_group.student_group_id")),
    _key("target_on", Date),
    _required("percent", Numeric(5, 2)),
    Column("baseline_percent", Numeric(5, 2)),
    Column("baseline_on", Date),
    _required("source", Text),
)

target_decision = _table(
    "target_decision",
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("student_group_id", ForeignKey("student_group.student_group_id")),
    _key("target_on", Date),
    _key("revision", Integer, autoincrement=False),
    Column("percent", Numeric(5, 2)),
    _required("source", Text),
    _required("told_at", _INSTANT),
    _required("key_id", Uuid),
)

# The directory

lea = Table("lea", metadata, _key("lea_id", Integer, Identity(always=True)))

lea_period = _table(
    "lea_period",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("valid_from", Date),
    _required("valid_to", Date, server_default=_FOREVER),
    _required("name", Text),
    _required("kind", Text),
    _required("county_code", Text),
    Column("authorizer_id", ForeignKey("lea.lea_id")),
    Column("funding", Text),
    Column("city", Text),
    Column("zip", Text),
    Column("grades", Text),
)

identifier = _table(
    "identifier",
    _key("scheme", Text),
    _key("code", Text),
    _required("lea_id", ForeignKey("lea.lea_id")),
    _key("valid_from", Date),
    _required("valid_to", Date, server_default=_FOREVER),
    Index("identifier_of_lea", "lea_id", "scheme"),
)

enrollment = _table(
    "enrollment",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("school_year", Text),
    _key("student_group_id", ForeignKey("student_group.student_group_id")),
    _required("census_on", Date),
    _required("students", Integer),
    _required("includes_charters", Boolean),
    _required("source", Text),
)

expectation = _table(
    "expectation",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("period_from", Date),
    _required("period_to", Date),
    _required("due_on", Date),
)

# Keys

api_key = _table(
    "api_key",
    _key("key_id", Uuid, server_default=text("gen_random_uuid()")),
    _required("secret_sha256", LargeBinary, unique=True),
    _required("last_four", Text),
    _required("label", Text),
    _required("scopes", ARRAY(Text)),
    _required("created_at", _INSTANT),
    _required("created_by", Text),
    _required("expires_at", _INSTANT),
    Column("revoked_at", _INSTANT),
    Column("last_used_at", _INSTANT),
)

api_key_lea = _table(
    "api_key_lea",
    _key("key_id", ForeignKey("api_key.key_id")),
    _key("lea_id", ForeignKey("lea.lea_id")),
)

access_token = _table(
    "access_token",
    _key("token_sha256", LargeBinary),
    _required("key_id", ForeignKey("api_key.key_id")),
    _required("scopes", ARRAY(Text)),
    _required("expires_at", _INSTANT),
)
Index("access_token_expires", access_token.c.expires_at)

# A session is a key of a browser.
session = _table(
    "session",
    _key("key_id", ForeignKey("api_key.key_id")),
    _required("role", Text),
    _required("subject", Text),
)

sign_in_link = _table(
    "sign_in_link",
    _key("link_sha256", LargeBinary),
    _required("role", Text),
    _required("lea_ids", ARRAY(Integer)),
    _required("created_at", _INSTANT),
    _required("created_by", Text),
    _required("expires_at", _INSTANT),
    Column("used_at", _INSTANT),
)
Index("sign_in_link_expires", sign_in_link.c.expires_at)

quota = _table(
    "quota",
    _key("bucket", Text),
    _required("granted", Integer),
    _required("tokens", Double),
    _required("at", _INSTANT),
)

# Submissions and observations

submission = _table(
    "submission",
    _key("submission_id", Uuid, server_default=text("gen_random_uuid()")),
    _required("key_id", ForeignKey("api_key.key_id")),
    _required("lea_ids", ARRAY(Integer)),
    _required("received_at", _INSTANT),
    _required("content_type", Text),
    _required("parameters", Text),
    Column("byte_count", BigInteger),
    Column("sha256", LargeBinary),
    Column("outcome", Text),
    Column("status", SmallInteger),
    Column("answer", LargeBinary),
    Column("decided_at", _INSTANT),
    _required("is_quarantined", Boolean, server_default=text("false")),
    Column("concerned", ARRAY(Integer)),
)
Index("submission_newest", submission.c.received_at.desc(), submission.c.submission_id.desc())

feed = _table(
    "feed",
    _key("lea_id", ForeignKey("lea.lea_id"), autoincrement=False),
    Column("habit", Text),
    _required("learned_from", Integer),
    _required("last_received_at", _INSTANT),
    Column("expected_at", _INSTANT),
    _required("computed_at", _INSTANT),
)

submission_body = _table(
    "submission_body",
    _key("submission_id", ForeignKey("submission.submission_id")),
    _key("part", Integer),
    _required("deflated", LargeBinary),
)

idempotency = _table(
    "idempotency",
    _key("key_id", ForeignKey("api_key.key_id")),
    _key("idempotency_key", Text),
    _required("fingerprint", LargeBinary),
    _required("submission_id", ForeignKey("submission.submission_id")),
    _required("created_at", _INSTANT),
)

observation = _table(
    "observation",
    _key("lea_id", Integer),
    _key("indicator_id", SmallInteger),
    _key("student_group_id", SmallInteger),
    _key("as_of", Date),
    _key("revision", Integer),
    _required("population", Integer),
    _required("met", Integer),
    _required("not_met", Integer),
    _required("not_applicable", Integer),
    _required("evidence", Text),
    Column("valid_until", Date),
    Column("met_by_family", Integer),
    Column("met_by_lea", Integer),
    Column("barrier_not_available", Integer),
    Column("barrier_not_affordable", Integer),
    Column("barrier_not_desired", Integer),
    Column("barrier_other", Integer),
    _required("submission_id", Uuid),
    _required("recorded_at", _INSTANT),
)

# Coverage

coverage_mark = _table(
    "coverage_mark",
    _key("mark_id", BigInteger, Identity(always=True)),
    Column("lea_id", Integer),
    _required("indicator_id", SmallInteger),
    _required("student_group_id", SmallInteger),
    _required("from_on", Date),
)

coverage_cell = _table(
    "coverage_cell",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("student_group_id", ForeignKey("student_group.student_group_id")),
    _required("as_of", Date),
    _required("revision", Integer),
    _required("counts_until", Date),
    _required("population", Integer),
    _required("met", Integer),
    _required("not_met", Integer),
    _required("not_applicable", Integer),
    _required("evidence", Text),
    Index("coverage_cell_of_pair", "indicator_id", "student_group_id"),
)

coverage_point = _table(
    "coverage_point",
    _key("scope", Text),
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("student_group_id", ForeignKey("student_group.student_group_id")),
    _key("week_ending", Date),
    _required("as_of", Date),
    _required("population", BigInteger),
    _required("met", BigInteger),
    _required("not_met", BigInteger),
    _required("not_applicable", BigInteger),
    _required("unknown", BigInteger),
    _required("unheard", BigInteger),
    _required("leas_asked", Integer),
    _required("leas_heard", Integer),
    Column("evidence", Text),
    _required("computed_at", _INSTANT),
)

# The log of what was done

audit_entry = _table(
    "audit_entry",
    _key("entry_id", BigInteger, Identity(always=True)),
    _required("recorded_at", _INSTANT, server_default=text("clock_timestamp()")),
    _required("actor", Text),
    Column("key_id", Uuid),
    _required("lea_ids", ARRAY(Integer)),
    _required("action", Text),
    _required("object", Text),
    Column("parameters", JSON),
    Column("before", JSON),
    Column("after", JSON),
    Column("status", SmallInteger),
    Column("address", Text),
    Column("request_id", Text),
    Index("audit_entry_of_lea", "lea_ids", postgresql_using="gin"),
)

audit_seal = _table(
    "audit_seal",
    _key("seal_id", BigInteger, autoincrement=False),
    _required("sealed_at", _INSTANT),
    _required("entry_ids", ARRAY(BigInteger)),
    _required("digests", LargeBinary),
    _required("high_id", BigInteger),
    _required("floor_id", BigInteger),
    _required("settled_by", BigInteger),
    _required("hash", LargeBinary),
    Index("audit_seal_high", "high_id"),
)

job_run = _table(
    "job_run",
    _key("job", Text),
    _key("slot", _INSTANT),
    _required("started_at", _INSTANT),
    Column("finished_at", _INSTANT),
    _required("state", Text),
    Column("touched", BigInteger),
    Column("said", Text),
)

job_lease = _table(
    "job_lease",
    _key("lease", Text),
    _required("token", BigInteger),
    _required("holder", Text),
    _required("expires_at", _INSTANT),
)

holiday = Table(
    "holiday",
    metadata,
    _key("day", Date),
    _required("name", Text),
)

lea_holiday = Table(
    "lea_holiday",
    metadata,
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("day", Date),
    _required("name", Text),
)

contact_point = _table(
    "contact_point",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("role", Text),
    _required("email", Text),
    _required("told_at", _INSTANT),
)

blackout = Table(
    "blackout",
    metadata,
    _key("code", Text),
    _required("name", Text),
    _required("from_month", SmallInteger),
    _required("from_day", SmallInteger),
    _required("to_month", SmallInteger),
    _required("to_day", SmallInteger),
    _required("tracks", Text),
)

playbook_milestone = Table(
    "playbook_milestone",
    metadata,
    _key("version", Integer, autoincrement=False),
    _key("key", Text),
    _required("place", SmallInteger),
    _required("phase", Text),
    _required("tracks", Text),
    _required("gate_on", Text),
    _required("offset_days", Integer),
    _required("duration_days", Integer),
    _required("weight", Integer),
    _required("needs", Text),
    _required("evidence", Text),
    _required("next_action", Text),
)

wave = Table(
    "wave",
    metadata,
    _key("wave_id", Integer, Identity(always=True)),
    _required("code", Text, unique=True),
    _required("track", Text),
    _required("name", Text),
    _required("go_live_on", Date),
    _required("is_sample", Boolean),
)

participation = Table(
    "participation",
    metadata,
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("track", Text),
    _required("wave_id", ForeignKey("wave.wave_id")),
    _required("playbook_version", Integer),
    _required("joined_on", Date),
    Column("left_on", Date),
    Index("participation_of_wave", "wave_id"),
)

milestone_event = Table(
    "milestone_event",
    metadata,
    _key("event_id", Uuid),
    _required("lea_id", Integer),
    _required("track", Text),
    _required("key", Text),
    _required("kind", Text),
    _required("happened_at", _INSTANT),
    _required("told_at", _INSTANT),
    _required("told_by", Text),
    _required("key_id", Uuid),
    _required("external_id", Text),
    Column("evidence", Text),
    Column("waiting_on", Text),
    Column("reason", Text),
    Column("planned_on", Date),
    Column("waiver_granted_by", Text),
    Column("waiver_reason", Text),
    ForeignKeyConstraint(["lea_id", "track"], ["participation.lea_id", "participation.track"]),
    UniqueConstraint("key_id", "external_id"),
    Index("milestone_event_of_lea", "lea_id", "track", "happened_at"),
)

milestone_status = Table(
    "milestone_status",
    metadata,
    _key("lea_id", Integer, autoincrement=False),
    _key("track", Text),
    _key("key", Text),
    _required("version", Integer),
    _required("state", Text),
    Column("since", _INSTANT),
    Column("started_at", _INSTANT),
    Column("done_at", _INSTANT),
    Column("waiting_on", Text),
    Column("reason", Text),
    Column("evidence", Text),
    Column("waiver_granted_by", Text),
    Column("waiver_reason", Text),
    _required("planned_on", Date),
    _required("forecast_on", Date),
    _required("earliest_on", Date),
    _required("latest_on", Date),
    Column("actual_on", Date),
    _required("slip_days", Integer),
    _required("blackouts", ARRAY(Text)),
    _required("blocked_times", Integer),
    _required("reopened_times", Integer),
    ForeignKeyConstraint(["lea_id", "track"], ["participation.lea_id", "participation.track"]),
)

onboarding_progress = Table(
    "onboarding_progress",
    metadata,
    _key("lea_id", Integer, autoincrement=False),
    _key("track", Text),
    _key("week_ending", Date),
    _required("gates_passed", Integer),
    _required("gates", Integer),
    _required("waived", Integer),
    _required("weight_done", Integer),
    _required("weight", Integer),
    _required("days_behind", Integer),
    _required("is_live", Boolean),
    _required("is_onboarded", Boolean),
    Column("next_gate", Text),
    Column("next_gate_on", Date),
    _required("go_live_on", Date),
    _required("computed_at", _INSTANT),
    ForeignKeyConstraint(["lea_id", "track"], ["participation.lea_id", "participation.track"]),
)

milestone_took = Table(
    "milestone_took",
    metadata,
    _key("playbook_version", Integer, autoincrement=False),
    _key("track", Text),
    _key("key", Text),
    _key("kind", Text),
    _required("days", Integer),
    _required("least", Integer),
    _required("most", Integer),
    _required("leas", Integer),
)

# Triage

triage_weights = _table(
    "triage_weights",
    _key("version", Integer, autoincrement=False),
    _required("valid_from", _INSTANT),
    _required("document", Text),
)

triage_item = Table(
    "triage_item",
    metadata,
    _key("item_id", Uuid),
    _required("lea_id", ForeignKey("lea.lea_id")),
    _required("score", Integer),
    _required("reasons", JSONB),
    _required("quiet_runs", Integer),
    Column("assignee", Text),
    Column("snoozed_until", Date),
    _required("opened_at", _INSTANT),
    _required("scored_at", _INSTANT),
    Column("closed_at", _INSTANT),
    Column("resolved_with", Text),
    _required("weights_version", ForeignKey("triage_weights.version")),
    _required("version", Integer),
    Index("triage_item_open_once", "lea_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    Index("triage_item_ranked", text("score DESC"), "item_id"),
    Index("triage_item_of_lea", "lea_id", "opened_at"),
)

triage_event = Table(
    "triage_event",
    metadata,
    _key("event_id", Uuid),
    _required("item_id", ForeignKey("triage_item.item_id")),
    _required("lea_id", ForeignKey("lea.lea_id")),
    _required("kind", Text),
    _required("at", _INSTANT),
    _required("told_by", Text),
    Column("key_id", Uuid),
    Column("text", Text),
    _required("score", Integer),
    Index("triage_event_of_item", "item_id", "at"),
)

# What was published

release = _table(
    "release",
    _key("number", Integer, autoincrement=False),
    _required("as_of", Date),
    _required("published_at", _INSTANT),
    _required("rules", Text),
    _required("is_sample", Boolean),
    _required("rows", Integer),
    _required("suppressed", Integer),
    _required("sha256", Text),
    _required("csv", LargeBinary),
)

release_cell = Table(
    "release_cell",
    metadata,
    _key("number", ForeignKey("release.number")),
    _key("indicator", Text),
    _key("student_group", Text),
    _key("scope", Text),
    _required("scope_name", Text),
    _required("level", Text),
    _required("state", Text),
    Column("base", Integer),
    Column("confirmed_percent", Double),
    Column("confirmed_bound", Text),
    Column("at_most_percent", Double),
    Column("at_most_bound", Text),
    Column("target_percent", Double),
    Column("target_on", Date),
    Index("release_cell_of_scope", "scope", "number"),
)

doubt_work = _table(
    "doubt_work",
    _key("lea_ids", ARRAY(Integer)),
    _key("code", Text),
    _key("revision", Integer, autoincrement=False),
    Column("desk", Text),
    Column("settled_rows", Integer),
    Column("said", Text),
    _required("told_at", _INSTANT),
    _required("key_id", Uuid),
)

# The last mile

unit_cost = _table(
    "unit_cost",
    _key("indicator_id", ForeignKey("indicator.indicator_id")),
    _key("barrier", Text),
    _key("revision", Integer, autoincrement=False),
    _required("cents", Integer),
    _required("source", Text),
    _required("told_at", _INSTANT),
    _required("told_by", Text),
    Column("key_id", Uuid),
)

# Support, and signing in

support_topic = _table(
    "support_topic",
    _key("code", Text),
    _required("name", Text),
    _required("milestones", Text),
)

support_target = _table(
    "support_target",
    _key("measure", Text),
    _key("valid_from", Date),
    _required("minutes", Integer),
    _required("source", Text),
)

support_event = Table(
    "support_event",
    metadata,
    _key("event_id", Uuid),
    _required("lea_id", ForeignKey("lea.lea_id")),
    _required("track", Text),
    _required("kind", Text),
    _required("started_at", _INSTANT),
    _required("told_at", _INSTANT),
    _required("told_by", Text),
    _required("key_id", Uuid),
    _required("external_id", Text),
    Column("topic", ForeignKey("support_topic.code")),
    Column("minutes", Integer),
    Column("people", Integer),
    Column("channel", Text),
    Column("ticket", Text),
    Column("about", ForeignKey("support_event.event_id")),
    Column("satisfaction", SmallInteger),
    UniqueConstraint("key_id", "external_id"),
    Index("support_event_of_lea", "lea_id", "started_at"),
    Index("support_event_of_ticket", "lea_id", "ticket", postgresql_where=text("ticket IS NOT NULL")),
    Index("support_event_in_time", "started_at", "event_id"),
)

access_count = _table(
    "access_count",
    _key("lea_id", ForeignKey("lea.lea_id")),
    _key("track", Text),
    _key("day", Date),
    _key("revision", Integer, autoincrement=False),
    _required("core_users", Integer),
    _required("core_users_30_days", Integer),
    _required("core_provisioned", Integer),
    Column("ess_users", Integer),
    Column("ess_activated", Integer),
    Column("employees", Integer),
    _required("told_at", _INSTANT),
    _required("key_id", Uuid),
)
