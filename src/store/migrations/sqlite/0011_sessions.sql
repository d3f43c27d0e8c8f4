-- The number of a session is never used twice, not even after its project is gone: what was told of
-- the one would be taken for the other. The table's rows stay as they are: this much takes no longer
-- where there are many.
pragma writable_schema = on;
update sqlite_schema
    set sql = replace(sql, 'id integer primary key,', 'id integer primary key autoincrement,')
    where type = 'table' and name = 'connect_sessions';
pragma writable_schema = reset;
insert into sqlite_sequence (name, seq)
    select 'connect_sessions', coalesce(max(id), 0) from connect_sessions;

-- One where a session ended behind its project's place when it was made, since a clock went back;
-- zero once it was looked at.
alter table connect_sessions add column late integer;
create index connect_sessions_late on connect_sessions (project, expires_at, id) where late = 1;
