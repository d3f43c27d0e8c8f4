create index events_id on events (project, id);

create table webhooks (
    -- Never used twice: a late result must not meet another webhook.
    number integer primary key autoincrement,
    project integer not null references projects (number) on delete cascade,
    id text not null,
    -- Without what may be secret; the whole address is sealed with the signing secrets.
    url text not null,
    -- Names of events, each between two spaces.
    events text not null,
    disabled_at integer,
    disabled_why text,
    failing_since integer,
    next_secret_at integer,
    previous_secret_at integer,
    sealed blob not null,
    sealed_version integer not null,
    -- Events up to this one are not sent: they happened before it was made or enabled.
    since_seq integer not null,
    created_at integer not null,
    updated_at integer not null,
    version integer not null,
    -- Which process sends, and until when nobody else does.
    lease_owner text,
    lease_until integer,
    unique (project, id)
) strict;

create table webhook_deliveries (
    number integer primary key autoincrement,
    project integer not null references projects (number) on delete cascade,
    webhook integer not null references webhooks (number) on delete cascade,
    -- The event, or null for a trial.
    event_seq integer,
    event text not null,
    kind text not null,
    subject text not null,
    state text not null,
    -- Attempts since it was made, and since it was last asked to be sent.
    attempts integer not null default 0,
    tries integer not null default 0,
    next_at integer,
    created_at integer not null,
    done_at integer,
    last_status integer,
    last_error text
) strict;
create index webhook_deliveries_due on webhook_deliveries (webhook, next_at, number)
    where next_at is not null;
create unique index webhook_deliveries_event on webhook_deliveries (webhook, event_seq);
create index webhook_deliveries_project on webhook_deliveries (project, number);
create index webhook_deliveries_done on webhook_deliveries (done_at) where done_at is not null;

-- What is sent, the same bytes at each attempt.
create table webhook_bodies (
    delivery integer primary key references webhook_deliveries (number) on delete cascade,
    body blob not null
) strict;

create table webhook_attempts (
    delivery integer not null references webhook_deliveries (number) on delete cascade,
    number integer not null,
    at integer not null,
    duration_ms integer not null,
    status integer,
    error text,
    answer text,
    primary key (delivery, number)
) strict, without rowid;

-- Up to which event deliveries were made.
create table webhook_cursor (
    one integer primary key check (one = 1),
    seq integer not null
) strict;
insert into webhook_cursor (one, seq) select 1, coalesce(max(seq), 0) from events;
