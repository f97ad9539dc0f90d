-- service project, mysql, from nothing to 0001

CREATE TABLE alembic_version_project (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_project_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE projects (
    id BINARY(16) NOT NULL, 
    owner_id BINARY(16) NOT NULL, 
    slug VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    summary LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    status VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'draft', 
    visibility ENUM('private', 'public', 'team') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'private', 
    tags JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    settings JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    budget DECIMAL(14, 2), 
    currency VARCHAR(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'EUR', 
    starts_on DATE, 
    due_on DATE, 
    archived_at DATETIME(6), 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_projects PRIMARY KEY (id), 
    CONSTRAINT uq_projects_slug UNIQUE (slug)
);

CREATE INDEX ix_projects_owner_id_created_at ON projects (owner_id, created_at);

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

CREATE TABLE members (
    project_id BINARY(16) NOT NULL, 
    user_id BINARY(16) NOT NULL, 
    `role` ENUM('architect', 'owner', 'reviewer', 'viewer') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    capacity_percent SMALLINT, 
    invited_by BINARY(16), 
    joined_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_members PRIMARY KEY (project_id, user_id), 
    CONSTRAINT fk_members_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_members_user_id ON members (user_id);

CREATE TABLE phases (
    id BINARY(16) NOT NULL, 
    project_id BINARY(16) NOT NULL, 
    position SMALLINT NOT NULL, 
    name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    kind ENUM('delivery', 'design', 'discovery', 'requirements', 'review') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    is_milestone BOOL NOT NULL DEFAULT 0, 
    needs JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    cost_estimate DECIMAL(14, 2) NOT NULL DEFAULT '0.00', 
    starts_on DATE, 
    ends_on DATE, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_phases PRIMARY KEY (id), 
    CONSTRAINT fk_phases_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
    CONSTRAINT uq_phases_project_id_position UNIQUE (project_id, position), 
    CONSTRAINT uq_phases_project_id_id UNIQUE (project_id, id)
);

CREATE TABLE documents (
    id BINARY(16) NOT NULL, 
    project_id BINARY(16) NOT NULL, 
    phase_id BINARY(16) NOT NULL, 
    author_id BINARY(16) NOT NULL, 
    slug VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    title VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    kind ENUM('brief', 'decision', 'diagram', 'report', 'requirements') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    status ENUM('approved', 'draft', 'in_review', 'superseded') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'draft', 
    body JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    tags JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    checksum VARBINARY(32), 
    size_bytes BIGINT NOT NULL DEFAULT 0, 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_documents PRIMARY KEY (id), 
    CONSTRAINT fk_documents_project_id_phase_id_phases FOREIGN KEY(project_id, phase_id) REFERENCES phases (project_id, id) ON DELETE CASCADE, 
    CONSTRAINT uq_documents_project_id_phase_id_slug UNIQUE (project_id, phase_id, slug)
);

CREATE INDEX ix_documents_project_id_status_created_at ON documents (project_id, status, created_at);

CREATE INDEX ix_documents_author_id_created_at ON documents (author_id, created_at);

CREATE TABLE comments (
    id BINARY(16) NOT NULL, 
    document_id BINARY(16) NOT NULL, 
    thread_id BINARY(16) NOT NULL, 
    author_id BINARY(16) NOT NULL, 
    body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    anchor JSON, 
    mentions JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    is_resolved BOOL NOT NULL DEFAULT 0, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_comments PRIMARY KEY (id), 
    CONSTRAINT fk_comments_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

CREATE INDEX ix_comments_document_id_thread_id_created_at ON comments (document_id, thread_id, created_at);

CREATE INDEX ix_comments_author_id_created_at ON comments (author_id, created_at);

CREATE TABLE activities (
    id BINARY(16) NOT NULL, 
    project_id BINARY(16) NOT NULL, 
    actor_id BINARY(16), 
    verb VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    subject_type ENUM('comment', 'document', 'member', 'phase', 'project') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    subject_id BINARY(16), 
    payload JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    occurred_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_activities PRIMARY KEY (id), 
    CONSTRAINT fk_activities_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX ix_activities_project_id_occurred_at ON activities (project_id, occurred_at);

CREATE INDEX ix_activities_actor_id_occurred_at ON activities (actor_id, occurred_at);

INSERT INTO alembic_version_project (version_num) VALUES ('0001');

