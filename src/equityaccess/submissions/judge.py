"""Judges a push that stands in the journal: one transaction, in which all of it happens or nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Literal

import msgspec

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.structs import Origin
from equityaccess.coverage.store import Cell, Cells, figures_now
from equityaccess.coverage.structs import Counted, published
from equityaccess.database import Database, Transaction
from equityaccess.personal import looks_personal, without_quoted
from equityaccess.problems import Invalid, NotAllowed, Problem, Refusal, without_personal
from equityaccess.settings import Settings
from equityaccess.submissions import formats, journal, once, rules, store, suggesting
from equityaccess.submissions.batches import Reader
from equityaccess.submissions.rules import Format, Known, Place
from equityaccess.submissions.source import source_fault
from equityaccess.submissions.store import Journaled, Names, Put, Reach
from equityaccess.submissions.structs import Counts, Defaults, Effect, Mode, Outcome, Owed, Receipt

MOST_EFFECTS = 500
MOST_OWED = 50
_BYTES_A_SECOND = 100_000  # that one statement takes of a large push, at the least
MANY = 5_000  # rows, from which on plans are made with care
_Figures = tuple[dict[Cell, Counted], dict[tuple[int, int], Counted]]


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A push as it is to be judged."""

    journaled: Journaled
    form: Format
    mode: Mode
    dry_run: bool
    defaults: Defaults
    source: str | None
    idempotency_key: str | None
    origin: Origin


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt, and the status it is sent with."""

    status: Literal[200, 201, 400, 403, 413, 415, 422]
    receipt: Receipt


class _Listed:
    """Problems, of which only the first are kept and all are counted."""

    def __init__(self, most: int) -> None:
        self.kept: list[Problem] = []
        self.total = 0
        self._most = most

    @property
    def room(self) -> int:
        """How many more would be kept."""
        return self._most - len(self.kept)

    def add(self, problems: Sequence[Problem], total: int | None = None) -> None:
        """Keep of *problems* what there is room for; they stand for *total* when they are not all."""
        self.total += len(problems) if total is None else total
        self.kept.extend(map(without_personal, problems[: self.room]))

    def by_row(self) -> list[Problem]:
        """What was kept, in the order of the rows."""
        return sorted(self.kept, key=lambda kept: kept.row or 0)


class _Undo(Exception):
    """Leaves a savepoint, so that nothing of what was done since is kept."""


class Judge:
    """The judging of one push: what was found so far, and the steps from its bytes to its receipt."""

    def __init__(self, caller: Caller, push: Push, settings: Settings, today: date) -> None:
        self._caller = caller
        self._push = push
        self._settings = settings
        self._today = today
        self._reader: Reader = formats.reader(push.form, push.defaults, push.source, settings)
        self._refusals = _Listed(settings.max_listed_problems)
        self._warnings = _Listed(settings.max_listed_problems)
        self._received = 0
        self._refused = 0
        self._concerned = caller.lea_ids  # until it is known which of them are named
        self._is_foreign = False  # some row names another's LEA

    async def judge(self, db: Database) -> Verdict:
        """Apply the push, or don't; either way the verdict is committed to the journal.

        Raises Conflict when another request has taken over the Idempotency-Key.
        """
        patience_s = self._settings.push_timeout_s + self._push.journaled.byte_count / _BYTES_A_SECOND
        async with db.transaction(leas=self._caller.lea_ids, patience_s=patience_s) as tx:
            await once.begin(tx, self._caller, self._push.journaled, self._push.idempotency_key)
            await tx.execute(store.sql.make_staged)
            with contextlib.suppress(_Undo):
                async with tx.savepoint():
                    verdict = await self._within(tx)
                    if self._push.dry_run or verdict.receipt.outcome == "refused":
                        raise _Undo
            verdict, is_quarantined = await self._without_personal(tx, verdict)
            await self._write_down(tx, verdict, is_quarantined=is_quarantined)
            return verdict

    async def _without_personal(self, tx: Transaction, verdict: Verdict) -> tuple[Verdict, bool]:
        """Whether what came holds something personal, which the receipt then says. What is sound holds only counts."""
        receipt = verdict.receipt
        if not receipt.refusals:
            return verdict, False
        if any(one.code == "personal-data" for one in receipt.refusals):
            return verdict, True
        what = await self._looks_personal(tx)
        if what is None:
            return verdict, False
        detail = f"The body holds what looks like {what}. It is kept apart; tell the county office, and send counts."
        fault = Problem(code="personal-data", detail=detail, owner="sender")
        total = receipt.refusals_total + 1
        receipt = msgspec.structs.replace(receipt, refusals=[*receipt.refusals, fault], refusals_total=total)
        return msgspec.structs.replace(verdict, receipt=receipt), True

    async def _looks_personal(self, tx: Transaction) -> str | None:
        if self._push.form == "xlsx":  # packed, any bytes look like anything
            return await asyncio.to_thread(looks_personal, self._reader.unpacked)
        return await journal.looks_personal(tx, self._push.journaled.submission_id)

    async def _write_down(self, tx: Transaction, verdict: Verdict, *, is_quarantined: bool) -> None:
        answer = msgspec.json.encode(verdict.receipt)
        submission_id = self._push.journaled.submission_id
        origin = msgspec.structs.replace(self._push.origin, lea_ids=self._concerned)
        await store.decide(tx, submission_id, verdict.receipt.outcome, verdict.status, answer, clock.now(), origin)
        if is_quarantined:
            await store.quarantine(tx, submission_id)

    async def _within(self, tx: Transaction) -> Verdict:
        known = await store.known(tx, self._caller.lea_ids, self._today)
        try:
            await self._stage(tx, known)
        except Refusal as refusal:
            return self._refuse(refusal)
        reach = await self._compare_rows(tx, known.student_groups.get("ALL", 0))
        if reach is None or (self._refusals.total and self._push.mode == "atomic"):
            return self._refuse(self._as_one())
        return await self._apply(tx, reach)

    async def _stage(self, tx: Transaction, known: Known) -> None:
        """Read, check and put aside every row."""
        check = None
        directory: dict[str, str] = {}
        async for batch in self._reader.batches(journal.body(tx, self._push.journaled.submission_id)):
            check = check or rules.Check(self._push.form, known, self._reader.defaults)
            checked = check.rows(batch.rows, self._warnings.room)
            refusals = [*batch.refusals, *check.halves(batch.halves), *checked.refusals]
            if not directory and any(refusal.code == "unknown-cds" for refusal in refusals):
                directory = await store.directory(tx)
            self._received += batch.received
            self._refused += batch.received - len(checked.records)
            self._is_foreign |= any(suggesting.is_foreign(refusal, directory) for refusal in refusals)
            shown = refusals[: self._refusals.room]
            self._refusals.add(list(suggesting.explained(shown, known, directory)), len(refusals))
            self._warnings.add(checked.warnings, checked.warnings_total)
            if checked.records:
                await store.stage(tx, checked.records)
        if self._received > MANY:
            await store.prepare_for_many(tx)
        self._demand_sound_source()

    def _demand_sound_source(self) -> None:
        if fault := source_fault(self._reader.source or "", self._settings.max_text):
            raise Invalid(fault.detail, errors=[fault])

    async def _compare_rows(self, tx: Transaction, all_id: int) -> Reach | None:
        """What the rows reach without those that contradict another; the latter are faults. None: no row is left."""
        form, most = self._push.form, self._settings.max_listed_problems
        lea_ids, today = self._caller.lea_ids, self._today
        reach = await store.reach(tx, lea_ids, today)
        repeated = await store.repeated(tx, most) if reach and reach.has_repeated else []
        beyond = await store.beyond_total(tx, all_id, most)
        if repeated:
            self._refusals.add([_repeats(form, one) for one in repeated], repeated[0].rows)
        if beyond:
            self._refusals.add([_exceeds(form, one) for one in beyond], beyond[0].rows)
        if repeated or beyond:
            self._refused += await store.drop_contradicting(tx, all_id)
            reach = await store.reach(tx, lea_ids, today)
        return reach

    async def _apply(self, tx: Transaction, reach: Reach) -> Verdict:
        """Make the staged rows observations, and see what that does to coverage."""
        self._concerned = reach.lea_ids
        await store.lock_leas(tx, self._concerned)
        jumps = [self._doubt(jump) for jump in await store.jumps(tx, reach)]
        self._warnings.add(jumps)
        names = await store.names(tx, self._caller.lea_ids, self._today)
        before = await self._figures(tx, reach.cells)
        put = await store.put_observations(tx, reach, self._push.journaled.submission_id, clock.now())
        after = await self._figures(tx, reach.cells) if put.created or put.updated else before
        effect = _effect(names, reach.cells.first(MOST_EFFECTS), before, after)
        return self._accept(put, effect, len(reach.newest), await self._owed(tx))

    def _doubt(self, jump: store.Jump) -> Problem:
        was, now = jump.met_before * 100 // jump.base_before, jump.met * 100 // jump.base
        detail = f"{now} % met, after {was} % on {jump.as_of}: a change of more than {rules.JUMP_IN_POINTS} points."
        place = Place(jump.row_number, jump.line)
        return rules.problem(self._push.form, place, "met", "jump", detail, owner="data_owner")

    async def _figures(self, tx: Transaction, cells: Cells) -> _Figures:
        async with _as_aggregator(tx):
            return await figures_now(tx, cells, self._today, MOST_EFFECTS)

    async def _owed(self, tx: Transaction) -> list[Owed]:
        return await store.owed(tx, self._caller.lea_ids, self._today, MOST_OWED)

    def _as_one(self) -> Refusal:
        """The refusal of the whole push, for the faults of its rows."""
        kind = NotAllowed if self._is_foreign else Invalid
        detail = f"{self._refused} of {self._received} rows have faults; nothing was applied."
        return kind(detail)

    def _refuse(self, refusal: Refusal) -> Verdict:
        self._refusals.add(refusal.errors)
        counts = Counts(received=self._received, created=0, updated=0, unchanged=0, refused=self._received)
        receipt = self._receipt("refused", counts, refused_as=refusal.code, detail=without_quoted(refusal.detail))
        return Verdict(status=refusal.status, receipt=receipt)  # type: ignore[arg-type]

    def _accept(self, put: Put, effect: list[Effect], touched: int, owed: list[Owed]) -> Verdict:
        changed = put.created + put.updated
        counts = Counts(
            received=self._received,
            created=put.created,
            updated=put.updated,
            unchanged=self._received - self._refused - changed,
            refused=self._refused,
        )
        outcome: Outcome = "partly_applied" if self._refused else "applied" if changed else "unchanged"
        said = f"{put.created} created, {put.updated} updated, {counts.unchanged} unchanged, {self._refused} refused."
        detail = f"Dry run, nothing was stored: {said}" if self._push.dry_run else said
        receipt = self._receipt("dry_run" if self._push.dry_run else outcome, counts, detail=detail)
        receipt = msgspec.structs.replace(receipt, effect=effect, effect_total=touched, owed=owed)
        return Verdict(status=201 if changed and not self._push.dry_run else 200, receipt=receipt)

    def _receipt(self, outcome: Outcome, counts: Counts, *, detail: str, refused_as: str | None = None) -> Receipt:
        journaled, source = self._push.journaled, self._reader.source
        if source and source_fault(source, self._settings.max_text):
            source = None  # what may be personal, or a key, is not repeated, whatever else was refused before it
        return Receipt(
            submission_id=journaled.submission_id,
            outcome=outcome,
            mode=self._push.mode,
            dry_run=self._push.dry_run,
            source=source,
            received_at=journaled.received_at,
            sha256=journaled.sha256.hex(),
            bytes=journaled.byte_count,
            counts=counts,
            refused_as=refused_as,
            detail=detail,
            refusals=self._refusals.by_row(),
            refusals_total=self._refusals.total,
            warnings=self._warnings.by_row(),
            warnings_total=self._warnings.total,
            effect=[],
            effect_total=0,
            owed=[],
        )


def _repeats(form: Format, one: store.Repeated) -> Problem:
    what = f"Row {one.row_number} speaks of the same LEA, indicator, group and day as row {one.first_row}"
    detail = f"{what}; which is meant is not certain."
    return rules.problem(form, Place(one.row_number, one.line), "indicator", "duplicate-row", detail)


def _exceeds(form: Format, one: store.BeyondTotal) -> Problem:
    detail = f"The group has {one.population} people, more than the {one.total} of the group ALL in the same push."
    place = Place(one.row_number, one.line)
    return rules.problem(form, place, "population", "group-exceeds-total", detail, owner="data_owner")


def _effect(names: Names, cells: list[Cell], before: _Figures, after: _Figures) -> list[Effect]:
    return [
        Effect(
            lea=names.leas[lea],
            indicator=names.indicators[indicator],
            student_group=names.student_groups[group],
            lea_before=before[0].get((lea, indicator, group)),
            lea_after=after[0].get((lea, indicator, group)),
            county_before=published(before[1][indicator, group]),
            county_after=published(after[1][indicator, group]),
        )
        for lea, indicator, group in cells
    ]


@contextlib.asynccontextmanager
async def _as_aggregator(tx: Transaction) -> AsyncIterator[None]:
    """Read the county's figures, which need every LEA's cells, and be the app again."""
    await tx.become("aggregator")
    yield
    await tx.become("app")
