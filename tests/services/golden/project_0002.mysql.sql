-- Running upgrade 0001 -> 0002

ALTER TABLE projects ADD COLUMN status_note VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

DROP INDEX ix_projects_status_created_at ON projects;

ALTER TABLE projects MODIFY status ENUM('active', 'archived', 'done', 'draft', 'on_hold') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'draft';

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

UPDATE alembic_version_project SET version_num='0002' WHERE alembic_version_project.version_num = '0001';
