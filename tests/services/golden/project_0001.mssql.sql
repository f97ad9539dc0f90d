-- service project, mssql, from nothing to 0001

SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON;
SET NUMERIC_ROUNDABORT OFF;
SET XACT_ABORT ON;
SET LANGUAGE us_english;
SET DATEFORMAT ymd;

GO

BEGIN TRANSACTION;

GO

CREATE TABLE alembic_version_project (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_project_pkc PRIMARY KEY (version_num)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

-- Running upgrade  -> 0001

CREATE TABLE projects (
    id UNIQUEIDENTIFIER NOT NULL, 
    owner_id UNIQUEIDENTIFIER NOT NULL, 
    slug NVARCHAR(160) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    name NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    summary NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    status NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'draft', 
    visibility NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_projects_visibility CHECK (visibility IN (N'private', N'team', N'public')) NOT NULL DEFAULT N'private', 
    tags NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_projects_tags CHECK (ISJSON(tags, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    settings NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_projects_settings CHECK (ISJSON(settings, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    budget DECIMAL(14, 2) NULL, 
    currency NVARCHAR(6) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'EUR', 
    starts_on DATE NULL, 
    due_on DATE NULL, 
    archived_at DATETIMEOFFSET(6) NULL, 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_projects PRIMARY KEY (id), 
    CONSTRAINT uq_projects_slug UNIQUE (slug)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_projects_owner_id_created_at ON projects (owner_id, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE members (
    project_id UNIQUEIDENTIFIER NOT NULL, 
    user_id UNIQUEIDENTIFIER NOT NULL, 
    role NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_members_role CHECK (role IN (N'owner', N'architect', N'reviewer', N'viewer')) NOT NULL, 
    capacity_percent SMALLINT NULL, 
    invited_by UNIQUEIDENTIFIER NULL, 
    joined_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_members PRIMARY KEY (project_id, user_id), 
    CONSTRAINT fk_members_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_members_user_id ON members (user_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE phases (
    id UNIQUEIDENTIFIER NOT NULL, 
    project_id UNIQUEIDENTIFIER NOT NULL, 
    position SMALLINT NOT NULL, 
    name NVARCHAR(240) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    kind NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_phases_kind CHECK (kind IN (N'discovery', N'requirements', N'design', N'review', N'delivery')) NOT NULL, 
    is_milestone BIT NOT NULL DEFAULT 0, 
    needs NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_phases_needs CHECK (ISJSON(needs, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    cost_estimate DECIMAL(14, 2) NOT NULL DEFAULT 0.00, 
    starts_on DATE NULL, 
    ends_on DATE NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_phases PRIMARY KEY (id), 
    CONSTRAINT fk_phases_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
    CONSTRAINT uq_phases_project_id_position UNIQUE (project_id, position), 
    CONSTRAINT uq_phases_project_id_id UNIQUE (project_id, id)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE documents (
    id UNIQUEIDENTIFIER NOT NULL, 
    project_id UNIQUEIDENTIFIER NOT NULL, 
    phase_id UNIQUEIDENTIFIER NOT NULL, 
    author_id UNIQUEIDENTIFIER NOT NULL, 
    slug NVARCHAR(240) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    title NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    kind NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_documents_kind CHECK (kind IN (N'brief', N'requirements', N'diagram', N'decision', N'report')) NOT NULL, 
    status NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_documents_status CHECK (status IN (N'draft', N'in_review', N'approved', N'superseded')) NOT NULL DEFAULT N'draft', 
    body NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_documents_body CHECK (ISJSON(body, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    tags NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_documents_tags CHECK (ISJSON(tags, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    checksum VARBINARY(32) NULL, 
    size_bytes BIGINT NOT NULL DEFAULT 0, 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_documents PRIMARY KEY (id), 
    CONSTRAINT fk_documents_project_id_phase_id_phases FOREIGN KEY(project_id, phase_id) REFERENCES phases (project_id, id) ON DELETE CASCADE, 
    CONSTRAINT uq_documents_project_id_phase_id_slug UNIQUE (project_id, phase_id, slug)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_documents_project_id_status_created_at ON documents (project_id, status, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_documents_author_id_created_at ON documents (author_id, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE comments (
    id UNIQUEIDENTIFIER NOT NULL, 
    document_id UNIQUEIDENTIFIER NOT NULL, 
    thread_id UNIQUEIDENTIFIER NOT NULL, 
    author_id UNIQUEIDENTIFIER NOT NULL, 
    body NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    anchor NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_comments_anchor CHECK (ISJSON(anchor, VALUE) = 1) NULL, 
    mentions NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_comments_mentions CHECK (ISJSON(mentions, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    is_resolved BIT NOT NULL DEFAULT 0, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_comments PRIMARY KEY (id), 
    CONSTRAINT fk_comments_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_comments_document_id_thread_id_created_at ON comments (document_id, thread_id, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_comments_author_id_created_at ON comments (author_id, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE activities (
    id UNIQUEIDENTIFIER NOT NULL, 
    project_id UNIQUEIDENTIFIER NOT NULL, 
    actor_id UNIQUEIDENTIFIER NULL, 
    verb NVARCHAR(120) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    subject_type NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_activities_subject_type CHECK (subject_type IN (N'project', N'member', N'phase', N'document', N'comment')) NOT NULL, 
    subject_id UNIQUEIDENTIFIER NULL, 
    payload NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_activities_payload CHECK (ISJSON(payload, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    occurred_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_activities PRIMARY KEY (id), 
    CONSTRAINT fk_activities_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_activities_project_id_occurred_at ON activities (project_id, occurred_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_activities_actor_id_occurred_at ON activities (actor_id, occurred_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

INSERT INTO alembic_version_project (version_num) OUTPUT inserted.version_num VALUES ('0001');

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

COMMIT;

GO

SET NOEXEC OFF;

GO

