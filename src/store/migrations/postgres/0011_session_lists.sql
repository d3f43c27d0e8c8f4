-- Sessions are looked for by whose and for which connector they are, the newest first.
create index connect_sessions_owner on connect_sessions (project, owner_id, id);
create index connect_sessions_provider on connect_sessions (project, provider, id);
