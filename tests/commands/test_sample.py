from collections import Counter
from datetime import date, timedelta

import pytest

from equityaccess.bundled import bundled
from equityaccess.commands import sample

REFERENCE = bundled("db") / "reference"
DAYS = [date(2026, 11, 23), date(2027, 1, 1), date(2028, 2, 29), date(2026, 7, 1), date(2026, 5, 31)]


def year(today: date) -> list[tuple[date, list[sample.Row]]]:
    return list(sample.pushes(sample.reporters(REFERENCE, today), today))


def key(row: sample.Row) -> tuple[str, str, str, date]:
    return row.lea, row.indicator, row.student_group, row.as_of


def test_the_reporters_count_every_student_of_the_county_once() -> None:
    assert sum(one.enrolled["ALL"] for one in sample.reporters(REFERENCE, DAYS[0])) == 1_313_935


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_the_sample_is_a_year_of_sound_rows_up_to_yesterday(today: date) -> None:
    pushes = year(today)
    rows = [row for _, batch in pushes for row in batch]
    assert len(pushes) == 13
    assert max(row.as_of for row in rows) == today - timedelta(days=1)
    assert timedelta(days=360) < today - min(row.as_of for row in rows) < timedelta(days=400)
    assert Counter(map(key, rows)).most_common(1)[0][1] == 1
    for row in rows:
        assert row.met + row.not_met + row.not_applicable <= row.population
        if row.breakdown:
            assert row.breakdown["met_by_family"] + row.breakdown["met_by_lea"] == row.met
            assert sum(count for name, count in row.breakdown.items() if name.startswith("barrier")) == row.not_met
        assert row.valid_until is None or row.valid_until >= row.as_of


def test_a_later_demo_tells_the_same_of_the_same_day() -> None:
    told = [{key(row): row for _, batch in year(today) for row in batch} for today in (DAYS[0], DAYS[1])]
    both = told[0].keys() & told[1].keys()
    assert len(both) > 5_000
    assert all(told[0][one] == told[1][one] for one in both)


def test_some_lea_says_nothing_some_stopped_and_some_rows_come_late() -> None:
    today = DAYS[0]
    pushes = year(today)
    last = {}
    for _, rows in pushes:
        for row in rows:
            last[row.lea] = max(row.as_of, last.get(row.lea, row.as_of))
    districts = [one.cds for one in sample.reporters(REFERENCE, today) if one.kind != "charter"]
    assert 0 < sum(cds not in last for cds in districts) < 20
    assert 0 < sum(cds in last and today - last[cds] > timedelta(days=184) for cds in districts) < 20
    ends = [end for end, _ in pushes]
    late = [row for before, (_, rows) in zip(ends, pushes[1:], strict=False) for row in rows if row.as_of <= before]
    assert 0 < len(late) < 1_000


def test_the_baseline_is_the_published_percentage_in_whole_children() -> None:
    rows = {row.lea: row for row in sample.acs_rows(REFERENCE)}
    abc = rows[sample.ABC]
    assert (abc.population, abc.not_met, abc.met) == (17_016, 1_939, 15_077)  # 11.4 % of 17,016 is 1,939.8
    assert len(rows) == 80
    assert "19647660000000" in rows, "Lowell Joint had its former code in 2018"
    assert {row.evidence for row in rows.values()} == {"D"}


def test_a_line_of_a_push_has_the_breakdown_flat() -> None:
    row = next(row for _, rows in year(DAYS[0]) for row in rows if row.breakdown)
    line = row.line()
    assert "breakdown" not in line
    assert line["breakdown.met_by_lea"] == row.breakdown["met_by_lea"]
