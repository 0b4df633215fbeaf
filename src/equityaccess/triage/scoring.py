"""Gathers what is known of every LEA, scores it, and keeps what becomes of its item."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec

from equityaccess import clock
from equityaccess.database import Transaction
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.structs import StatusRow
from equityaccess.support import store as support
from equityaccess.support.measures import Given, access, figures
from equityaccess.support.measuring import Wanted, given, within
from equityaccess.support.structs import SupportTarget
from equityaccess.triage import rules, store
from equityaccess.triage.rules import Facts, OnTrack, Open, Resolved
from equityaccess.triage.store import NewEvent
from equityaccess.triage.structs import ItemRow, Reason

SUPPORT_DAYS: Final = 90
_REFUSED_DAYS: Final = 45


class NoWeights(RuntimeError):
    """There are no weights yet: the seed has not run."""

    def __init__(self) -> None:
        super().__init__("There are no weights of triage yet: run `equityaccess seed`.")


async def score_all(tx: Transaction, now: datetime) -> tuple[int, int, int]:
    """Score every LEA; how many were scored, opened and closed. Raises NoWeights."""
    kept = await store.weights(tx)
    if kept is None:
        raise NoWeights
    before = await store.newest_items(tx)
    opened: list[dict[str, Any]] = []
    rescored: list[dict[str, Any]] = []
    events: list[NewEvent] = []
    everybody = await facts(tx, now)
    for lea_id in sorted(everybody.keys() | {row.lea_id for row in before.values() if row.closed_at is None}):
        known = everybody.get(lea_id, Facts(today=clock.today(now)))
        found = rules.reasons(known, kept.weights)
        was = before.get(lea_id)
        step, quiet = rules.step(now, rules.score(found), _state(was), kept.weights)
        row: dict[str, Any] = {"score": rules.score(found), "reasons": msgspec.to_builtins(found)}
        if step == "open":
            row |= {"item_id": str(uuid4()), "lea_id": lea_id}
            opened.append(row)
        elif was is not None and step in ("keep", "close"):
            row |= {"item_id": str(was.item_id), "lea_id": lea_id, "quiet_runs": quiet, "is_closed": step == "close"}
            rescored.append(row)
        if step in ("open", "close"):
            events.append(_event(row, "opened" if step == "open" else "closed", found, now))
    await store.keep(tx, opened, rescored, events, kept.version, now)
    if opened or rescored:
        await tx.announce("triage")
    return len(everybody), len(opened), sum(row["is_closed"] for row in rescored)


def _state(row: ItemRow | None) -> Open | Resolved | None:
    if row is None:
        return None
    if row.closed_at is None:
        return Open(quiet_runs=row.quiet_runs)
    return Resolved(at=row.closed_at, score=row.score) if row.resolved_with is not None else None


def _event(row: Mapping[str, Any], kind: Any, found: Sequence[Reason], now: datetime) -> NewEvent:  # noqa: ANN401, one of its kinds
    return NewEvent(
        event_id=uuid4(),
        item_id=row["item_id"],
        lea_id=row["lea_id"],
        kind=kind,
        at=now,
        told_by="job",
        key_id=None,
        text="; ".join(one.said for one in found) or None,
        score=row["score"],
    )


async def facts(tx: Transaction, now: datetime) -> dict[int, Facts]:
    """What is known of every LEA that takes part in BEST or owes data; needs a reader of every LEA."""
    today = clock.today(now)
    tracks = await on_tracks(tx)
    owed, silent = await store.owed(tx, today), await store.silent_feeds(tx, now)
    refused = await store.refused(tx, now - timedelta(days=_REFUSED_DAYS))
    given_ = await supported(tx, tracks, today, now)
    targets = await support.targets(tx)
    return {
        lea_id: of_lea(
            today,
            tracks.get(lea_id, []),
            given_.get(lea_id),
            targets,
            feed_is_silent=lea_id in silent,
            owed=owed.get(lea_id, 0),
            last_was_refused=lea_id in refused,
        )
        for lea_id in sorted(tracks.keys() | owed.keys() | silent | refused)
    }


async def on_tracks(tx: Transaction) -> dict[int, list[OnTrack]]:
    """Where every LEA that takes part stands, by track."""
    books, versions = await onboarding.playbooks(tx), await store.versions(tx)
    statuses: dict[tuple[int, Track], list[StatusRow]] = {}
    for row in await store.statuses(tx):
        statuses.setdefault((row.lea_id, row.track), []).append(row)
    found: dict[int, list[OnTrack]] = {}
    for one in await store.progress(tx):
        place = (one.lea_id, one.track)
        book = books[versions[place], one.track]
        found.setdefault(one.lea_id, []).append(OnTrack(progress=one, statuses=statuses.get(place, []), book=book))
    return found


async def supported(
    tx: Transaction, tracks: Mapping[int, Sequence[OnTrack]], today: date, now: datetime
) -> dict[int, Given]:
    """The support that every LEA was given in the last days, and who signs in there."""
    taking_part = {lea_id: frozenset(one.progress.track for one in some) for lea_id, some in tracks.items()}
    since = today - timedelta(days=SUPPORT_DAYS)
    wanted = Wanted(scope="county", taking_part=taking_part, track=None, from_on=since, to_on=today)
    return await given(tx, wanted, now) if taking_part else {}


def of_lea(
    today: date,
    tracks: Sequence[OnTrack],
    one: Given | None,
    targets: Sequence[SupportTarget],
    **data: Any,
) -> Facts:
    """The facts of one LEA. It can only be silent where somebody could sign in: on a track that is live."""
    if one is None:
        return Facts(today=today, tracks=tracks, **data)
    answer, resolve = within(targets, "first_answer", today), within(targets, "resolution", today)
    late = sum(not took.is_over and resolve is not None and took.minutes > resolve for took in one.resolutions)
    return Facts(
        today=today,
        tracks=[_with_access(on, one) for on in tracks],
        support=figures([one], answer, resolve),
        tickets_late=late,
        is_silent=one.is_silent and any(on.progress.is_live for on in tracks),
        **data,
    )


def _with_access(on: OnTrack, one: Given) -> OnTrack:
    signed_in = access([one], on.progress.track)
    return msgspec.structs.replace(on, core_percent=signed_in.core_percent, ess_percent=signed_in.ess_percent)
