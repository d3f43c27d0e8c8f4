-- By which id the log has the call that changed something; null where it has none.
alter table operations add column request text;
