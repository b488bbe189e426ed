"""What makes the foreign service foreign, and which events it takes. Its promises are judged by the harness' own runs."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent
EVENT = {"id": "evt_1", "source": "a5", "type": "page.published", "data": {"n": 1}, "email": {"to": "reader@example.com"}}


@pytest.fixture(scope="module")
def service() -> ModuleType:
    spec = importlib.util.spec_from_file_location("foreign_service", FOLDER / "service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_it_imports_the_standard_library_and_asyncpg_only() -> None:
    tree = ast.parse((FOLDER / "service.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"asyncpg"}


def test_the_losing_system_differs_by_its_switch_alone() -> None:
    sound, loses = (tomllib.loads((FOLDER / name).read_text()) for name in ("foreign.toml", "foreign_loses.toml"))
    assert loses["env"].pop("FOREIGN_LOSES_EVERY") == "10"
    for system in (sound, loses):
        del system["name"], system["description"]
    assert sound == loses


def test_an_event_is_its_pair_and_a_canonical_payload(service: ModuleType) -> None:
    event = service.parse(json.dumps(EVENT).encode())
    again = service.parse(json.dumps(dict(reversed(EVENT.items()))).encode())
    assert (event.source, event.id) == ("a5", "evt_1")
    assert event.digest == again.digest
    assert event.digest != service.parse(json.dumps(EVENT | {"data": None}).encode()).digest


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(json.dumps({"id": "a"}).encode(), id="no source"),
        pytest.param(json.dumps(EVENT | {"id": ""}).encode(), id="empty id"),
        pytest.param(json.dumps(EVENT | {"id": "a" * 256}).encode(), id="id of 256"),
        pytest.param(json.dumps(EVENT | {"id": "a\0b"}).encode(), id="NUL in the id"),
        pytest.param(json.dumps(EVENT | {"id": 7}).encode(), id="id is a number"),
        pytest.param(json.dumps(EVENT | {"data": "\ud800"}).encode(), id="lone surrogate"),
        pytest.param(json.dumps(EVENT | {"data": float("nan")}).encode(), id="NaN"),
        pytest.param(json.dumps(EVENT | {"email": "reader@example.com"}).encode(), id="email is no object"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
def test_what_is_no_event_is_refused_with_422(service: ModuleType, body: bytes) -> None:
    with pytest.raises(service.RefusedError) as refused:
        service.parse(body)
    assert refused.value.answer.status == 422
    assert refused.value.answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("data", [{"text": "a\0b"}, None, "é", ["a"]], ids=repr)
def test_any_json_is_data(service: ModuleType, data: Any) -> None:
    assert service.parse(json.dumps(EVENT | {"data": data}).encode()).id == "evt_1"
