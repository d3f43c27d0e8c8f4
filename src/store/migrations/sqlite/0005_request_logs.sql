-- What the log keeps of the project's calls: bodies (off, errors, all), and for how many days.
alter table projects add column log_bodies text not null default 'off';
alter table projects add column log_retention_days integer not null default 90;

-- The last number that a row of the log has. Whoever writes rows takes their numbers from here and
-- holds this row until the commit: numbers come in the order of commits, and who follows the log by
-- them misses none.
create table log_numbers (
    only_row integer primary key check (only_row = 1),
    last integer not null
) strict;
insert into log_numbers (only_row, last) values (1, 0);

-- Rows don't refer to the project's: a project is deleted at once, its log a little at a time.
-- `outcome` is kind * 10000 + status * 10 + method: few numbers, each a list in the order of time.
create table request_logs (
    id integer primary key,
    project integer not null,
    at integer not null,
    duration_ms integer not null,
    request_id text not null,
    outcome integer not null,
    path text not null,
    url text not null,
    account text not null default '',
    provider text not null default '',
    service text,
    resource text,
    child_resource text,
    sub_resource text,
    action text,
    source_type text not null,
    source_value text,
    source_id text,
    source_ip text,
    category text,
    is_worker integer not null check (is_worker in (0, 1)),
    error text,
    expires_at integer not null
) strict;
create index request_logs_outcome on request_logs (project, outcome, at);
create index request_logs_account on request_logs (project, account, provider, outcome, at)
    where account <> '';
create index request_logs_provider on request_logs (project, provider, outcome, at)
    where provider <> '';
create index request_logs_request on request_logs (project, request_id);
create index request_logs_expiry on request_logs (expires_at);

-- The calls to providers that a request led to.
create table request_steps (
    id integer primary key,
    project integer not null,
    at integer not null,
    duration_ms integer not null,
    request_id text not null,
    outcome integer not null,
    path text not null,
    url text not null,
    account text not null default '',
    provider text not null default '',
    service text,
    resource text,
    child_resource text,
    sub_resource text,
    action text,
    source_ip text,
    is_worker integer not null check (is_worker in (0, 1)),
    error text,
    expires_at integer not null
) strict;
create index request_steps_outcome on request_steps (project, outcome, at);
create index request_steps_account on request_steps (project, account, provider, outcome, at)
    where account <> '';
create index request_steps_provider on request_steps (project, provider, outcome, at)
    where provider <> '';
create index request_steps_request on request_steps (project, request_id);
create index request_steps_expiry on request_steps (expires_at);

-- Headers and bodies of requests (step 0) and of steps, where the project keeps them.
create table request_bodies (
    project integer not null,
    log integer not null,
    is_step integer not null check (is_step in (0, 1)),
    sealed blob not null,
    expires_at integer not null,
    primary key (project, log, is_step)
) strict, without rowid;
create index request_bodies_expiry on request_bodies (expires_at);

-- As for other tables: the figures of a large store, so that a project is not taken for ten rows.
insert into sqlite_stat1 (tbl, idx, stat) values
    ('request_logs', 'request_logs_outcome', '10000000 10000000 200000 2'),
    ('request_logs', 'request_logs_account', '5000000 5000000 500 500 50 1'),
    ('request_logs', 'request_logs_provider', '5000000 5000000 50000 5000 1'),
    ('request_logs', 'request_logs_request', '10000000 10000000 1'),
    ('request_logs', 'request_logs_expiry', '10000000 2'),
    ('request_steps', 'request_steps_outcome', '10000000 10000000 200000 2'),
    ('request_steps', 'request_steps_account', '10000000 10000000 500 500 50 1'),
    ('request_steps', 'request_steps_provider', '10000000 10000000 50000 5000 1'),
    ('request_steps', 'request_steps_request', '10000000 10000000 2'),
    ('request_steps', 'request_steps_expiry', '10000000 2');
analyze sqlite_schema;
