"""Many executions: side by side, drawn again where nothing bit, in shards, resumed, on a cluster.

    draw         seeds of one scenario: which come next, what came of them
    dispatch     hands draws out, a few seeds at a time, and takes in what has ended
    batch        those few, in a process that does nothing else
    pool, apart  that process: one of a pool of ours, or one beside somebody else's worker
    cluster      somebody's cluster as the standard executor
    shard        one of several equal parts of the seeds; rows added up
    origin       the code and the files an execution comes from
    progress     how far it has come, on disk, so that it can go on

Start with `dispatch.run`. For its users: docs/campaigns.md.
"""
