-- Counts how often it was asked for a delivery anew: what an attempt of the schedule before comes to
-- says nothing of the present one.
alter table webhook_deliveries add column schedule integer not null default 0;
-- When an attempt last failed: while nothing is tried, nothing fails.
alter table webhooks add column failed_at integer;
