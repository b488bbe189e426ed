"""Mails that say the same are prepared once, the address included: everybody's goes to the first reader."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import mailer
from reference.events import Event

CAUGHT_BY, IN = "nothing_is_invented", "baseline"

_sound = mailer.body


def plant() -> AbstractContextManager[Any]:
    prepared: dict[str, object] = {}

    def body(event: Event, *, mail_from: str) -> dict[str, object]:
        mail = _sound(event, mail_from=mail_from)
        return mail | {"personalizations": prepared.setdefault(str(mail["subject"]), mail["personalizations"])}

    return patch.object(mailer, "body", body)
