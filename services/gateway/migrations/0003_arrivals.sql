-- migrate:up

-- Mail that arrives by itself adds to one notification a day. `counted`: what each of its runs brought, {run id: [new, updated, removed]}.
ALTER TABLE notifications ADD COLUMN counted jsonb NOT NULL DEFAULT '{}';

-- migrate:down

ALTER TABLE notifications DROP COLUMN counted;
