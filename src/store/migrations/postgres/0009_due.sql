-- Accounts whose tokens are due are read a page at a time, in an order that many of them share.
drop index account_credentials_due;
create index account_credentials_due on account_credentials (refresh_after, account)
    where refresh_after is not null;
