-- Origins of applications that logins may return to and that may frame the page, with spaces between
-- them.
alter table projects add column app_origins text not null default '';

-- Logins at providers. What a browser brings back is kept as keyed hashes only.
create table connection_attempts (
    -- Never used twice: a state that comes back late must not meet another login.
    number integer primary key autoincrement,
    project integer not null references projects (number) on delete cascade,
    id text not null,
    session integer not null,
    auth_config text,
    status text not null,
    account text,
    error_code text,
    error_description text,
    state_hash blob,
    binding_hash blob,
    sealed blob,
    sealed_version integer not null default 0,
    created_at integer not null,
    updated_at integer not null,
    expires_at integer not null,
    claimed_at integer,
    unique (project, id)
) strict;
create index connection_attempts_session on connection_attempts (project, session, number);

-- The hub's own application at a provider, for auth configs that bring none.
create table oauth_apps (
    project integer not null references projects (number) on delete cascade,
    connector text not null,
    client_id text not null,
    sealed blob not null,
    sealed_version integer not null,
    created_at integer not null,
    updated_at integer not null,
    primary key (project, connector)
) strict, without rowid;

-- Keeping tokens fresh: when they end, when the next try is due, how tries went, and who is at it.
alter table account_credentials add column token_expires_at integer;
alter table account_credentials add column refresh_after integer;
alter table account_credentials add column failures integer not null default 0;
alter table account_credentials add column failing_since integer;
alter table account_credentials add column failure text;
alter table account_credentials add column lease_until integer not null default 0;
alter table account_credentials add column lease_fence integer not null default 0;
-- Set before a provider is asked, cleared with its answer: one that stays tells of an answer lost.
alter table account_credentials add column asked_at integer;
create index account_credentials_due on account_credentials (refresh_after)
    where refresh_after is not null;
