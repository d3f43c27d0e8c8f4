create table migrations (
    number integer primary key,
    name text not null,
    checksum text not null
) strict;

create table store (
    key text primary key,
    value text not null
) strict, without rowid;

create table projects (
    -- Never used twice: keys are kept by it.
    number integer primary key autoincrement,
    name text not null unique,
    created_at integer not null
) strict;
insert into projects (number, name, created_at)
    values (1, 'default', cast(unixepoch('subsec') * 1000 as integer));

create table data_keys (
    project integer not null,
    number integer not null,
    purpose text not null,
    master_key text not null,
    wrapped blob not null,
    primary key (project, purpose, number)
) strict, without rowid;

create table own_connectors (
    project integer not null references projects (number) on delete cascade,
    key text not null,
    version text not null,
    definition text not null,
    created_at integer not null,
    primary key (project, key, version)
) strict;

create table auth_configs (
    project integer not null references projects (number) on delete cascade,
    id text not null,
    connector text not null,
    method text not null,
    name text not null,
    is_default integer not null check (is_default in (0, 1)),
    disabled_at integer,
    pin text,
    setup text not null,
    secrets text not null,
    sealed blob,
    sealed_version integer not null default 0,
    created_at integer not null,
    updated_at integer not null,
    version integer not null,
    primary key (project, id),
    unique (project, name)
) strict;
create unique index auth_configs_one_default on auth_configs (project, connector)
    where is_default = 1;
create index auth_configs_connector on auth_configs (project, connector, id);

create table connect_sessions (
    id integer primary key,
    project integer not null references projects (number) on delete cascade,
    token_hash blob not null,
    owner_id text not null,
    owner_name text not null,
    username text,
    provider text,
    auth_config text,
    categories text not null,
    account text,
    label text,
    metadata text not null,
    multiple integer not null check (multiple in (0, 1)),
    kind text not null,
    created_at integer not null,
    expires_at integer not null,
    revoked_at integer,
    linked_account text,
    batch_key blob
) strict;
create unique index connect_sessions_batch on connect_sessions (project, batch_key)
    where batch_key is not null;
create index connect_sessions_expiry on connect_sessions (project, expires_at);

create table accounts (
    project integer not null references projects (number) on delete cascade,
    id text not null,
    provider text not null,
    auth_config text not null,
    owner_id text not null,
    owner_name text not null,
    username text,
    label text,
    kind text not null,
    status text not null,
    hold text,
    reasons text not null,
    setup text not null,
    metadata text not null,
    verified_at integer,
    created_at integer not null,
    updated_at integer not null,
    version integer not null,
    primary key (project, id),
    foreign key (project, auth_config) references auth_configs (project, id)
        deferrable initially deferred
) strict, without rowid;
create index accounts_owner on accounts (project, owner_id, id);
create index accounts_provider on accounts (project, provider, id);
create index accounts_auth_config on accounts (project, auth_config, id);
create index accounts_status on accounts (project, (coalesce(hold, status)), id);

create table account_credentials (
    project integer not null,
    account text not null,
    version integer not null,
    sealed blob not null,
    updated_at integer not null,
    primary key (project, account),
    foreign key (project, account) references accounts (project, id) on delete cascade
) strict, without rowid;

create table events (
    seq integer primary key autoincrement,
    project integer not null references projects (number) on delete cascade,
    id text not null,
    kind text not null,
    subject text not null,
    at integer not null,
    data text
) strict;
create index events_subject on events (project, subject, seq);

create table operations (
    project integer not null references projects (number) on delete cascade,
    id text not null,
    at integer not null,
    actor text not null,
    action text not null,
    resource text not null,
    affected integer not null,
    before text,
    after text,
    primary key (project, id)
) strict, without rowid;
create index operations_resource on operations (project, resource, id);

-- Without figures, SQLite takes a project for ten rows and reads all of its accounts to find those
-- of one owner. These are the figures of a large store; nothing replaces them, so that plans do not
-- change while a store grows.
analyze migrations;
drop table if exists sqlite_stat4;
insert into sqlite_stat1 (tbl, idx, stat) values
    ('accounts', 'accounts', '1000000 1000000 1'),
    ('accounts', 'accounts_owner', '1000000 1000000 3 2 1'),
    ('accounts', 'accounts_provider', '1000000 1000000 10000 1'),
    ('accounts', 'accounts_auth_config', '1000000 1000000 10000 1'),
    ('accounts', 'accounts_status', '1000000 1000000 100000 1'),
    ('operations', 'operations', '1000000 1000000 1'),
    ('operations', 'operations_resource', '1000000 1000000 10 1');
analyze sqlite_schema;
