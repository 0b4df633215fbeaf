"""What a demo prints when it is ready: the county's coverage, the keys, and three commands to try."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec
from rich.table import Table

from equityaccess.commands import sample
from equityaccess.commands.receipt import console
from equityaccess.coverage.structs import Counted, Coverage, CoverageReport
from equityaccess.onboarding.progress import together
from equityaccess.onboarding.structs import OnboardingReport, WaveList, WaveOut
from equityaccess.signin.structs import NAMES, Role
from equityaccess.submissions.structs import SubmissionPage
from equityaccess.triage.structs import TriageList

T = TypeVar("T")
_BROKEN_DOWN = "home_internet"  # the one indicator that is shown for every group
_BASELINE = f"/v1/coverage?indicator=acs_children_connected&student_group=ALL&as_of={sample.ACS_AS_OF}"


def show(client: httpx.Client, district: str, county: str, today: date) -> None:
    """Print everything that somebody needs who sees this for the first time."""
    report = _read(client, "/v1/coverage", county, CoverageReport)
    console().print(_coverage([item for item in report.items if item.point.leas_heard], report.scope_name, today))
    unheard = [item.indicator for item in report.items if item.student_group == "ALL" and not item.point.leas_heard]
    if unheard:
        print(f"\nOf {', '.join(unheard)} nobody has said anything that counts today.")
    print(_baseline(_read(client, _BASELINE, county, CoverageReport)))
    waves = _read(client, "/v1/waves", county, WaveList)
    console().print(_waves(waves.items, _read(client, "/v1/onboarding", county, OnboardingReport)))
    console().print(_triage(_read(client, "/v1/triage?limit=5", county, TriageList)))
    newest = _read(client, "/v1/submissions?limit=1", district, SubmissionPage).items[0]
    base = str(client.base_url).rstrip("/")
    print(f"""
The API             {base}/docs
Key of a district   {district}   (ABC Unified, {sample.ABC}: push)
Key of the county   {county}   (reads every LEA)

Try next. A push, which shows in the county's coverage within seconds; sent again, it changes nothing:
{_curl(f"{base}/v1/submissions", district, first_push(today))}

The receipt of the district's latest push so far:
{_curl(f"{base}/v1/submissions/{newest.submission_id}", district)}

Where the county stands:
{_curl(f"{base}/v1/coverage?indicator=home_internet&student_group=ALL", county)}

Who needs a person next:
{_curl(f"{base}/v1/triage?limit=5", county)}

What anybody may read, without a key, and as a file:
{base}/v1/public/coverage
{base}/v1/public/releases/1.csv
""")


def front_doors(links: Mapping[Role, str], data_dir: Path) -> str:
    """What to open in a browser, by role."""
    width = max(map(len, NAMES.values()))
    lines = "\n".join(f"{NAMES[role]:{width}}  {link}" for role, link in links.items())
    return f"""The pages, by role. A link signs in once, within 15 minutes:
{lines}
A new one:  equityaccess staff invite --data-dir "{data_dir}" --role technology_office

^C stops everything."""


def first_push(today: date) -> str:
    """The push of the documentation, as of *today*."""
    breakdown = {
        "met_by_family": 15_200,
        "met_by_lea": 1_902,
        "barrier_not_affordable": 380,
        "barrier_not_available": 231,
    }
    observation = {
        "indicator": "home_internet",
        "student_group": "ALL",
        "population": 18_354,
        "met": 17_102,
        "not_met": 611,
        "not_applicable": 0,
        "evidence": "C",
        "valid_until": date(today.year + 1, 6, 30),
        "breakdown": breakdown,
    }
    push = {"lea": sample.ABC, "as_of": today, "source": "SIS nightly export", "observations": [observation]}
    return msgspec.json.encode(push).decode()


def _curl(url: str, secret: str, body: str = "") -> str:
    sent = f" -H 'Content-Type: application/json' -d '{body}'" if body else ""
    return f"curl -sS '{url}' -H 'Authorization: Bearer {secret}'{sent}"


def _read(client: httpx.Client, path: str, secret: str, into: type[T]) -> T:
    answer = client.get(path, headers={"Authorization": f"Bearer {secret}"})
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=into)


def _coverage(items: Sequence[Coverage], scope: str, today: date) -> Table:
    """The county's coverage, named as the sample that it is."""
    table = Table(title=f"{scope}, {today}: SAMPLE DATA. The LEAs and their enrollment are real", box=None)
    table.add_column("Indicator", no_wrap=True)
    table.add_column("Group")
    for heading in ("Confirmed %", "At most %", "Met", "Gap", "LEAs heard", "Grade", "Target"):
        table.add_column(heading, justify="right")
    for item in items:
        if item.student_group == "ALL" or item.indicator == _BROKEN_DOWN:
            table.add_row(item.indicator, item.student_group, *_cells(item))
    return table


def _cells(item: Coverage) -> list[str]:
    point, figures = item.point, item.point.figures
    heard = f"{point.leas_heard} of {point.leas_asked}"
    target = f"{item.target.percent:g} by {item.target.target_on}" if item.target else ""
    if not isinstance(figures, Counted):  # the county's own key sees everything
        return ["withheld", "", "", "", heard, "", target]
    rates = [_rate(figures.confirmed_percent), _rate(figures.at_most_percent)]
    people = [f"{figures.met:,}", f"{figures.gap:,}"]
    return [*rates, *people, heard, point.lowest_evidence or "", target]


def _rate(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.2f}"


def _waves(waves: Sequence[WaveOut], report: OnboardingReport) -> Table:
    """How far the waves of BEST are, named as the sample that they are."""
    table = Table(title=f"\nOnboarding to BEST: SAMPLE DATA. {report.onboarded_percent} % onboarded", box=None)
    table.add_column("Wave", no_wrap=True)
    for heading in ("Go-live", "LEAs", "Live", "Onboarded", "Gates passed", "Most days behind"):
        table.add_column(heading, justify="right")
    for wave in waves:
        every = [lea.progress for lea in report.leas if lea.wave == wave.code]
        done = together(every)
        counts = [str(n) for n in (done.participating, done.live, done.onboarded)]
        behind = max((one.days_behind for one in every if not one.is_live), default=0)
        gates = f"{done.gates_passed} of {done.gates}"
        table.add_row(wave.code, str(wave.go_live_on), *counts, gates, str(behind or ""))
    return table


def _triage(found: TriageList) -> Table:
    """The top of the triage list: the points of the reasons add up to the score."""
    table = Table(title="\nWho needs a person next, with the points of each reason: SAMPLE DATA", box=None)
    table.add_column("Score", justify="right")
    for heading in ("LEA", "Reasons"):
        table.add_column(heading)
    for one in found.items:
        said = "; ".join(f"{reason.points} {reason.said}" for reason in one.reasons)
        table.add_row(str(one.score), one.lea_name, said.replace("SAMPLE DATA: ", ""))
    return table


def _baseline(report: CoverageReport) -> str:
    """The real baseline in one sentence, with its caveats."""
    figures = report.items[0].point.figures
    rate = f"{_rate(figures.confirmed_percent)} %" if isinstance(figures, Counted) else "withheld"
    return (
        f"\nThe baseline is real: {rate} of children lived in a household with a computer and broadband (ACS 2014-2018,"
        "\nmodelled: grade D; children where an elementary and a high school district overlap are in both). Too old"
        "\nto count today. All of the sample came today, also what was due long ago, so that its timeliness is low."
    )
