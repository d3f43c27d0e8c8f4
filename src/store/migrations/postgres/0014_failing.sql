-- Accounts whose tokens could not be renewed are few, and looked for wherever accounts are listed.
create index account_credentials_failing on account_credentials (project, account)
    where failing_since is not null;
-- When a call's 401 last made the hub ask about credentials that nothing renews.
alter table account_credentials add column doubted_at bigint;
