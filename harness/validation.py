"""What is wrong with what a person wrote, a system file or a fault's settings: one sentence, in other words than pydantic's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.usage import nearest

_TABLE = "a table of its own: [name], and its keys below it"
_KINDS_OF_SETTINGS = ("str", "int", "float")  # pydantic names each it tried for a server's setting
EXPECTED = {  # in place of pydantic's words for people who write Python
    "list_type": 'a list of words: ["python", "service.py", "--port", "{{port}}"]',
    "too_short": 'a list of at least one word: ["python", "service.py"]',
    "string_type": 'text in quotes: "..."',
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "int_type": "a whole number without quotes",
    "int_parsing": "a whole number without quotes",
    "int_from_float": "a whole number without quotes",
    "float_type": "a number without quotes",
    "float_parsing": "a number without quotes",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "one of {expected}",
    "string_pattern_mismatch": 'a module and a name in it: "package.module:build"',
}


def sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake, and what should have stood there; `model` is what the file's data was checked against."""
    # A key nobody knows goes first: it is why another one is missing.
    first: dict[str, Any] = dict(min(error.errors(), key=lambda one: one["type"] != "extra_forbidden"))
    where = ".".join(str(part) for part in first["loc"] if part not in _KINDS_OF_SETTINGS)
    if first["type"] == "extra_forbidden":
        return f"unknown key '{where}'. {nearest(str(first['loc'][-1]), _keys(first['loc'][:-1], model))}"
    if first["type"] == "missing":
        return f"the required key '{where}' is missing; see docs/your-service.md for a complete file."
    told = wrong_value(first, where=where)
    return told if told.endswith("?") else f"{told}."


def wrong_value(mistake: Mapping[str, Any], *, where: str) -> str:
    """Which value stands there and what was expected, without a full stop; `mistake` is one of pydantic's `errors()`."""
    if mistake["type"] == "value_error":
        return f"{where}: {mistake['ctx']['error']}" if where else str(mistake["ctx"]["error"])
    return f"{where} is {json.dumps(mistake['input'], default=str)}, expected {_expected(mistake)}"


def _expected(mistake: Mapping[str, Any]) -> str:
    """What should have stood there."""
    kind, context = mistake["type"], mistake.get("ctx", {})
    if kind in EXPECTED:
        return EXPECTED[kind].format(**context)
    return str(mistake["msg"]).removeprefix("Input should be ")


def _keys(section: tuple[Any, ...], model: Any) -> list[str]:
    """The keys that may stand in a section of the file."""
    for part in section:
        annotation = model.model_fields[str(part)].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel))
    return [name for name in model.model_fields if name != "path"]
