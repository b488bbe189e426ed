"""A Redis Cluster on loopback: three nodes that share the slots, and a replica of the one that owns the queue.

Made with CLUSTER commands, because the wheel brings the server without its command line.
Where to go next: `test_cluster.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis as Client
from redis.exceptions import ResponseError

from reference.connection import STREAM
from tests.reference.servers import Redis, free_port
from tests.waiting import until

_SLOTS = 16384


@dataclass
class Node(Redis):
    """One node; its bus has a port of its own, because the usual one, 10,000 above, may not exist."""

    bus_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.options = ("--save", "", "--cluster-enabled", "yes", "--cluster-port", str(self.bus_port))

    def say(self, *command: str | int) -> Any:
        """One command's answer."""
        with Client(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)


@dataclass
class Cluster:
    """The nodes: `owner` and `replica` have the slot of the queue, `others` the rest."""

    owner: Node
    replica: Node
    others: list[Node]

    @property
    def nodes(self) -> list[Node]:
        """All of them."""
        return [self.owner, self.replica, *self.others]

    @classmethod
    def start(cls, directory: Path) -> Cluster:
        """Three primaries and a replica that know each other and agree."""
        nodes = [Node(directory / f"node{number}") for number in range(4)]
        try:
            for node in nodes:
                node.start()
            return cls._of(nodes)
        except BaseException:
            for node in nodes:
                if node.process is not None:
                    node.kill()
            raise

    @classmethod
    def _of(cls, nodes: list[Node]) -> Cluster:
        *primaries, replica = nodes
        for number, node in enumerate(primaries):
            node.say("CLUSTER", "ADDSLOTSRANGE", number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1)
            node.say("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            nodes[0].say("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        slot = nodes[0].say("CLUSTER", "KEYSLOT", STREAM)
        owner = next(node for number, node in enumerate(primaries) if slot < (number + 1) * _SLOTS // 3)
        until(lambda: _is_replica_of(replica, owner), otherwise="the replica has not met its primary")
        cluster = cls(owner, replica, [node for node in primaries if node is not owner])
        cluster.await_calm()
        return cluster

    def await_calm(self) -> None:
        """Return once every node sees every slot owned, and the replica has what its primary has."""
        until(
            lambda: all(_sees_all(node, of=len(self.nodes)) for node in self.nodes),
            otherwise="not every slot has an owner for all",
        )
        until(
            lambda: self.replica.say("INFO", "replication").get("master_link_status") == "up",
            otherwise="the replica does not follow",
        )

    def fail_over(self) -> None:
        """The replica takes over in order, with everything; the owner becomes its replica."""
        self.replica.say("CLUSTER", "FAILOVER")
        self.owner, self.replica = self.replica, self.owner
        until(lambda: self.owner.say("INFO", "replication")["role"] == "master", otherwise="the replica did not take over")
        self.await_calm()

    def kill(self) -> None:
        """Kill every node."""
        for node in self.nodes:
            node.kill()


def _is_replica_of(node: Node, primary: Node) -> bool:
    try:
        node.say("CLUSTER", "REPLICATE", primary.say("CLUSTER", "MYID"))
    except ResponseError:
        return False  # not heard of it yet
    return True


def _sees_all(node: Node, *, of: int) -> bool:
    said = node.say("CLUSTER", "INFO").splitlines()
    return {"cluster_state:ok", f"cluster_known_nodes:{of}", f"cluster_slots_ok:{_SLOTS}"} <= set(said)
