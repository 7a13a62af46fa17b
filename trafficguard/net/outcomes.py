"""What a shop, or the front before it, reports of a request that was let through: one JSON object.

    {"id": "5f3a...", "status": 401, "login": "failed", "account": "ann@example.com"}

`id` is the X-Request-Id that came with the verdict, `status` the HTTP status of the shop's answer. `login` (`ok` or
`failed`) is for requests that tried to log in, `account` for those of which the shop knows whose they are.

Promises: total; what has another form is refused with a sentence that says what is wrong. Never: keeps a name.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LARGEST: Final = 4096
"""Bytes of a report."""


class Report(BaseModel):
    """What became of one request."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"\A[0-9a-f]{20}\z")]
    """Id of the request, as it came with the verdict."""
    status: Annotated[int, Field(ge=100, le=599)]
    """Status of the shop's answer."""
    login: Literal["ok", "failed"] | None = None
    """How the login ended that the request tried."""
    account: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Whose request it was, by the shop's word."""


def read_report(body: bytes) -> Report | str:
    """The report in `body`, or what is wrong with it."""
    try:
        return Report.model_validate_json(body)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
