-- How the project's page looks: its name, its colour as #rrggbb, and the mark of its logo; each is
-- empty where the hub's own look stays.
alter table projects add column display_name text not null default '';
alter table projects add column accent_color text not null default '';
alter table projects add column logo text not null default '';

-- The picture of a logo, which is read by who asks for it alone.
create table project_logos (
    project bigint primary key references projects (number) on delete cascade,
    mark text not null,
    picture bytea not null
);
