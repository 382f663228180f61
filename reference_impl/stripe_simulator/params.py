"""Reading parameters, and refusing them in Stripe's words.

Whatever is refused here is refused before anything is executed, so no idempotency key is used up
by it. Parameters that the simulator doesn't know are ignored; Stripe would refuse misspelt ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .refusals import Refused, invalid

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts: eight digits.
LARGEST_AMOUNT = 99_999_999


class Params:
    """The parameters of one request, or of one level below it (``at`` is then its name)."""

    def __init__(self, values: Mapping[str, Any], at: str = "") -> None:
        self.values = values
        self._at = at

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def name(self, name: str) -> str:
        """Return the name as errors give it, such as ``items[0][price]``."""
        return f"{self._at}[{name}]" if self._at else name

    def text(self, name: str) -> str | None:
        """Return a string, or None where the parameter wasn't sent."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"Invalid string: {self.name(name)}", self.name(name))
        if value == "":
            message = f"You passed an empty string for '{self.name(name)}'."
            raise invalid(message, self.name(name), "parameter_invalid_empty")
        return value

    def needed(self, name: str) -> str:
        """Return a string that has to be there."""
        value = self.text(name)
        if value is None:
            raise self._absent(name)
        return value

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """Return one of ``options``."""
        value = self.needed(name) if default is None else self.text(name) or default
        if value not in options:
            message = f"Invalid {self.name(name)}: must be one of {' or '.join(options)}"
            raise invalid(message, self.name(name))
        return value

    def integer(self, name: str, least: int = 0) -> int | None:
        """Return a whole number of at least ``least``, or None."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            message = f"Invalid integer: {value}"
            raise invalid(message, self.name(name), "parameter_invalid_integer")
        if int(value) < least:
            message = f"This value must be greater than or equal to {least}."
            raise invalid(message, self.name(name), "parameter_invalid_integer")
        return int(value)

    def optional_amount(self, name: str) -> int | None:
        """Return an amount in the smallest unit of its currency, 1 to 99,999,999, or None."""
        value = self.integer(name, 1)
        if value is not None and value > LARGEST_AMOUNT:
            message = f"Amount must be no more than {LARGEST_AMOUNT}."
            raise invalid(message, self.name(name), "amount_too_large")
        return value

    def amount(self, name: str = "amount") -> int:
        """Return an amount that has to be there."""
        value = self.optional_amount(name)
        if value is None:
            raise self._absent(name)
        return value

    def currency(self) -> str:
        """Return a three-letter code in lower case."""
        value = self.needed("currency").lower()
        if not re.fullmatch("[a-z]{3}", value):
            raise invalid(f"Invalid currency: {value}.", self.name("currency"))
        return value

    def flag(self, name: str) -> bool:
        """Return true or false (the default)."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def level(self, name: str) -> Params:
        """Return the parameters below ``name``; there may be none."""
        value = self.values.get(name, {})
        if not isinstance(value, Mapping):
            raise invalid(f"Invalid object: {self.name(name)}", self.name(name))
        return Params(value, self.name(name))

    def levels(self, name: str) -> list[Params]:
        """Return the elements of an array of objects that has to be there."""
        value = self.values.get(name)
        if value is None:
            raise self._absent(name)
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise invalid(f"Invalid array: {self.name(name)}", self.name(name))
        return [Params(item, f"{self.name(name)}[{n}]") for n, item in enumerate(value)]

    def metadata(self) -> dict[str, str]:
        """Return the metadata: at most 50 keys of 40 characters, values of 500.

        Source: https://docs.stripe.com/api/metadata
        """
        level = self.level("metadata")
        # Written back, metadata[0] would have been taken for an array.
        found = {str(name): value for name, value in level.values.items()}
        for name, value in found.items():
            if not isinstance(value, str) or len(value) > 500 or len(name) > 40 or len(found) > 50:
                message = "Metadata: at most 50 keys of 40 characters, and values of 500."
                raise invalid(message, level.name(name))
        return found

    def _absent(self, name: str) -> Refused:
        message = f"Missing required param: {self.name(name)}."
        return invalid(message, self.name(name), "parameter_missing")
