"""What runs inside Locust's own process: an open workload against the ingest contract, and the record of every request.

    locustfile   what `locust -f loadtests/locustfile.py` opens: options, user, listeners
    options      the command line, and the same as one frozen value
    schedule     when requests are due (constant or Poisson; flat, steps, spike; windows)
    workload     what is posted, and which statuses are read
    contract     whether an answer is one the contract knows
    user         one Locust user is one stream of arrivals
    targets      the API processes, in turn
    wire         one request on one connection, never repeated
    alarm, clock sleeping until a moment, to some ten microseconds; one clock for all that is written
    sessions     what happens when a test starts and stops: alone, in a worker, in the master
    run          one run in this process: what is in flight, how it ends
    record       the file every request is written to, and its format
    relay        how workers' records reach the master in distributed mode
    numbers      Locust's page shows exact percentiles
    tabs/        its tabs Faults and Promises, when `harness ui` opened it

It imports Locust, gevent and the standard library, and nobody imports it but Locust: Locust patches the process it is in.
schedule, workload, contract and record are pure and may be tested directly.
"""
