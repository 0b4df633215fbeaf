"""What each refusal means, who mends it and what it looks like: the text behind the ``type`` of a problem document."""

from typing import Final

import msgspec

from equityaccess.problems import (
    REFUSALS,
    Conflict,
    InternalError,
    Invalid,
    MalformedRequest,
    MethodNotAllowed,
    Misdirected,
    NotAcceptable,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Owner,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    ProblemDetails,
    Refusal,
    RepeatedParameter,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unavailable,
    UnsupportedMediaType,
)

MENDED_BY: Final[dict[Owner, str]] = {
    "sender": "Whoever runs the program that sent the request.",
    "data_owner": "Whoever keeps the figures at the LEA: the program is right, and the figures are not.",
    "county": "The county office, or whoever runs this service for it. Sending it again later may be enough.",
}
_REQUEST_ID: Final = "0b7f6a3e9c0d4f1e8a2b5c6d7e8f9a0b"
_EXAMPLES: Final[tuple[Refusal, ...]] = (
    MalformedRequest(
        "The JSON cannot be read: Expecting ',' delimiter at line 3, column 12.",
        errors=[
            Problem(
                code="malformed-json",
                detail="The JSON cannot be read: Expecting ',' delimiter at line 3, column 12.",
                owner="sender",
            )
        ],
    ),
    RepeatedParameter("Sent more than once: limit."),
    NotAuthenticated("This key was revoked at 2026-11-02 17:20 UTC. Ask the county office for a new one."),
    NotAllowed("This key has the scope push; county is needed."),
    NotFound("There is no key 5f0c7a52-7f0e-4c0a-9a54-0b6f0a3f3f10."),
    MethodNotAllowed("This address is not used with this method; the header Allow names those that it is used with."),
    NotAcceptable("Accept names none of application/json, text/csv."),
    TooSlow("The body was silent for 10 s, or slower than 1000 bytes a second."),
    Conflict("An LEA has at most two live keys."),
    PreconditionFailed('training is at version 4 now; you changed version "3".'),
    PreconditionRequired("Read the milestone, and send its ETag as If-Match."),
    TooLarge("The body is larger than this route takes."),
    UnsupportedMediaType(
        "A body of type 'text/plain' is not read here. Send Content-Type: application/json.",
        errors=[
            Problem(
                code="unsupported-media-type",
                detail="A body of type 'text/plain' is not read here.",
                owner="sender",
                suggestion="Send Content-Type: application/json.",
            )
        ],
    ),
    Misdirected("The host 'api.example.org' is not served here."),
    Invalid(
        "'limt' is not a parameter of this route; it takes cursor, lea, limit.",
        errors=[
            Problem(
                code="unknown-parameter",
                detail="'limt' is not a parameter of this route; it takes cursor, lea, limit.",
                owner="sender",
                pointer="/query/limt",
            )
        ],
    ),
    TooManyRequests("This key may send 600 requests a minute. Come back in 7 s."),
    InternalError("This is our fault, and it is logged. Quote the request id when you report it."),
    Unavailable("The database did not answer in time. Nothing was half done: send the same again."),
)


class ProblemType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of refusal: what it means, who mends it, and an example."""

    type: str
    code: str
    title: str
    status: int
    meaning: str
    mended_by: str
    example: ProblemDetails


class ProblemTypes(msgspec.Struct, frozen=True, kw_only=True):
    """Every kind of refusal there is."""

    items: list[ProblemType]


def problem_types() -> dict[str, ProblemType]:
    """Every kind of refusal, by its code."""
    examples = {type(example): example for example in _EXAMPLES}
    return {refusal.code: _problem_type(refusal, examples[refusal]) for refusal in REFUSALS}


def _problem_type(refusal: type[Refusal], example: Refusal) -> ProblemType:
    return ProblemType(
        type=f"/problems/{refusal.code}",
        code=refusal.code,
        title=refusal.title,
        status=refusal.status,
        meaning=" ".join((refusal.__doc__ or "").replace("``", "").split()),
        mended_by=MENDED_BY[refusal.owner] + (" Each fault in errors names its own owner." if example.errors else ""),
        example=example.details(_REQUEST_ID),
    )
