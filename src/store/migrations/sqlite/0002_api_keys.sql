-- Addresses from which the project's keys may be used, with spaces between them; none admits all.
alter table projects add column allow_ips text not null default '';

create table api_keys (
    -- Never used twice: a use that is noted late must not meet another key.
    number integer primary key autoincrement,
    project integer not null references projects (number) on delete cascade,
    id text not null,
    name text not null,
    key_hash blob not null,
    scopes text not null,
    created_at integer not null,
    expires_at integer,
    disabled_at integer,
    last_used_at integer,
    unique (project, id),
    unique (project, name)
) strict;
