"""An event whose mail is out and whose row cannot be closed is put back without a word about its mail: it is mailed again."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.delivery import Delivery
from reference.queue import Entry

CAUGHT_BY, IN = "no_unexplained_second_mail", "mail_noted_in_redis"


def _is_mailed(self: Delivery, entry: Entry) -> bool:
    return False


def plant() -> AbstractContextManager[Any]:
    return patch.object(Delivery, "_is_mailed", _is_mailed)
