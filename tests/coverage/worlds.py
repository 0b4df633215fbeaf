"""A small county with every awkward case, in the database and for the oracle."""

from datetime import date

import asyncpg

from tests.coverage.oracle import Asked, Period, World

FOREVER = date.max
START = date(2018, 7, 1)
ASKED_FROM = date(2024, 7, 25)
GROUPS = ("ALL", "EL", "FOS", "HOM", "SED")
INDICATORS = {
    "home_internet": Asked("students", 90, ("unified_district", "elementary_district", "county_office", "charter")),
    "parent_portal": Asked("students", 30, ("unified_district", "elementary_district", "county_office", "charter")),
    "device": Asked("students", 400, ("unified_district", "elementary_district", "county_office", "charter")),
    "employee_device": Asked("employees", 120, ("unified_district", "elementary_district", "county_office", "charter")),
    "court_school_access": Asked("students", 60, ("county_office",)),
}
WORLD = World(
    leas={
        "big": [Period(START, FOREVER, "unified_district", "19")],
        "big_direct": [Period(date(2024, 9, 4), FOREVER, "charter", "19", "big", "direct")],
        "big_direct_closing": [Period(START, date(2025, 1, 15), "charter", "19", "big", "direct")],
        "big_local": [Period(START, FOREVER, "charter", "19", "big", "local")],
        "small": [Period(START, FOREVER, "elementary_district", "19")],
        "moving": [
            Period(START, date(2025, 2, 3), "elementary_district", "19"),
            Period(date(2025, 2, 3), FOREVER, "elementary_district", "30"),
        ],
        "office": [Period(START, FOREVER, "county_office", "19")],
        "office_charter": [Period(START, FOREVER, "charter", "19", "office", "direct")],
        "board": [Period(START, FOREVER, "sbe_charter", "19")],
        "board_charter": [Period(START, FOREVER, "charter", "19", "board", "direct")],
        "elsewhere": [Period(START, FOREVER, "unified_district", "30")],
    },
    enrollment={
        ("big", "ALL"): [(date(2018, 10, 3), 5_000), (date(2024, 10, 2), 4_000)],
        ("big", "EL"): [(date(2024, 10, 2), 900)],
        ("small", "ALL"): [(date(2024, 10, 2), 300)],
        ("small", "EL"): [(date(2024, 10, 2), 8)],
        ("moving", "ALL"): [(date(2018, 10, 3), 700)],
        ("office", "ALL"): [(date(2022, 10, 5), 120)],
        ("board", "ALL"): [(date(2022, 10, 5), 40)],
        ("elsewhere", "ALL"): [(date(2022, 10, 5), 9_999)],
        ("big_direct", "ALL"): [(date(2024, 10, 2), 450)],
    },
)


async def settle(url: str) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Put WORLD into the database at *url*; the ids of its LEAs, indicators and groups."""
    connection = await asyncpg.connect(url)
    leas = {name: await connection.fetchval("INSERT INTO lea DEFAULT VALUES RETURNING lea_id") for name in WORLD.leas}
    for name, periods in WORLD.leas.items():
        for p in periods:
            await connection.execute(
                "INSERT INTO lea_period (lea_id, valid_from, valid_to, name, kind, county_code, authorizer_id, funding)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                leas[name], p.valid_from, p.valid_to, name, p.kind, p.county, leas.get(p.authorizer or ""), p.funding,
            )  # fmt: skip
    indicators = {
        code: await connection.fetchval(
            "INSERT INTO indicator (code, name, definition, source, unit, cadence, counts_for_days, polarity,"
            " asked_of, is_in_plan, asked_from)"
            " VALUES ($1, $1, $1, 'test', $2, 'monthly', $3, 'more_is_better', $4, true, $5) RETURNING indicator_id",
            code, asked.unit, asked.counts_for_days, list(asked.asked_of), ASKED_FROM,
        )
        for code, asked in INDICATORS.items()
    }  # fmt: skip
    groups = {
        code: await connection.fetchval(
            "INSERT INTO student_group (code, name, kind, definition, source)"
            " VALUES ($1, $1, 'program', $1, 'test') RETURNING student_group_id",
            code,
        )
        for code in GROUPS
    }
    for (lea, group), terms in WORLD.enrollment.items():
        for census, students in terms:
            await connection.execute(
                "INSERT INTO enrollment VALUES ($1, $2, $3, $4, $5, true, 'test')",
                leas[lea], f"{census.year}-{(census.year + 1) % 100:02}", groups[group], census, students,
            )  # fmt: skip
    await connection.close()
    return leas, indicators, groups
