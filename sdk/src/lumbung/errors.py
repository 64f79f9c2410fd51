"""Errors of the API, as a program and a person want them."""

import dataclasses

__all__ = ["ApiError"]


@dataclasses.dataclass(eq=False)
class ApiError(Exception):
    """A call that failed.

    `code` is the gRPC code's name, `reason` a stable word, `message` says what is wrong and what to do in the
    caller's language, `field` names the wrong field of the request if there is one.
    """

    code: str
    message: str
    reason: str = ""
    field: str = ""
    trace_id: str = ""
    retry_after_seconds: float | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.message
