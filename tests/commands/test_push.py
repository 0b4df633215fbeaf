"""The push client against a service that misbehaves on purpose; test_push_for_real.py has the real one."""

import csv
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from equityaccess.cli import main

KEY = "eqa_live_a-secret-that-must-not-be-shown"
COVERAGE = {
    "kind": "counted",
    "population": 100,
    "met": 90,
    "not_met": 5,
    "not_applicable": 0,
    "unknown": 5,
    "unheard": 0,
    "base": 100,
    "gap": 10,
    "confirmed_percent": 90.0,
    "known_percent": 95.0,
    "respondent_percent": 94.73,
    "at_most_percent": 95.0,
}


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "submission_id": "0190a0b0-0000-7000-8000-000000000001",
        "outcome": "applied",
        "mode": "atomic",
        "dry_run": False,
        "source": None,
        "received_at": "2026-11-23T16:00:00Z",
        "sha256": "ab" * 32,
        "bytes": 10,
        "counts": {"received": 3, "created": 2, "updated": 1, "unchanged": 0, "refused": 0},
        "refused_as": None,
        "detail": "",
        "refusals": [],
        "refusals_total": 0,
        "warnings": [],
        "warnings_total": 0,
        "effect": [],
        "effect_total": 0,
        "owed": [],
    } | changes


def problem(line: int, **changes: Any) -> dict[str, Any]:
    return {
        "code": "unknown-group",
        "detail": "'SWDX' is not a student group.",
        "owner": "sender",
        "row": line - 1,
        "line": line,
        "column": "student_group",
        "suggestion": "SWD",
    } | changes


def refusal(status: int, **changes: Any) -> dict[str, Any]:
    return {"type": "/problems/x", "title": "A title", "status": status, "detail": "A detail."} | changes


@dataclass
class Service:
    """Answers what it is told to, in order (the last for ever), and keeps what it was sent."""

    url: str
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def will(self, status: int, body: Any, **headers: str) -> "Service":
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, body))
        return self


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.requests.append((self.path, dict(self.headers), body))
            status, headers, answer = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            if status == 0:
                self.close_connection = True
                return
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


Push = Callable[..., int]


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    file = tmp_path / "counts.csv"
    file.write_text("lea,student_group\n19642120000000,ALL\n19642120000000,SWDX\n=19642120000000,SWDX\n")
    return file


@pytest.fixture
def push(service: Service, counts: Path, monkeypatch: pytest.MonkeyPatch) -> Push:
    monkeypatch.setenv("EQUITYACCESS_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*options: str, file: Path = counts, url: str = service.url) -> int:
        return main(["push", str(file), "--url", url, *options])

    return run


def test_the_file_is_sent_as_it_is_with_the_options_and_the_key(service: Service, push: Push, counts: Path) -> None:
    service.will(201, receipt())
    assert push("--mode", "partial", "--lea", "19642120000000", "--as-of", "2026-11-20", "--source", "SIS & co") == 0
    path, headers, body = service.requests[0]
    assert path == "/v1/submissions?mode=partial&lea=19642120000000&as_of=2026-11-20&source=SIS+%26+co"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "text/csv"
    assert body == counts.read_bytes()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.json", "application/json"), ("a.NDJSON", "application/x-ndjson"), ("a.jsonl", "application/x-ndjson")],
)
def test_the_suffix_says_what_a_file_is(
    service: Service, push: Push, tmp_path: Path, name: str, media_type: str
) -> None:
    service.will(201, receipt())
    file = tmp_path / name
    file.write_text("{}")
    assert push(file=file) == 0
    assert service.requests[0][1]["Content-Type"] == media_type


def test_the_receipt_is_told_in_full(service: Service, push: Push, capsys: pytest.CaptureFixture[str]) -> None:
    service.will(
        201,
        receipt(
            warnings=[problem(2, code="jump", detail="25 points more than last month.", owner="data_owner")],
            warnings_total=1,
            effect=[
                {
                    "lea": "19642120000000",
                    "indicator": "home_internet",
                    "student_group": "ALL",
                    "lea_before": None,
                    "lea_after": COVERAGE,
                    "county_before": COVERAGE | {"confirmed_percent": 12.34},
                    "county_after": COVERAGE | {"confirmed_percent": None},
                }
            ],
            owed=[
                {
                    "lea": "19642120000000",
                    "indicator": "device",
                    "period_from": "2026-07-01",
                    "period_to": "2026-08-01",
                    "due_on": "2026-08-15",
                }
            ],
        ),
    )
    assert push() == 0
    said = capsys.readouterr().out
    assert "Applied: 3 rows received." in said
    assert "created 2   updated 1   unchanged 0   refused 0" in said
    assert "25 points more than last month. Did you mean SWD? [jump, for the data owner]" in said
    for cell in ("not heard", "90.00", "12.34", "no people"):
        assert cell in said
    assert "19642120000000 device: 2026-07-01 to 2026-08-01, due 2026-08-15 (overdue)" in said
    assert KEY not in said


def test_advice_is_shown_as_it_is_and_a_value_as_a_question(
    service: Service, push: Push, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals = [problem(3, suggestion="Save the file as CSV UTF-8."), problem(4, suggestion="SWD")]
    service.will(201, receipt(outcome="partly_applied", mode="partial", refusals=refusals, refusals_total=2))
    push("--mode", "partial")
    said = capsys.readouterr().out
    assert "is not a student group. Save the file as CSV UTF-8. [" in said
    assert "is not a student group. Did you mean SWD? [" in said


def test_what_was_refused_is_written_beside_the_file(
    service: Service, push: Push, counts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals = [problem(3), problem(4, detail="=1+1 is no count", suggestion=None)]
    service.will(201, receipt(outcome="partly_applied", mode="partial", refusals=refusals, refusals_total=2))
    assert push("--mode", "partial") == 1
    assert "row 2, line 3, student_group: 'SWDX' is not a student group. Did you mean SWD?" in capsys.readouterr().out
    with (counts.parent / "counts.csv.refused.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "row": "2",
        "line": "3",
        "column": "student_group",
        "code": "unknown-group",
        "detail": "'SWDX' is not a student group.",
        "suggestion": "SWD",
        "owner": "sender",
        "sent": "19642120000000,SWDX",
    }
    assert (rows[1]["detail"], rows[1]["sent"]) == ("'=1+1 is no count", "'=19642120000000,SWDX")


def test_an_atomic_refusal_exits_with_1_and_lists_every_fault(
    service: Service, push: Push, counts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [problem(line) for line in range(2, 32)]
    service.will(422, refusal(422, instance="/v1/submissions/1", errors=faults, errors_total=500))
    assert push() == 1
    said = capsys.readouterr().out
    assert "Faults: 500, of which the first 20" in said
    assert said.count("[unknown-group") == 20
    assert "counts.csv.refused.csv, the first 30 of 500." in said
    assert len((counts.parent / "counts.csv.refused.csv").read_text().splitlines()) == 31


def test_a_body_that_could_not_be_read_counts_as_refused(service: Service, push: Push) -> None:
    service.will(400, refusal(400, instance="/v1/submissions/1"))
    assert push() == 1


@pytest.mark.parametrize("status", [401, 403, 404, 413, 500])
def test_a_push_that_was_not_taken_exits_with_2_and_says_why(
    service: Service, push: Push, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    service.will(status, refusal(status, title="No", detail="The key expired."))
    assert push() == 2
    assert capsys.readouterr().err == f"equityaccess push: {status} No. The key expired.\n"
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [409, 429, 503])
def test_what_passes_is_waited_for_with_the_same_idempotency_key(service: Service, push: Push, status: int) -> None:
    busy = refusal(status)
    service.will(status, busy, Retry_After="0").will(status, busy, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")
    service.will(201, receipt())
    assert push() == 0
    assert len(service.requests) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in service.requests}) == 1
    assert len({body for _, _, body in service.requests}) == 1


def test_a_conflict_that_will_not_pass_is_not_tried_again(service: Service, push: Push) -> None:
    service.will(409, refusal(409))
    assert push() == 2
    assert len(service.requests) == 1


def test_a_lost_connection_is_tried_again(service: Service, push: Push) -> None:
    service.will(0, None).will(200, receipt(outcome="unchanged"))
    assert push() == 0
    assert len(service.requests) == 2


def test_patience_ends(service: Service, push: Push, capsys: pytest.CaptureFixture[str]) -> None:
    service.will(503, refusal(503), Retry_After="0")
    assert push() == 2
    assert "Gave up after 6 attempts" in capsys.readouterr().err
    assert len(service.requests) == 6


def test_each_run_has_an_idempotency_key_of_its_own(service: Service, push: Push) -> None:
    service.will(201, receipt())
    push()
    push()
    assert len({headers["Idempotency-Key"] for _, headers, _ in service.requests}) == 2


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b'{"ok": true}', b""])
def test_another_kind_of_server_is_recognised(
    service: Service, push: Push, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    service.will(200, body)
    assert push() == 2
    assert "is the URL right?" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://equity.example.org", "equity.example.org", "ftp://127.0.0.1", "http://"])
def test_a_url_that_would_show_the_key_or_is_none_is_refused(
    push: Push, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert push(url=url) == 2
    said = capsys.readouterr().err
    assert url in said
    assert KEY not in said


def test_a_file_that_cannot_be_sent_is_refused(push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book, empty = tmp_path / "counts.xls", tmp_path / "empty.csv"
    book.write_bytes(b"x")
    empty.touch()
    for file, why in (
        (book, "Save another spreadsheet as .xlsx or CSV"),
        (empty, "is empty"),
        (tmp_path / "none.csv", "No such file"),
    ):
        assert push(file=file) == 2
        assert why in capsys.readouterr().err


def test_without_a_key_or_a_url_nothing_is_sent(
    service: Service, push: Push, counts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(counts)]) == 2
    assert "EQUITYACCESS_URL" in capsys.readouterr().err
    for useless in ("", "eqa_live_ñ"):
        monkeypatch.setenv("EQUITYACCESS_KEY", useless)
        assert push() == 2
        assert "EQUITYACCESS_KEY" in capsys.readouterr().err
    assert service.requests == []
