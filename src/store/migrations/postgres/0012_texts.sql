-- Texts are ordered by their bytes, whatever the language of the database. Only those by which lists
-- are ordered: an index on one is made anew.
alter table projects alter column name type text collate "C";
alter table api_keys alter column name type text collate "C";
alter table own_connectors
    alter column key type text collate "C",
    alter column version type text collate "C";
alter table oauth_apps alter column connector type text collate "C";
alter table auth_configs alter column connector type text collate "C";
alter table accounts
    alter column provider type text collate "C",
    alter column owner_id type text collate "C";
alter table request_logs alter column service type text collate "C";
alter table request_steps alter column service type text collate "C";
-- What was known of these columns went with their type.
analyze projects, api_keys, own_connectors, oauth_apps, auth_configs (connector),
    accounts (provider, owner_id), request_logs (service), request_steps (service);
