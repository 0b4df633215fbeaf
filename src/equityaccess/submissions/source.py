"""Where the figures of a push come from: its only free text, and what may not stand in it. Pure, as rules.py is."""

from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Problem


def source_fault(source: str, longest: int) -> Problem | None:
    """What is wrong with the only free text of a push: its length, a secret, or something shaped like a person's."""
    what = looks_personal_or_named(source)
    code, detail = "", ""
    if len(source) > longest:
        code, detail = "text-too-long", f"source has {len(source)} characters; it may have {longest}."
    elif not source.isprintable():
        code = "invalid-character"
        detail = "source holds a character that does not show, such as a line feed or a change of direction."
    elif what == "a key":
        code = "secret"
        detail = "source holds what looks like an API key. Whoever reads the journal can read it: have it revoked."
    elif what:
        code = "personal-data"
        detail = f"source holds what looks like {what}. Name the system that sends, in small letters, not a person."
    return Problem(code=code, detail=detail, owner="sender", pointer="/source") if code else None
