"""What two help desks send, as documented by them: fields and shape are theirs, the values are ours."""

from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from equityaccess.clock import LOCAL
from equityaccess.database import Database, Query
from equityaccess.support import store
from equityaccess.support.desks import FrappePayload, ZammadPayload
from tests.conftest import MakeKey, bearer

LONG_BEACH = "19647250000000"
ZAMMAD = "/v1/support-events/zammad?track=FIN"
FRAPPE = "/v1/support-events/frappe?track=HCM"


@pytest.fixture
async def desk(make_key: MakeKey) -> dict[str, str]:
    return bearer(await make_key(scopes=["county"]))


def person(number: int, role: str) -> dict[str, Any]:
    return {
        "active": True, "created_at": "2026-01-13T12:57:47.679Z", "created_by": "-", "created_by_id": 1,
        "email": f"person{number}@example.org", "firstname": "Given", "id": number, "lastname": "Surname",
        "login": f"person{number}@example.org", "organization": "An organization", "organization_id": 2,
        "out_of_office": False, "phone": "555 010 0199", "role_ids": [number], "roles": [role],
        "updated_at": "2026-01-13T13:00:03.064Z", "verified": False, "vip": False,
    }  # fmt: skip


def zammad(
    state: str = "open",
    updated_at: str = "2026-11-02T17:34:35.333Z",
    *,
    sender: str = "Customer",
    article: int = 104,
    internal: bool = False,
    organization: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The default payload, as manage/webhook/payload.rst of Zammad's administrator's documentation shows it."""
    of = {"active": True, "created_by_id": 1, "domain_assignment": False, "id": 3, "member_ids": [8, 6, 7],
          "members": ["person8@example.org"], "name": "Long Beach Unified", "note": "a note", "shared": True,
          "updated_at": "2026-11-02T17:34:35.346Z"}  # fmt: skip
    of |= {"lea": LONG_BEACH} if organization is None else organization
    return {
        "ticket": {
            "article_count": 1, "article_ids": [article], "create_article_sender": "Customer",
            "create_article_type": "phone", "created_at": "2026-11-02T17:34:35.282Z", "created_by": person(3, "Agent"),
            "customer": person(8, "Customer"), "customer_id": 8, "group": {"id": 3, "name": "BEST finance"},
            "id": 81, "last_contact_at": "2026-11-02T17:34:35.318Z", "number": "10081", "organization": of,
            "owner": person(5, "Agent"), "priority": {"id": 2, "name": "2 normal"}, "state": state, "state_id": 2,
            "ticket_time_accounting": [], "title": "Sent by person8@example.org", "topic": "data_conversion",
            "updated_at": updated_at, "updated_by": person(3, "Agent"), "updated_by_id": 3,
        },
        "article": {
            "attachments": [{"id": 174, "filename": "image1.jpeg", "size": "35574"}],
            "body": "Call me at 555 010 0199.<div><br></div>", "content_type": "text/html", "created_at": updated_at,
            "from": "Given Surname <person8@example.org>", "id": article, "internal": internal,
            "origin_by": "person8@example.org", "sender": sender, "ticket_id": 81, "type": "email",
            "updated_at": updated_at, "accounted_time": 0,
        },
    }  # fmt: skip


def frappe(category: str = "Open", modified: str = "2026-11-02 09:34:35.333000", **more: Any) -> dict[str, Any]:
    """An HD Ticket by the template in docs/help-desks.md; Frappe writes instants without an offset."""
    return {
        "name": 4711, "customer": f"Long Beach Unified {LONG_BEACH}", "status_category": category,
        "ticket_type": "payroll", "creation": "2026-11-02 09:34:35.282000", "modified": modified,
        "first_responded_on": "", **more,
    }  # fmt: skip


async def kinds(client: httpx.AsyncClient, desk: dict[str, str]) -> list[str]:
    found = (await client.get("/v1/support-events", headers=desk)).json()["items"]
    return [one["kind"] for one in reversed(found)]


@pytest.mark.parametrize(("path", "payload"), [(ZAMMAD, zammad()), (FRAPPE, frappe())], ids=["zammad", "frappe"])
async def test_the_same_delivered_twice_counts_once(
    client: httpx.AsyncClient, desk: dict[str, str], make_key: MakeKey, path: str, payload: dict[str, Any]
) -> None:
    first = await client.post(path, json=payload, headers=desk)
    assert (first.status_code, first.json()["created"]) == (201, 1), first.text
    again = await client.post(path, json=payload, headers=desk)
    assert (again.status_code, again.json()["created"]) == (200, 0)
    renewed = bearer(await make_key(scopes=["county"]))  # the desk has a new key, and tries again
    assert (await client.post(path, json=payload, headers=renewed)).status_code == 200
    [event] = (await client.get("/v1/support-events", headers=desk)).json()["items"]
    assert (event["lea"], event["kind"], event["told_by"]) == (LONG_BEACH, "ticket_opened", "county")
    assert event["topic"] in ("data_conversion", "payroll")


async def test_a_ticket_of_zammad_is_followed_from_its_opening_to_its_reopening(
    client: httpx.AsyncClient, desk: dict[str, str]
) -> None:
    steps = [
        zammad("new", "2026-11-02T17:34:35.333Z"),
        zammad("open", "2026-11-02T18:00:00Z", sender="Agent", article=105, internal=True),
        zammad("pending reminder", "2026-11-02T18:30:00Z", sender="Agent", article=106),
        zammad("a state of ours", "2026-11-03T16:00:00Z", article=107),
        zammad("open", "2026-11-03T17:00:00Z", article=108),
        zammad("closed", "2026-11-03T18:00:00Z", sender="Agent", article=109),
        zammad("open", "2026-11-04T17:00:00Z", article=110),
    ]
    for step in steps:
        assert (await client.post(ZAMMAD, json=step, headers=desk)).status_code in (200, 201)
    expected = [
        "ticket_opened", "ticket_answered", "ticket_waiting", "ticket_resumed", "ticket_answered", "ticket_resolved",
        "ticket_reopened",
    ]  # fmt: skip
    assert sorted(await kinds(client, desk)) == sorted(expected)
    for step in reversed(steps):  # late, and in the wrong order
        assert (await client.post(ZAMMAD, json=step, headers=desk)).json()["created"] == 0
    assert len(await kinds(client, desk)) == len(expected)


async def test_a_delivery_that_was_overtaken_tells_of_its_answer_and_of_no_state(
    client: httpx.AsyncClient, desk: dict[str, str]
) -> None:
    late = zammad("pending close", "2026-11-02T18:30:00Z", sender="Agent", article=106)
    for step in (zammad("new"), zammad("closed", "2026-11-03T18:00:00Z"), late):
        assert (await client.post(ZAMMAD, json=step, headers=desk)).status_code == 201
    assert await kinds(client, desk) == ["ticket_opened", "ticket_answered", "ticket_resolved"]


async def test_a_ticket_of_frappe_is_followed_by_the_clock_of_the_county(
    client: httpx.AsyncClient, desk: dict[str, str]
) -> None:
    replied = frappe("Paused", "2026-11-02 11:00:00.000000", first_responded_on="2026-11-02 10:59:00")
    solved = frappe("Resolved", "2026-11-03 08:00:00", first_responded_on="2026-11-02 10:59:00")
    for step in (frappe(), replied, solved, replied):
        answer = await client.post(FRAPPE, json=step, headers=desk)
        assert answer.status_code in (200, 201), answer.text
    found = (await client.get("/v1/support-events", headers=desk)).json()["items"]
    told = [(one["kind"], datetime.fromisoformat(one["started_at"]).astimezone(LOCAL)) for one in reversed(found)]
    assert [kind for kind, _ in told] == ["ticket_opened", "ticket_answered", "ticket_waiting", "ticket_resolved"]
    assert [f"{at:%H:%M}" for _, at in told] == ["09:34", "10:59", "11:00", "08:00"]


async def test_nothing_of_a_person_is_kept_of_what_a_desk_sends(
    client: httpx.AsyncClient, desk: dict[str, str], database: Database
) -> None:
    await client.post(ZAMMAD, json=zammad("closed", sender="Agent"), headers=desk)
    await client.post(FRAPPE, json=frappe(raised_by="person8@example.org", contact="Given Surname"), headers=desk)
    for table in ("support_event", "audit_entry"):
        whole = Query("whole", f"SELECT CAST(to_jsonb(t) AS text) FROM {table} AS t", ())
        async with database.transaction(every_lea=True) as tx:
            text = "\n".join(await tx.values(whole))
        assert LONG_BEACH in text or "zammad-81" in text
        for trace in ("person", "Surname", "555", "image1", "note"):
            assert trace not in text, table


@pytest.mark.parametrize(
    ("path", "payload", "status", "code"),
    [
        (ZAMMAD, zammad(organization={"lea": None}), 422, "no-lea"),
        (ZAMMAD, zammad(organization={"lea": "19000000000000"}), 422, "unknown-lea"),
        (ZAMMAD, {"article": {}}, 422, "missing-field"),
        (FRAPPE, frappe(customer=""), 422, "no-lea"),
        (FRAPPE, frappe(modified="yesterday"), 422, "invalid-date"),
        (FRAPPE, frappe("Escalated"), 422, "invalid-value"),
        (FRAPPE, frappe(modified="2126-11-02 10:00:00", creation="2126-11-02 09:00:00"), 422, "future-date"),
        (ZAMMAD.partition("?")[0], zammad(), 422, "invalid-parameter"),
    ],
)
async def test_what_cannot_be_told_apart_is_refused(
    client: httpx.AsyncClient, desk: dict[str, str], path: str, payload: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.post(path, json=payload, headers=desk)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert "example.org" not in answer.text


async def test_a_district_cannot_speak_for_the_desk(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    district = bearer(await make_key(lea=LONG_BEACH, scopes=["push", "read"]))
    assert (await client.post(ZAMMAD, json=zammad(), headers=district)).status_code == 403
    assert (await client.post(FRAPPE, json=frappe(), headers=district)).status_code == 403


def test_a_code_is_found_in_the_name_of_a_customer() -> None:
    def lea(organization: dict[str, Any]) -> str:
        return msgspec.convert(zammad(organization=organization), ZammadPayload).lea()

    assert lea({"name": f"Long Beach ({LONG_BEACH})"}) == LONG_BEACH
    assert lea({"name": "Sample College [best:7101]"}) == "best:7101"
    assert lea({"name": "call 196472500000001"}) == ""
    assert msgspec.convert(frappe(custom_lea=" best:7101 "), FrappePayload).lea() == "best:7101"


async def test_every_topic_names_milestones_of_the_playbook(database: Database) -> None:
    async with database.transaction() as tx:
        topics = await store.topics(tx)
    assert len(topics) == 16
    assert [topic.code for topic in topics if not topic.milestones] == ["other"]
