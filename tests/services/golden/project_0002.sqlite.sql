-- Running upgrade 0001 -> 0002

ALTER TABLE projects ADD COLUMN status_note VARCHAR(20);

DROP INDEX ix_projects_status_created_at;

CREATE TABLE _alembic_tmp_projects (
    id CHAR(32) NOT NULL, 
    owner_id CHAR(32) NOT NULL, 
    slug VARCHAR(80) NOT NULL, 
    name VARCHAR(200) NOT NULL, 
    summary TEXT, 
    status VARCHAR(64) CONSTRAINT ck_projects_status CHECK (status IN ('draft', 'active', 'on_hold', 'done', 'archived')) DEFAULT 'draft' NOT NULL, 
    visibility VARCHAR(64) CONSTRAINT ck_projects_visibility CHECK (visibility IN ('private', 'team', 'public')) DEFAULT 'private' NOT NULL, 
    tags TEXT CONSTRAINT ck_projects_tags CHECK (tags IS NULL OR (json_valid(tags) AND json_type(tags) = 'array')) DEFAULT '[]' NOT NULL, 
    settings TEXT CONSTRAINT ck_projects_settings CHECK (settings IS NULL OR json_valid(settings)) DEFAULT '{}' NOT NULL, 
    budget SCALED_INT(14, 2), 
    currency VARCHAR(3) DEFAULT 'EUR' NOT NULL, 
    starts_on TEXT, 
    due_on TEXT, 
    archived_at TEXT, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    status_note VARCHAR(20), 
    CONSTRAINT pk_projects PRIMARY KEY (id), 
    CONSTRAINT uq_projects_slug UNIQUE (slug)
);

INSERT INTO _alembic_tmp_projects (id, owner_id, slug, name, summary, status, visibility, tags, settings, budget, currency, starts_on, due_on, archived_at, version, created_at, updated_at, status_note) SELECT projects.id, projects.owner_id, projects.slug, projects.name, projects.summary, projects.status, projects.visibility, projects.tags, projects.settings, projects.budget, projects.currency, projects.starts_on, projects.due_on, projects.archived_at, projects.version, projects.created_at, projects.updated_at, projects.status_note 
FROM projects;

DROP TABLE projects;

ALTER TABLE _alembic_tmp_projects RENAME TO projects;

CREATE INDEX ix_projects_owner_id_created_at ON projects (owner_id, created_at);

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

UPDATE alembic_version_project SET version_num='0002' WHERE alembic_version_project.version_num = '0001';
