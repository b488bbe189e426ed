"""The statements of the event store on Postgres: its table, and what ``postgres`` executes.

Where to go next: ``store`` (what each is for).
"""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    source       text NOT NULL,
    id           text NOT NULL,
    type         text,
    payload      jsonb NOT NULL,
    fingerprint  text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
    mail_state   text NOT NULL CHECK (mail_state IN ('none', 'due', 'sent')),
    reason       text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    lease_owner  text,
    lease_until  timestamptz,
    path         text NOT NULL DEFAULT 'queue' CHECK (path IN ('queue', 'request')),
    marked       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (source, id)
);
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'path') THEN
        ALTER TABLE events ADD path text NOT NULL DEFAULT 'queue' CHECK (path IN ('queue', 'request')),
                           ADD marked boolean NOT NULL DEFAULT false;
        UPDATE events SET path = 'request' WHERE status = 'pending';  -- whose it is shows when the queue or a retry comes for it
    END IF;
END $$;
CREATE INDEX IF NOT EXISTS events_by_id ON events (id);
CREATE INDEX IF NOT EXISTS events_leased ON events (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_unmarked ON events (processed_at) WHERE NOT marked AND status = 'completed';
"""

COLUMNS = """source, id, fingerprint, status, mail_state, reason, processed_at, path,
coalesce(lease_until > now(), false) AS is_leased"""
_NEW = """unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[])
     AS new (source, id, type, payload, fingerprint, due)"""

ADD = f"""
INSERT INTO events (source, id, type, payload, fingerprint, status, mail_state, processed_at, path, marked)
SELECT source, id, type, payload::jsonb, fingerprint,
       CASE WHEN due THEN 'pending' ELSE 'completed' END, CASE WHEN due THEN 'due' ELSE 'none' END,
       CASE WHEN due THEN NULL ELSE now() END, 'queue', true
FROM {_NEW}
ON CONFLICT (source, id) DO NOTHING
RETURNING {COLUMNS}
"""
# What a request left behind was promised to nobody; the queue's event was.
CLAIM = f"""
UPDATE events SET path = 'queue', marked = true, type = new.type, payload = new.payload::jsonb, fingerprint = new.fingerprint,
       status = CASE WHEN due THEN 'pending' ELSE 'completed' END, mail_state = CASE WHEN due THEN 'due' ELSE 'none' END,
       processed_at = CASE WHEN due THEN NULL ELSE now() END, lease_owner = NULL, lease_until = NULL
FROM {_NEW}
WHERE events.source = new.source AND events.id = new.id
  AND events.path = 'request' AND events.status = 'pending' AND coalesce(events.lease_until <= now(), true)
"""
SELECT = f"SELECT {COLUMNS} FROM events JOIN unnest($1::text[], $2::text[]) AS wanted (source, id) USING (source, id)"
FIND = f"SELECT {COLUMNS} FROM events WHERE id = $1 AND ($2::text IS NULL OR source = $2) ORDER BY source LIMIT 100"
COMPLETE = """
UPDATE events SET status = 'completed', mail_state = CASE mail_state WHEN 'due' THEN 'sent' ELSE mail_state END, reason = '',
       processed_at = now(), lease_owner = NULL, lease_until = NULL, marked = marked OR $3
FROM unnest($1::text[], $2::text[]) AS done (source, id)
WHERE events.source = done.source AND events.id = done.id AND events.status <> 'completed'
"""
FAIL = """
UPDATE events SET status = 'failed', reason = $3, processed_at = now() WHERE source = $1 AND id = $2 AND status <> 'completed'
"""
REOPEN = """
UPDATE events SET status = 'pending', reason = '', processed_at = NULL, lease_owner = NULL, lease_until = NULL,
       path = 'queue'
WHERE source = $1 AND id = $2 AND fingerprint = $3 AND status = 'failed'
"""
RESERVE = f"""
INSERT INTO events (source, id, type, payload, fingerprint, status, mail_state, processed_at, lease_owner, lease_until, path)
VALUES ($1, $2, $3, $4::jsonb, $5, CASE WHEN $7 THEN 'pending' ELSE 'completed' END, CASE WHEN $6 THEN 'due' ELSE 'none' END,
        CASE WHEN $7 THEN NULL ELSE now() END, $8, CASE WHEN $7 THEN now() + $9 * interval '1 second' END, 'request')
ON CONFLICT (source, id) DO UPDATE SET lease_owner = EXCLUDED.lease_owner, lease_until = EXCLUDED.lease_until
WHERE events.status = 'pending' AND events.path = 'request' AND events.fingerprint = EXCLUDED.fingerprint
  AND coalesce(events.lease_until <= now(), true)
RETURNING {COLUMNS}
"""
RELEASE = "UPDATE events SET lease_owner = NULL, lease_until = NULL WHERE source = $1 AND id = $2 AND lease_owner = $3"
HAND_OVER = """
UPDATE events SET path = 'queue', marked = true, lease_owner = NULL, lease_until = NULL,
       status = CASE mail_state WHEN 'due' THEN status ELSE 'completed' END,
       processed_at = CASE mail_state WHEN 'due' THEN NULL ELSE now() END
WHERE source = $1 AND id = $2 AND lease_owner = $3 AND status = 'pending'
"""
DISCARD = "DELETE FROM events WHERE source = $1 AND id = $2 AND lease_owner = $3 AND status = 'pending'"
UNMARKED = """
SELECT source, id FROM events WHERE NOT marked AND status = 'completed' AND processed_at > now() - $1 * interval '1 second'
ORDER BY processed_at DESC LIMIT $2
"""
NOTE_MARKED = """
UPDATE events SET marked = true FROM unnest($1::text[], $2::text[]) AS told (source, id)
WHERE events.source = told.source AND events.id = told.id
"""
