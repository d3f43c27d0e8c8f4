-- What logins keep goes soon after they end, and the attempts themselves later on.
create index connection_attempts_open on connection_attempts (expires_at) where status = 'pending';
create index connection_attempts_end on connection_attempts (expires_at);
