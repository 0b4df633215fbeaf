"""Every refusal, as RFC 9457 problem details: what is wrong, where, and who mends it."""

from typing import ClassVar, Literal

import msgspec

from equityaccess import personal

Owner = Literal["sender", "data_owner", "county"]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that is wrong, where it is, and who can mend it."""

    code: str
    detail: str
    owner: Owner
    pointer: str = ""  # RFC 6901, into the JSON document or the NDJSON line
    row: int | None = None  # 1 is the first data row
    line: int | None = None  # of the file, header included (CSV)
    column: str | None = None  # the CSV header
    suggestion: str | None = None


def without_personal(problem: Problem) -> Problem:
    """*problem*, unless it repeats what looks like it belongs to a person: then it says that, and repeats nothing."""
    said = personal.quoted(problem.detail)
    placed = personal.looks_personal(f"{problem.pointer} {problem.column or ''}")
    if not said and not placed:
        return problem
    return msgspec.structs.replace(
        problem,
        code="personal-data",
        detail=f"Here stands what looks like {said or placed}. Only counts may be sent; it is not repeated.",
        suggestion=None,
        pointer="" if placed else problem.pointer,
        column=None if placed else problem.column,
    )


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The body of every answer that is not a success (``application/problem+json``)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None  # the submission, once it is in the journal
    request_id: str | None = None
    errors: list[Problem] = []
    errors_total: int | None = None  # when more were found than are listed


class Refusal(Exception):
    """An answer that the caller can act on; a subclass names the state and carries the status."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    owner: ClassVar[Owner] = "sender"

    def __init__(
        self,
        detail: str,
        *,
        errors: list[Problem] | None = None,
        errors_total: int | None = None,
        instance: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.errors_total = errors_total
        self.instance = instance
        self.headers = headers or {}

    def details(self, request_id: str | None = None) -> ProblemDetails:
        """This refusal as the body of the answer."""
        return ProblemDetails(
            type=f"/problems/{self.code}",
            title=self.title,
            status=self.status,
            detail=personal.without_quoted(self.detail),
            instance=self.instance,
            request_id=request_id,
            errors=[without_personal(error) for error in self.errors],
            errors_total=self.errors_total,
        )


class MalformedRequest(Refusal):
    """The request could not be read as what it says it is."""

    status, code, title = 400, "malformed-request", "The request could not be read"


class RepeatedParameter(Refusal):
    """A query parameter or header that may stand once was sent twice, so that its meaning is not certain."""

    status, code, title = 400, "repeated-parameter", "A parameter was sent twice"


class NotAuthenticated(Refusal):
    """No key, or none that is valid now: unknown, expired or revoked."""

    status, code, title = 401, "not-authenticated", "A valid API key is needed"

    def __init__(self, detail: str, *, errors: list[Problem] | None = None) -> None:
        super().__init__(detail, errors=errors, headers={"WWW-Authenticate": 'Bearer realm="equityaccess"'})


class NotAllowed(Refusal):
    """The key is valid, but not for this: a scope is missing, or the LEA is another's."""

    status, code, title = 403, "not-allowed", "The key does not allow this"


class NotFound(Refusal):
    """There is no such thing, or it is not the caller's: both look the same."""

    status, code, title = 404, "not-found", "There is no such thing here"


class MethodNotAllowed(Refusal):
    """The path exists, but not with this method; ``Allow`` names those that do."""

    status, code, title = 405, "method-not-allowed", "This method is not offered here"


class NotAcceptable(Refusal):
    """None of the formats in ``Accept`` is one that this route can answer in."""

    status, code, title = 406, "not-acceptable", "The answer cannot be given in that format"


class TooSlow(Refusal):
    """The body stopped coming, or came so slowly that it would have kept a connection for too long."""

    status, code, title = 408, "request-timeout", "The body did not come in time"


class Conflict(Refusal):
    """The request fits badly with the present state: try again later, or read the state first."""

    status, code, title = 409, "conflict", "The state of things does not allow this now"


class PreconditionFailed(Refusal):
    """Somebody has changed it since you read it: read it again, then decide again."""

    status, code, title = 412, "precondition-failed", "It has changed in the meantime"


class PreconditionRequired(Refusal):
    """A change needs ``If-Match`` with the ETag of what was read, so that nobody's change is overwritten unseen."""

    status, code, title = 428, "precondition-required", "If-Match is needed"


class TooLarge(Refusal):
    """The body has more bytes or rows than this route takes in one request."""

    status, code, title = 413, "too-large", "The body is too large"


class UnsupportedMediaType(Refusal):
    """The content type, its charset or its encoding is not one that this route reads."""

    status, code, title = 415, "unsupported-media-type", "The body is of an unsupported type"


class Misdirected(Refusal):
    """The request is meant for another host than those that are served here, says its ``Host``."""

    status, code, title = 421, "misdirected-request", "Another host is meant"


class Invalid(Refusal):
    """The request was read, and something in it is wrong; every fault is listed."""

    status, code, title = 422, "invalid", "Something in the request is wrong"


class TooManyRequests(Refusal):
    """This credential, or an address that tries unknown ones, has used up its share; see ``Retry-After``."""

    status, code, title = 429, "quota-exceeded", "Too many requests"


class Unavailable(Refusal):
    """The service cannot do it at the moment; nothing was half done. ``Retry-After`` says when to come back."""

    status, code, title = 503, "temporary-reduced-capacity", "The service is busy or not ready"
    owner: ClassVar[Owner] = "county"


class InternalError(Refusal):
    """Our fault. The request id leads to what happened."""

    status, code, title = 500, "internal-error", "Something went wrong on our side"
    owner: ClassVar[Owner] = "county"


REFUSALS: tuple[type[Refusal], ...] = (
    MalformedRequest,
    RepeatedParameter,
    NotAuthenticated,
    NotAllowed,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    TooSlow,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Misdirected,
    Invalid,
    PreconditionRequired,
    TooManyRequests,
    InternalError,
    Unavailable,
)
