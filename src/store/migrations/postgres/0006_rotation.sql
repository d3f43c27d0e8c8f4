-- While the master key is changed: the same key, wrapped by the next master key.
alter table data_keys add column next_master_key text;
alter table data_keys add column next_wrapped bytea;
