"""Which enrollment counts a stranger is not shown: groups so small that their students could be recognised.

CDE publishes these counts by district, small ones too; here they stand beside other figures, so they are withheld from
everybody but the LEA itself and the county.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from equityaccess.leas.answers import EnrollmentOut, GroupEnrollmentOut
from equityaccess.leas.structs import GroupCount

FEW = 10  # students; 1 to so many are withheld


def enrollment_shown(counts: Iterable[GroupCount], *, in_full: bool) -> list[EnrollmentOut]:
    """*counts* by school year, in full or with small groups withheld. They have to be sorted by school year."""
    return [
        EnrollmentOut(
            school_year=school_year,
            census_on=census_on,
            includes_charters=includes_charters,
            source=source,
            groups=_shown(list(groups), in_full=in_full),
        )
        for (school_year, census_on, includes_charters, source), groups in groupby(
            counts, lambda count: (count.school_year, count.census_on, count.includes_charters, count.source)
        )
    ]


def _shown(counts: Sequence[GroupCount], *, in_full: bool) -> list[GroupEnrollmentOut]:
    hidden = frozenset[str]() if in_full else withheld(counts)
    return [
        GroupEnrollmentOut(
            student_group=count.student_group,
            students=None if count.student_group in hidden else count.students,
            is_withheld=count.student_group in hidden,
        )
        for count in counts
    ]


def withheld(counts: Sequence[GroupCount]) -> frozenset[str]:
    """The groups of one year not to show.

    Race and ethnicity add up to all students, so what is withheld there must be more than a few students together:
    else the total less the groups shown would give them away. The next smallest groups join until it is so.
    """
    hidden = {count.student_group for count in counts if 0 < count.students <= FEW}
    races = sorted((c for c in counts if c.kind == "race_ethnicity" and c.students > 0), key=lambda c: c.students)
    inside = [count for count in races if count.student_group in hidden]
    outside = [count for count in races if count.student_group not in hidden]
    while inside and outside and sum(count.students for count in inside) <= FEW:
        inside.append(outside.pop(0))
    return frozenset(hidden | {count.student_group for count in inside})
