"""Brings the topics and the targets of support up to the reference files."""

from equityaccess.catalogue.reference import ReferenceDataError, as_json, read_reference, reference_folder
from equityaccess.catalogue.seed import told
from equityaccess.database import Database
from equityaccess.onboarding import store as onboarding
from equityaccess.support.store import sql
from equityaccess.support.structs import SupportTarget, TopicRow


async def seed_support(db: Database) -> list[str]:
    """What changed, a line a table. Needs the role owner, and the playbook, whose milestones the topics name.

    Raises ReferenceDataError for a topic of a milestone that no playbook has.
    """
    folder = reference_folder()
    topics = read_reference(folder / "support_topics.csv", TopicRow)
    targets = read_reference(folder / "support_targets.csv", SupportTarget)
    async with db.transaction(role="owner") as tx:
        known = {row.key for row in await onboarding.playbook_rows(tx)}
        for topic in topics:
            if strangers := sorted(set(topic.milestones.split()) - known):
                raise ReferenceDataError(
                    f"support_topics.csv: {topic.code} names {', '.join(strangers)}, which no playbook has"
                )
        return [
            *told("support_topic", await tx.values(sql.merge_topics, rows=as_json(topics))),
            *told("support_target", await tx.values(sql.merge_targets, rows=as_json(targets))),
        ]
