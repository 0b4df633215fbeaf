"""The catalogue: indicators with their targets, and student groups."""

import msgspec

from equityaccess.catalogue.structs import Indicator, IndicatorLine, StudentGroup, Target
from equityaccess.database import Transaction, load_queries

sql = load_queries(__file__)


class _TargetLine(Target, frozen=True, kw_only=True):
    code: str

    def target(self) -> Target:
        """Without the code of the indicator, which holds it."""
        return Target(**{name: getattr(self, name) for name in Target.__struct_fields__})


async def indicators(tx: Transaction) -> list[Indicator]:
    """Every indicator, by code."""
    targets: dict[str, list[Target]] = {}
    for record in await tx.all(sql.targets, _TargetLine):
        targets.setdefault(record.code, []).append(record.target())
    return [
        Indicator(**msgspec.structs.asdict(record), targets=targets.get(record.code, []))
        for record in await indicator_lines(tx)
    ]


async def indicator_lines(tx: Transaction) -> list[IndicatorLine]:
    """Every indicator without its targets, by code."""
    return await tx.all(sql.indicators, IndicatorLine)


async def student_groups(tx: Transaction) -> list[StudentGroup]:
    """Every student group: all students first, then by kind and code."""
    return await tx.all(sql.student_groups, StudentGroup)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What codes mean: those of indicators, and those of student groups, ALL first."""

    indicators: dict[str, str]
    student_groups: dict[str, str]

    @property
    def every(self) -> dict[str, str]:
        """Both: no code is an indicator's and a group's."""
        return self.indicators | self.student_groups


async def names(tx: Transaction) -> Names:
    """What every code means."""
    found = await tx.rows(sql.names)
    return Names(
        indicators={code: name for is_indicator, code, name, _ in found if is_indicator},
        student_groups={code: name for is_indicator, code, name, _ in found if not is_indicator},
    )
