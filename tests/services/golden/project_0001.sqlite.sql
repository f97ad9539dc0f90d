-- service project, sqlite, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_project (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_project_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE projects (
    id CHAR(32) NOT NULL, 
    owner_id CHAR(32) NOT NULL, 
    slug VARCHAR(80) NOT NULL, 
    name VARCHAR(200) NOT NULL, 
    summary TEXT, 
    status VARCHAR(20) DEFAULT 'draft' NOT NULL, 
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
    CONSTRAINT pk_projects PRIMARY KEY (id), 
    CONSTRAINT uq_projects_slug UNIQUE (slug)
);

CREATE INDEX ix_projects_owner_id_created_at ON projects (owner_id, created_at);

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

CREATE TABLE members (
    project_id CHAR(32) NOT NULL, 
    user_id CHAR(32) NOT NULL, 
    role VARCHAR(64) CONSTRAINT ck_members_role CHECK (role IN ('owner', 'architect', 'reviewer', 'viewer')) NOT NULL, 
    capacity_percent INTEGER, 
    invited_by CHAR(32), 
    joined_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_members PRIMARY KEY (project_id, user_id), 
    CONSTRAINT fk_members_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_members_user_id ON members (user_id);

CREATE TABLE phases (
    id CHAR(32) NOT NULL, 
    project_id CHAR(32) NOT NULL, 
    position INTEGER NOT NULL, 
    name VARCHAR(120) NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_phases_kind CHECK (kind IN ('discovery', 'requirements', 'design', 'review', 'delivery')) NOT NULL, 
    is_milestone BOOLEAN CONSTRAINT ck_phases_is_milestone CHECK (is_milestone IN (0, 1)) DEFAULT 0 NOT NULL, 
    needs TEXT CONSTRAINT ck_phases_needs CHECK (needs IS NULL OR (json_valid(needs) AND json_type(needs) = 'array')) DEFAULT '[]' NOT NULL, 
    cost_estimate SCALED_INT(14, 2) DEFAULT 0 NOT NULL, 
    starts_on TEXT, 
    ends_on TEXT, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_phases PRIMARY KEY (id), 
    CONSTRAINT fk_phases_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
    CONSTRAINT uq_phases_project_id_position UNIQUE (project_id, position), 
    CONSTRAINT uq_phases_project_id_id UNIQUE (project_id, id)
);

CREATE TABLE documents (
    id CHAR(32) NOT NULL, 
    project_id CHAR(32) NOT NULL, 
    phase_id CHAR(32) NOT NULL, 
    author_id CHAR(32) NOT NULL, 
    slug VARCHAR(120) NOT NULL, 
    title VARCHAR(200) NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_documents_kind CHECK (kind IN ('brief', 'requirements', 'diagram', 'decision', 'report')) NOT NULL, 
    status VARCHAR(64) CONSTRAINT ck_documents_status CHECK (status IN ('draft', 'in_review', 'approved', 'superseded')) DEFAULT 'draft' NOT NULL, 
    body TEXT CONSTRAINT ck_documents_body CHECK (body IS NULL OR json_valid(body)) DEFAULT '{}' NOT NULL, 
    tags TEXT CONSTRAINT ck_documents_tags CHECK (tags IS NULL OR (json_valid(tags) AND json_type(tags) = 'array')) DEFAULT '[]' NOT NULL, 
    checksum BLOB, 
    size_bytes INTEGER DEFAULT 0 NOT NULL, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_documents PRIMARY KEY (id), 
    CONSTRAINT fk_documents_project_id_phase_id_phases FOREIGN KEY(project_id, phase_id) REFERENCES phases (project_id, id) ON DELETE CASCADE, 
    CONSTRAINT uq_documents_project_id_phase_id_slug UNIQUE (project_id, phase_id, slug)
);

CREATE INDEX ix_documents_project_id_status_created_at ON documents (project_id, status, created_at);

CREATE INDEX ix_documents_author_id_created_at ON documents (author_id, created_at);

CREATE TABLE comments (
    id CHAR(32) NOT NULL, 
    document_id CHAR(32) NOT NULL, 
    thread_id CHAR(32) NOT NULL, 
    author_id CHAR(32) NOT NULL, 
    body TEXT NOT NULL, 
    anchor TEXT CONSTRAINT ck_comments_anchor CHECK (anchor IS NULL OR json_valid(anchor)), 
    mentions TEXT CONSTRAINT ck_comments_mentions CHECK (mentions IS NULL OR (json_valid(mentions) AND json_type(mentions) = 'array')) DEFAULT '[]' NOT NULL, 
    is_resolved BOOLEAN CONSTRAINT ck_comments_is_resolved CHECK (is_resolved IN (0, 1)) DEFAULT 0 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_comments PRIMARY KEY (id), 
    CONSTRAINT fk_comments_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

CREATE INDEX ix_comments_document_id_thread_id_created_at ON comments (document_id, thread_id, created_at);

CREATE INDEX ix_comments_author_id_created_at ON comments (author_id, created_at);

CREATE TABLE activities (
    id CHAR(32) NOT NULL, 
    project_id CHAR(32) NOT NULL, 
    actor_id CHAR(32), 
    verb VARCHAR(60) NOT NULL, 
    subject_type VARCHAR(64) CONSTRAINT ck_activities_subject_type CHECK (subject_type IN ('project', 'member', 'phase', 'document', 'comment')) NOT NULL, 
    subject_id CHAR(32), 
    payload TEXT CONSTRAINT ck_activities_payload CHECK (payload IS NULL OR json_valid(payload)) DEFAULT '{}' NOT NULL, 
    occurred_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_activities PRIMARY KEY (id), 
    CONSTRAINT fk_activities_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_activities_project_id_occurred_at ON activities (project_id, occurred_at);

CREATE INDEX ix_activities_actor_id_occurred_at ON activities (actor_id, occurred_at);

INSERT INTO alembic_version_project (version_num) VALUES ('0001');

COMMIT;

