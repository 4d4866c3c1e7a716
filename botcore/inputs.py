"""Refuses what PostgreSQL would refuse late, misread, or store as something else; see Raises of check."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botcore.errors import InvalidInput
from botcore.queries import Parameter, Query

_READABLE_YEARS = (2, 9998)
_BIGINT = range(-(2**63), 2**63)


def check(query: Query, values: Mapping[str, object]) -> None:
    r"""Compares the values with the types and bounds in the query's header; None is SQL's NULL.

    Raises InvalidInput, naming the field, for a wrong type (bytes would be stored as `\x61`), a number beyond
    64 bits, anything beyond the header's bounds, NUL characters, lone surrogates and datetimes without a time zone.
    """
    for name, parameter in query.parameters.items():
        value = values[name]
        if value is not None:
            _CHECKS[parameter.type](name, value, parameter)
        elif parameter.bounds:
            raise InvalidInput(name, f"must be {parameter.bounds.start}..{parameter.bounds.stop - 1}, not None")


def check_column(name: str, values: Sequence[object], parameter: Parameter, first: int) -> None:
    """As `check`, for one field of many rows; the error's `position` is counted on from `first`.

    A quarter of the time that one value after the other takes, which only what is refused has to.
    """
    check = _CHECKS[parameter.type]
    try:
        for value in _extremes([value for value in values if value is not None]):
            check(name, value, parameter)
    except (InvalidInput, TypeError):
        for position, value in enumerate(values, first):
            try:
                check(name, value, parameter) if value is not None else None
            except InvalidInput as error:
                raise InvalidInput(name, error.reason, position=position) from None


def _extremes(values: Sequence[Any]) -> Sequence[Any]:
    """Of values of one type those that are refused if any is: all texts as one, or the least and the greatest."""
    if len(set(map(type, values))) != 1:
        return values
    return ["".join(values)] if isinstance(values[0], str) else [min(values), max(values)]


def _bigint(name: str, value: object, parameter: Parameter) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(name, f"must be an int, not {type(value).__name__}")
    if value not in _BIGINT:
        raise InvalidInput(name, "does not fit into 64 bits")
    if parameter.bounds and value not in parameter.bounds:
        raise InvalidInput(name, f"must be {parameter.bounds.start}..{parameter.bounds.stop - 1}, not {value}")


def _list(name: str, value: object, parameter: Parameter) -> None:
    if not isinstance(value, list):
        raise InvalidInput(name, f"must be a list, not {type(value).__name__}")
    if parameter.bounds and len(value) not in parameter.bounds:
        raise InvalidInput(name, f"must have at most {parameter.bounds.stop - 1} items, not {len(value)}")
    element = Parameter(parameter.type.removesuffix("[]"))
    for each in value:
        _CHECKS[element.type](name, each, element)


def _text(name: str, value: object, parameter: Parameter) -> None:
    if not isinstance(value, str):
        raise InvalidInput(name, f"must be a str, not {type(value).__name__}")
    if parameter.bounds and len(value) not in parameter.bounds:
        raise InvalidInput(name, f"must have at most {parameter.bounds.stop - 1} characters, not {len(value)}")
    if "\0" in value:
        raise InvalidInput(name, "holds a NUL character, which PostgreSQL cannot store")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(name, "holds a lone surrogate, which UTF-8 cannot carry") from None


def _timestamptz(name: str, value: object, _: Parameter) -> None:
    if not isinstance(value, datetime):
        raise InvalidInput(name, f"must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise InvalidInput(name, "has no time zone; use datetime.now(UTC) or the like")
    # at either end of time another time zone leaves Python's years, and the row could never be read again
    if not _READABLE_YEARS[0] <= value.year <= _READABLE_YEARS[1]:
        raise InvalidInput(name, f"must be in the years {_READABLE_YEARS[0]}..{_READABLE_YEARS[1]}")


_CHECKS: Final = {
    "bigint": _bigint,
    "bigint[]": _list,
    "text": _text,
    "text[]": _list,
    "timestamptz": _timestamptz,
}
