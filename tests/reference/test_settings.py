"""Settings that contradict each other are refused with a sentence that says what to do."""

from __future__ import annotations

import pytest

from reference.settings import BadSettingsError, Settings

NEEDED = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MAIL_TIMEOUT_SECONDS": "5", "RECLAIM_SECONDS": "9.9"}, "MAIL_TIMEOUT_SECONDS is more than half of RECLAIM_SECONDS"),
        ({"MAIL_TIMEOUT_SECONDS": "5.6", "RECLAIM_SECONDS": "60"}, r"more than DRAIN_SECONDS less 2\.5; .*raise DRAIN_SECONDS"),
        ({"DRAIN_SECONDS": "6.4"}, "more than DRAIN_SECONDS"),
    ],
)
def test_what_would_let_two_workers_mail_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettingsError, match=said):
        Settings.of(NEEDED | given)


@pytest.mark.parametrize("given", [{}, {"MAIL_TIMEOUT_SECONDS": "5.5", "RECLAIM_SECONDS": "11"}, {"DRAIN_SECONDS": "6.5"}])
def test_what_just_fits_is_taken(given: dict[str, str]) -> None:
    settings = Settings.of(NEEDED | given)
    assert settings.mail_timeout_seconds <= settings.last_mails_seconds
