"""Chromium for the tests of pages: found on PATH or named in CHROMIUM; only a test that needs it is skipped without one."""

from __future__ import annotations

import os
import shutil

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
