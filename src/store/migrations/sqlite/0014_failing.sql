-- Accounts whose tokens could not be renewed are few, and looked for wherever accounts are listed.
create index account_credentials_failing on account_credentials (project, account)
    where failing_since is not null;
-- When a call's 401 last made the hub ask about credentials that nothing renews.
alter table account_credentials add column doubted_at integer;
-- As for other tables: without figures, all accounts of a project would be looked through for them.
insert into sqlite_stat1 (tbl, idx, stat) values
    ('account_credentials', 'account_credentials', '1000000 1000000 1'),
    ('account_credentials', 'account_credentials_failing', '1000 1000 1');
analyze sqlite_schema;
