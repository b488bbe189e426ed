"""Ports are free, ours alone, and below the range of outgoing connections."""

from __future__ import annotations

import socket

import pytest

from harness.worlds.real import ports as ports_module
from harness.worlds.real.ports import BEYOND_HIGHEST_PORT, LOWEST_PORT, NoPortFreeError, Ports, is_free


def test_a_port_is_drawn_once_and_can_be_listened_on(ports: Ports) -> None:
    drawn = [ports.draw() for _ in range(50)]
    assert len(set(drawn)) == 50
    assert all(LOWEST_PORT <= port < BEYOND_HIGHEST_PORT <= 32768 for port in drawn)
    with socket.create_server(("127.0.0.1", drawn[0])):
        assert not is_free(drawn[0])
    assert is_free(drawn[0])


@pytest.fixture
def two_ports_in_the_world(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> int:
    lowest = next(port for port in range(LOWEST_PORT, BEYOND_HIGHEST_PORT) if is_free(port) and is_free(port + 1))
    monkeypatch.setattr(ports_module, "LOWEST_PORT", lowest)
    monkeypatch.setattr(ports_module, "BEYOND_HIGHEST_PORT", lowest + 2)
    return lowest


def test_another_harness_gets_what_is_left_and_then_a_sentence(ports: Ports, two_ports_in_the_world: int) -> None:
    other = Ports()
    try:
        assert {ports.draw(), other.draw()} == {two_ports_in_the_world, two_ports_in_the_world + 1}
        with pytest.raises(NoPortFreeError, match="stop what listens there"):
            other.draw()
    finally:
        other.close()


def test_what_somebody_listens_on_is_passed_over(ports: Ports, two_ports_in_the_world: int) -> None:
    with socket.create_server(("", two_ports_in_the_world)):
        assert ports.draw() == two_ports_in_the_world + 1
