"""Types of fields that several requests have. What they refuse never comes to the database."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LARGEST_INTEGER = 2_147_483_647  # PostgreSQL's
LARGEST_CENTS = 99_999_999  # Stripe's, https://docs.stripe.com/currencies

# PostgreSQL takes no zero bytes.
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
OperationId = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,128}$"),
    Field(description="The caller's name for the operation: repeat a request under the same one"),
]
Credits = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Cents = Annotated[int, Field(ge=50, le=LARGEST_CENTS)]
Key = Annotated[
    UUID | None,
    Field(description="Repeat a request under the same key. Drawn if it isn't given"),
]


class Body(BaseModel):
    """A request's body: nothing but what is known."""

    model_config = ConfigDict(extra="forbid")
