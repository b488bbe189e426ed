"""The service as the pull-request draft describes it, mistakes included: what the harness has to convict.

Do not repair it. It is a specimen: the reference next door (`reference/`) is the service that keeps its promises.
Read in the order of an event's life: `api` accepts, `worker` pops, `work` stores and mails, `mail` calls SendGrid.

So that it runs at all it has four repairs, and no more:

1. Names the draft only uses are filled in: the imports, `EventPayload`, `db`, `SENDGRID_URL`, `process_event_sync`, and the
   table its INSERT implies, with PRIMARY KEY (source, id). `circuitbreaker.circuit` is pybreaker's decorator here, which
   on an `async def` is silently without effect. The draft's own would have counted refused connections and
   time-outs; neither sees an HTTP status, because nothing in the draft looks at the answer.
2. What Redis returns is decoded before it is written to Postgres.
3. SendGrid gets an Authorization header.
4. SendGrid gets a mail/send body with custom_args, and only for events that ask for a mail.

`--as-written` takes the last three away again: then no event survives even a quiet day.
"""
