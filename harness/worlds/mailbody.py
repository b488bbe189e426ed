"""What SendGrid accepts as the JSON body of `v3/mail/send`, and where the harness finds the event in it.

Only what decides between 202 and 400 for a plain mail is here; `provider.py` turns a complaint into an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.traffic import REFUSED_DOMAIN

MOST_PERSONALIZATIONS = 1000
LONGEST_SKETCH = 500
LONGEST_TEXT_IN_SKETCH = 30
ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True)
class Complaint:
    """Why a body is refused, and the field it is about (None: the body as a whole)."""

    message: str
    field: str | None = None


def string_at(document: Any, pointer: str) -> str | None:
    """The string an RFC 6901 JSON pointer names; None where there is nothing or something else."""
    for step in pointer.split("/")[1:]:
        document = _child(document, step.replace("~1", "/").replace("~0", "~"))
    return document if isinstance(document, str) else None


def sketch(document: Any) -> str:
    """A parsed body in brief, as JSON: long texts are cut, and of a list only its first entry is shown."""
    return _cut(json.dumps(_in_brief(document)), LONGEST_SKETCH)


def complaint_about(mail: Any) -> Complaint | None:
    """The first reason to refuse this parsed body; None when it is a mail that can be sent."""
    if not isinstance(mail, dict):
        return Complaint("Bad Request: the body is not a JSON object.")
    return next(_complaints(mail), None)


def addresses_in(mail: Any) -> tuple[str, ...]:
    """Every address in `to` of a parsed body, in order; empty where it is not a mail that can be sent."""
    if complaint_about(mail) is not None:
        return ()
    return tuple(str(recipient["email"]) for person in mail["personalizations"] for recipient in person["to"])


def _child(document: Any, name: str) -> Any:
    if isinstance(document, dict):
        return document.get(name)
    if isinstance(document, list) and name.isdecimal() and int(name) < len(document):
        return document[int(name)]
    return None


def _in_brief(document: Any) -> Any:
    match document:
        case dict():
            return {_cut(name, LONGEST_TEXT_IN_SKETCH): _in_brief(value) for name, value in document.items()}
        case [first, *_]:
            return [_in_brief(first)]
        case str():
            return _cut(document, LONGEST_TEXT_IN_SKETCH)
    return document


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def _complaints(mail: dict[str, Any]) -> Iterator[Complaint]:
    people = mail.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= MOST_PERSONALIZATIONS:
        yield Complaint(
            "The personalizations field is required and holds 1 to 1000 entries.",
            "personalizations",
        )
        return
    yield from _about_addresses(people)
    if not _is_address(mail.get("from")):
        yield Complaint("The from object must be provided with a valid email.", "from.email")
    yield from _about_subject(mail, people)
    yield from _about_content(mail)
    yield from _about_custom_args(mail)


def _about_addresses(people: list[Any]) -> Iterator[Complaint]:
    for i, person in enumerate(people):
        to = person.get("to") if isinstance(person, dict) else None
        if not isinstance(to, list) or not to:
            yield Complaint(
                "The to array is required and must not be empty.",
                f"personalizations.{i}.to",
            )
            continue
        for j, recipient in enumerate(to):
            if not _is_address(recipient) or recipient["email"].lower().endswith("@" + REFUSED_DOMAIN):
                yield Complaint(
                    "Does not contain a valid address.",
                    f"personalizations.{i}.to.{j}.email",
                )


def _about_subject(mail: dict[str, Any], people: list[Any]) -> Iterator[Complaint]:
    everyone_has_one = all(isinstance(person, dict) and _is_text(person.get("subject")) for person in people)
    if not (_is_text(mail.get("subject")) or everyone_has_one or "template_id" in mail):
        yield Complaint("The subject is required and must not be empty.", "subject")


def _about_content(mail: dict[str, Any]) -> Iterator[Complaint]:
    content = mail.get("content")
    if content is None and "template_id" in mail:
        return
    if not isinstance(content, list) or not content:
        yield Complaint("The content array is required and must not be empty.", "content")
        return
    for i, part in enumerate(content):
        if not isinstance(part, dict) or not _is_text(part.get("type")) or not _is_text(part.get("value")):
            yield Complaint(
                "The content needs a type and a value of at least one character.",
                f"content.{i}.value",
            )


def _about_custom_args(mail: dict[str, Any]) -> Iterator[Complaint]:
    arguments = mail.get("custom_args", {})
    if not isinstance(arguments, dict) or not all(isinstance(value, str) for value in arguments.values()):
        yield Complaint("The custom_args object holds strings only.", "custom_args")


def _is_address(entry: Any) -> bool:
    email = entry.get("email") if isinstance(entry, dict) else None
    return isinstance(email, str) and ADDRESS.fullmatch(email) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
