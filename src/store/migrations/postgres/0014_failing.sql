-- Accounts whose tokens could not be renewed are few, and looked for wherever accounts are listed.
create index account_credentials_failing on account_credentials (project, account)
    where failing_since is not null;
