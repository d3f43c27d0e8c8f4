-- One where no type was asked for, so that an account that is there keeps its own; null in a session
-- made before, which asked for its kind.
alter table connect_sessions add column untyped bigint;
