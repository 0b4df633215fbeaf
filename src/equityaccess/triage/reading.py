"""Puts items together for who reads them: codes for ids, reasons as they are, what blocks several LEAs, the brief."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from equityaccess import clock
from equityaccess.database import Transaction
from equityaccess.onboarding.playbook import Playbook, Track
from equityaccess.triage import rules, scoring, store
from equityaccess.triage.structs import Brief, Cluster, Item, ItemRow, NextStep, Reason, State, TrackStatus
from equityaccess.triage.weights import Weights

_STEPS = 2


def state_of(row: ItemRow, today: date) -> State:
    """What an item is on a day."""
    if row.resolved_with is not None:
        return "resolved"
    if row.closed_at is not None:
        return "closed"
    return "snoozed" if row.snoozed_until is not None and row.snoozed_until > today else "open"


async def items(tx: Transaction, rows: Sequence[ItemRow], today: date) -> list[Item]:
    """*rows* as they are shown, in their order."""
    ids = sorted({row.lea_id for row in rows})
    names, waves, kept = await store.names(tx, ids, today), await store.waves(tx, ids), await store.weights(tx)
    return [
        _item(row, names[row.lea_id], waves.get(row.lea_id, []), kept.weights if kept else None, today)
        for row in rows
        if row.lea_id in names
    ]


def _item(row: ItemRow, name: tuple[str, str], waves: list[str], weights: Weights | None, today: date) -> Item:
    reasons = msgspec.json.decode(row.reasons, type=list[Reason])
    return Item(
        item_id=row.item_id,
        lea=name[0],
        lea_name=name[1],
        waves=waves,
        state=state_of(row, today),
        score=row.score,
        reasons=reasons,
        next_action=rules.top(reasons, weights) if weights else None,
        assignee=row.assignee,
        snoozed_until=row.snoozed_until,
        opened_at=row.opened_at,
        scored_at=row.scored_at,
        closed_at=row.closed_at,
        weights_version=row.weights_version,
        version=row.version,
    )


async def clusters(tx: Transaction, today: date) -> list[Cluster]:
    """What blocks three LEAs or more in the same way."""
    found = await store.clusters(tx)
    names = await store.names(tx, sorted({lea_id for one in found for lea_id in one.lea_ids}), today)
    return [
        Cluster(
            track=one.track,
            milestone=one.milestone,
            waiting_on=one.waiting_on,
            reason=one.reason,
            leas=sorted(names[lea_id][0] for lea_id in one.lea_ids if lea_id in names),
            since=one.since,
        )
        for one in found
    ]


async def brief(tx: Transaction, row: ItemRow, now: datetime) -> Brief:
    """The hand-off for one item; needs a reader of every LEA."""
    today = clock.today(now)
    [item] = await items(tx, [row], today)
    tracks = (await scoring.on_tracks(tx)).get(row.lea_id, [])
    kept = await store.weights(tx)
    books = {on.progress.track: on.book for on in tracks}
    steps = [_step(one, books, kept.weights) for one in item.reasons[:_STEPS]] if kept else []
    return Brief(
        item=item,
        tracks=[msgspec.convert(on.progress, TrackStatus, from_attributes=True) for on in tracks],
        contacts=await store.contacts(tx, row.lea_id),
        failing_feed=next((one.said for one in item.reasons if one.code in ("data_silent", "data_refused")), None),
        next_actions=steps,
        waiting_for_the_same=[one for one in await clusters(tx, today) if item.lea in one.leas],
    )


def _step(reason: Reason, books: Mapping[Track, Playbook], weights: Weights) -> NextStep:
    """What to do about *reason*: what the playbook says of its milestone, else what the reason says."""
    milestone = books.get(reason.track, {}).get(reason.milestone or "") if reason.track else None
    return NextStep(
        reason=reason.code,
        action=milestone.next_action if milestone else weights.of(reason.code).action,
        milestone=reason.milestone,
        evidence_asked=milestone.evidence if milestone else None,
    )
