-- migrate:up

-- The rules that these views hold are written in views/, one file each, and are put in force after every migration.
ALTER VIEW lines RENAME TO timeline_lines;
ALTER VIEW wanted RENAME TO contact_reasons;

-- migrate:down

ALTER VIEW contact_reasons RENAME TO wanted;
ALTER VIEW timeline_lines RENAME TO lines;
