-- service project, postgresql, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_project (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_project_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE projects (
    id UUID NOT NULL, 
    owner_id UUID NOT NULL, 
    slug VARCHAR(80) NOT NULL, 
    name VARCHAR(200) NOT NULL, 
    summary TEXT, 
    status VARCHAR(20) DEFAULT 'draft' NOT NULL, 
    visibility VARCHAR(64) CONSTRAINT ck_projects_visibility CHECK (visibility IN ('private', 'team', 'public')) DEFAULT 'private' NOT NULL, 
    tags TEXT[] DEFAULT '{}' NOT NULL, 
    settings JSONB DEFAULT '{}' NOT NULL, 
    budget NUMERIC(14, 2), 
    currency VARCHAR(3) DEFAULT 'EUR' NOT NULL, 
    starts_on DATE, 
    due_on DATE, 
    archived_at TIMESTAMP WITH TIME ZONE, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_projects PRIMARY KEY (id), 
    CONSTRAINT uq_projects_slug UNIQUE (slug)
);

CREATE INDEX ix_projects_owner_id_created_at ON projects (owner_id, created_at);

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

CREATE TABLE members (
    project_id UUID NOT NULL, 
    user_id UUID NOT NULL, 
    role VARCHAR(64) CONSTRAINT ck_members_role CHECK (role IN ('owner', 'architect', 'reviewer', 'viewer')) NOT NULL, 
    capacity_percent SMALLINT, 
    invited_by UUID, 
    joined_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_members PRIMARY KEY (project_id, user_id), 
    CONSTRAINT fk_members_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_members_user_id ON members (user_id);

CREATE TABLE phases (
    id UUID NOT NULL, 
    project_id UUID NOT NULL, 
    position SMALLINT NOT NULL, 
    name VARCHAR(120) NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_phases_kind CHECK (kind IN ('discovery', 'requirements', 'design', 'review', 'delivery')) NOT NULL, 
    is_milestone BOOLEAN DEFAULT false NOT NULL, 
    needs INTEGER[] DEFAULT '{}' NOT NULL, 
    cost_estimate NUMERIC(14, 2) DEFAULT 0.00 NOT NULL, 
    starts_on DATE, 
    ends_on DATE, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_phases PRIMARY KEY (id), 
    CONSTRAINT fk_phases_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
    CONSTRAINT uq_phases_project_id_position UNIQUE (project_id, position), 
    CONSTRAINT uq_phases_project_id_id UNIQUE (project_id, id)
);

CREATE TABLE documents (
    id UUID NOT NULL, 
    project_id UUID NOT NULL, 
    phase_id UUID NOT NULL, 
    author_id UUID NOT NULL, 
    slug VARCHAR(120) NOT NULL, 
    title VARCHAR(200) NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_documents_kind CHECK (kind IN ('brief', 'requirements', 'diagram', 'decision', 'report')) NOT NULL, 
    status VARCHAR(64) CONSTRAINT ck_documents_status CHECK (status IN ('draft', 'in_review', 'approved', 'superseded')) DEFAULT 'draft' NOT NULL, 
    body JSONB DEFAULT '{}' NOT NULL, 
    tags TEXT[] DEFAULT '{}' NOT NULL, 
    checksum BYTEA, 
    size_bytes BIGINT DEFAULT 0 NOT NULL, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_documents PRIMARY KEY (id), 
    CONSTRAINT fk_documents_project_id_phase_id_phases FOREIGN KEY(project_id, phase_id) REFERENCES phases (project_id, id) ON DELETE CASCADE, 
    CONSTRAINT uq_documents_project_id_phase_id_slug UNIQUE (project_id, phase_id, slug)
);

CREATE INDEX ix_documents_project_id_status_created_at ON documents (project_id, status, created_at);

CREATE INDEX ix_documents_author_id_created_at ON documents (author_id, created_at);

CREATE TABLE comments (
    id UUID NOT NULL, 
    document_id UUID NOT NULL, 
    thread_id UUID NOT NULL, 
    author_id UUID NOT NULL, 
    body TEXT NOT NULL, 
    anchor JSONB, 
    mentions TEXT[] DEFAULT '{}' NOT NULL, 
    is_resolved BOOLEAN DEFAULT false NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_comments PRIMARY KEY (id), 
    CONSTRAINT fk_comments_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

CREATE INDEX ix_comments_document_id_thread_id_created_at ON comments (document_id, thread_id, created_at);

CREATE INDEX ix_comments_author_id_created_at ON comments (author_id, created_at);

CREATE TABLE activities (
    id UUID NOT NULL, 
    project_id UUID NOT NULL, 
    actor_id UUID, 
    verb VARCHAR(60) NOT NULL, 
    subject_type VARCHAR(64) CONSTRAINT ck_activities_subject_type CHECK (subject_type IN ('project', 'member', 'phase', 'document', 'comment')) NOT NULL, 
    subject_id UUID, 
    payload JSONB DEFAULT '{}' NOT NULL, 
    occurred_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_activities PRIMARY KEY (id), 
    CONSTRAINT fk_activities_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_activities_project_id_occurred_at ON activities (project_id, occurred_at);

CREATE INDEX ix_activities_actor_id_occurred_at ON activities (actor_id, occurred_at);

INSERT INTO alembic_version_project (version_num) VALUES ('0001');

COMMIT;

