"""What is shaped like a person's number, address or name is recognised, and what machines make up is not."""

from uuid import UUID, uuid4

import pytest

from equityaccess.personal import looks_named, looks_personal, quoted, token_looks_personal, without_quoted
from equityaccess.problems import Invalid, Problem, without_personal


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("078-05-1120", "a social security number"),
        ("for 078 05 1120", "a social security number"),
        ("078051120", "a social security number"),
        ("ssn078051120x", "a social security number"),
        ("078\u201305\u20131120", "a social security number"),  # en dashes
        ("\uff10\uff17\uff18-05-1120", "a social security number"),  # full-width digits
        ("\u0660\u0661\u0662-\u0663\u0664-\u0665\u0666\u0667\u0668", "a social security number"),
        ("SSID 1234567890", "a student identifier"),
        ("(562) 555-0134", "a telephone number"),
        ("+1 562.555.0134", "a telephone number"),
        ("562-555-0134", "a telephone number"),
        ("key=eqa_live_0a1B", "a key"),
        ("(eqa_token_0a1B)", "a key"),
        ("jo@example.org", "an e-mail address"),
        ("jo@localhost", "an e-mail address"),
        ("jo%40example.org", "an e-mail address"),
        ("jo [at] example.org", "an e-mail address"),
        ("jos\u00e9@example.org", "an e-mail address"),
    ],
)
def test_a_number_or_an_address_of_a_person_is_recognised(text: str, what: str) -> None:
    assert looks_personal(text) == what


@pytest.mark.parametrize(
    "text",
    ["", "SIS nightly export 2026-11-20, v12.3", "19642120000000", "19-64212-0000000", "2026-11-23T08:05:00Z", "18,000",
     "5000000", "20261123", "run 4711", "@SUM(1)", str(UUID(int=123456789)),
     "12345678-1234-5678-1234-123456789012"],
)  # fmt: skip
def test_codes_dates_counts_and_identifiers_are_not(text: str) -> None:
    assert looks_personal(text) is None
    assert token_looks_personal(text.replace(" ", "")) is None


def test_what_machines_make_up_is_no_number_of_a_person() -> None:
    for _ in range(2_000):
        made = uuid4()
        assert token_looks_personal(str(made)) is None
        assert token_looks_personal(f"push-{made.hex}") is None or made.hex.isdigit()
    assert token_looks_personal("for-078-05-1120") == "a social security number"
    assert token_looks_personal("jo@example.org") == "an e-mail address"


@pytest.mark.parametrize(
    "text",
    ["Maria Garcia", "from Maria J. Garcia", "Garcia, Maria", "student Maria", "Mr. Nguyen", "Dr Lee",
     "Mary-Jo O'Brien", "Jos\u00e9 Mu\u00f1oz", "Jose\u0301 Mun\u0303oz", "Ana de la Cruz Lopez", "(Wei Chen)"],
)  # fmt: skip
def test_what_is_shaped_like_a_name_is_recognised(text: str) -> None:
    assert looks_named(text)


@pytest.mark.parametrize(
    "text",
    ["", "SIS nightly export", "Aeries export", "SAMPLE DATA (equityaccess demo)", "PowerSchool 23.4",
     "infinite campus", "CALPADS fall 1", "Q", "MDM and help desk", "Infinite Campus", "Aeries SIS Nightly Export",
     "US Census Bureau, American Community Survey 2014-2018", "Student Information System", "T-Mobile hotspots"],
)  # fmt: skip
def test_the_names_of_systems_are_not(text: str) -> None:
    assert not looks_named(text)


def test_a_message_repeats_nothing_personal_and_all_else() -> None:
    said = "'jo@example.org' is not 'device', and \"o'b 078-05-1120\" is none; 2000000000 bytes"
    assert without_quoted(said) == "'[removed]' is not 'device', and '[removed]' is none; 2000000000 bytes"
    assert quoted("'device' and 078-05-1120") is None, "our own words are not what was sent"


def test_a_problem_about_something_personal_says_so_and_no_more() -> None:
    def problem(**more: str) -> Problem:
        return Problem(code="unknown-field", detail="'x' is none.", owner="sender", **more)

    plain = problem(pointer="/observations/3/x", column="x")
    assert without_personal(plain) is plain
    told = without_personal(
        Problem(code="x", detail="'078-05-1120'", owner="sender", pointer="/3/lea", suggestion="078")
    )
    assert (told.code, told.pointer, told.suggestion) == ("personal-data", "/3/lea", None)
    for place in ({"pointer": "/3/jo@example.org"}, {"column": "jo@example.org"}):
        told = without_personal(problem(**place))
        assert (told.code, told.pointer, told.column) == ("personal-data", "", None)
    details = Invalid("'jo@example.org' is none.", errors=[problem(column="jo@example.org")]).details()
    assert "jo@" not in str(details)
