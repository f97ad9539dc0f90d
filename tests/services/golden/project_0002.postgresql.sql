-- Running upgrade 0001 -> 0002

ALTER TABLE projects ADD COLUMN status_note VARCHAR(20);

DROP INDEX ix_projects_status_created_at;

ALTER TABLE projects ALTER COLUMN status TYPE VARCHAR(64);

ALTER TABLE projects ALTER COLUMN status SET DEFAULT 'draft';

ALTER TABLE projects ADD CONSTRAINT ck_projects_status CHECK (status IN ('draft', 'active', 'on_hold', 'done', 'archived'));

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

UPDATE alembic_version_project SET version_num='0002' WHERE alembic_version_project.version_num = '0001';
