"""The catalogue: indicators with their targets, and student groups."""

from datetime import date
from decimal import Decimal

import msgspec

from equityaccess.catalogue.structs import Cadence, Indicator, Polarity, StudentGroup, Target, Unit
from equityaccess.database import Transaction, load_queries

sql = load_queries(__file__)


class _IndicatorRecord(msgspec.Struct, frozen=True, kw_only=True):
    indicator_id: int
    code: str
    name: str
    definition: str
    caveat: str
    source: str
    unit: Unit
    cadence: Cadence
    counts_for_days: int
    polarity: Polarity
    asked_of: list[str]
    is_in_plan: bool


class _TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    student_group: str
    target_on: date
    percent: Decimal
    baseline_percent: Decimal | None
    baseline_on: date | None
    source: str

    def target(self) -> Target:
        """Without the code of the indicator, which holds it."""
        return Target(**{name: getattr(self, name) for name in Target.__struct_fields__})


async def indicators(tx: Transaction) -> list[Indicator]:
    """Every indicator, by code."""
    targets: dict[str, list[Target]] = {}
    for record in await tx.all(sql.targets, _TargetRecord):
        targets.setdefault(record.code, []).append(record.target())
    return [
        Indicator(**msgspec.structs.asdict(record), targets=targets.get(record.code, []))
        for record in await tx.all(sql.indicators, _IndicatorRecord)
    ]


async def student_groups(tx: Transaction) -> list[StudentGroup]:
    """Every student group: all students first, then by kind and code."""
    return await tx.all(sql.student_groups, StudentGroup)
