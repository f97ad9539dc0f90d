-- Running upgrade 0003 -> 0004

CREATE INDEX ix_project_tags_tag ON project_tags (tag);

CREATE INDEX ix_projects_visibility_created_at ON projects (visibility, created_at);

ALTER TABLE projects ALTER COLUMN visibility SET DEFAULT 'team';

UPDATE alembic_version_project SET version_num='0004' WHERE alembic_version_project.version_num = '0003';
