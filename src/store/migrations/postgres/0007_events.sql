-- Up to which session of a project it was told that sessions expired, in the order of their ends.
create table session_expiry (
    project bigint primary key references projects (number) on delete cascade,
    at bigint not null,
    session bigint not null
);
-- What ended before the store's last event is history: nobody waits to be told of it any more.
insert into session_expiry (project, at, session)
    select p.number, e.at, 0 from projects p cross join
        (select at from events order by seq desc limit 1) e;

-- A project's events in the order of their places. What happened to one thing is asked of accounts
-- only: leaving all others out of that index pays for this one.
create index events_place on events (project, seq);
drop index events_subject;
create index events_subject on events (project, subject, seq)
    where substr(kind, 1, 8) = 'account.';
