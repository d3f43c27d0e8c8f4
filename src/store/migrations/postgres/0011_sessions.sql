-- One where a session ended behind its project's place when it was made, since a clock went back;
-- zero once it was looked at.
alter table connect_sessions add column late bigint;
create index connect_sessions_late on connect_sessions (project, expires_at, id) where late = 1;
