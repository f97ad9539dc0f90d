-- service knowledge, mssql, from nothing to 0001

SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON;
SET NUMERIC_ROUNDABORT OFF;
SET XACT_ABORT ON;
SET LANGUAGE us_english;
SET DATEFORMAT ymd;

GO

BEGIN TRANSACTION;

GO

CREATE TABLE alembic_version_knowledge (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_knowledge_pkc PRIMARY KEY (version_num)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

-- Running upgrade  -> 0001

CREATE TABLE resources (
    id UNIQUEIDENTIFIER NOT NULL, 
    kind NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_resources_kind CHECK (kind IN (N'article', N'book', N'standard', N'pattern', N'video', N'dataset')) NOT NULL, 
    title NVARCHAR(600) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    summary NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    source_url NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    authors NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_resources_authors CHECK (ISJSON(authors, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    details NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_resources_details CHECK (ISJSON(details, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    content_hash VARBINARY(32) NOT NULL, 
    project_id UNIQUEIDENTIFIER NULL, 
    added_by UNIQUEIDENTIFIER NOT NULL, 
    is_public BIT NOT NULL DEFAULT 1, 
    published_on DATE NULL, 
    page_count INTEGER NULL, 
    size_bytes BIGINT NULL, 
    quality_score FLOAT(53) NULL, 
    price DECIMAL(10, 2) NULL, 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_resources PRIMARY KEY (id)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_resources_kind_created_at ON resources (kind, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_resources_content_hash ON resources (content_hash);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_resources_project_id ON resources (project_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE topics (
    id UNIQUEIDENTIFIER NOT NULL, 
    path NVARCHAR(800) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    name NVARCHAR(240) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    description NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    synonyms NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_topics_synonyms CHECK (ISJSON(synonyms, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    depth SMALLINT NOT NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_topics PRIMARY KEY (id), 
    CONSTRAINT uq_topics_path UNIQUE (path)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_topics_name ON topics (name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE resource_topics (
    resource_id UNIQUEIDENTIFIER NOT NULL, 
    topic_id UNIQUEIDENTIFIER NOT NULL, 
    relevance FLOAT(53) NOT NULL DEFAULT 1.0e0, 
    CONSTRAINT pk_resource_topics PRIMARY KEY (resource_id, topic_id), 
    CONSTRAINT fk_resource_topics_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT fk_resource_topics_topic_id_topics FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_resource_topics_topic_id ON resource_topics (topic_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE chunks (
    id UNIQUEIDENTIFIER NOT NULL, 
    resource_id UNIQUEIDENTIFIER NOT NULL, 
    position INTEGER NOT NULL, 
    heading NVARCHAR(600) COLLATE Latin1_General_100_BIN2 NULL, 
    body NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    token_count INTEGER NOT NULL, 
    pages NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_chunks_pages CHECK (ISJSON(pages, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    embedding NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_chunks_embedding CHECK (ISJSON(embedding, ARRAY) = 1) NULL, 
    embedding_model NVARCHAR(160) COLLATE Latin1_General_100_BIN2 NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_chunks PRIMARY KEY (id), 
    CONSTRAINT fk_chunks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_chunks_resource_id_position UNIQUE (resource_id, position)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_chunks_embedding_model ON chunks (embedding_model);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE citations (
    id UNIQUEIDENTIFIER NOT NULL, 
    chunk_id UNIQUEIDENTIFIER NOT NULL, 
    document_id UNIQUEIDENTIFIER NOT NULL, 
    marker NVARCHAR(80) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    quote NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    pages NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_citations_pages CHECK (ISJSON(pages, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    locator NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_citations_locator CHECK (ISJSON(locator, VALUE) = 1) NULL, 
    confidence FLOAT(53) NULL, 
    created_by UNIQUEIDENTIFIER NOT NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_citations PRIMARY KEY (id), 
    CONSTRAINT fk_citations_chunk_id_chunks FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE, 
    CONSTRAINT uq_citations_document_id_marker UNIQUE (document_id, marker)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_citations_chunk_id ON citations (chunk_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE bookmarks (
    id UNIQUEIDENTIFIER NOT NULL, 
    user_id UNIQUEIDENTIFIER NOT NULL, 
    resource_id UNIQUEIDENTIFIER NOT NULL, 
    folder NVARCHAR(240) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'inbox', 
    labels NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_bookmarks_labels CHECK (ISJSON(labels, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    note NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_bookmarks PRIMARY KEY (id), 
    CONSTRAINT fk_bookmarks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_bookmarks_user_id_resource_id UNIQUE (user_id, resource_id)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_bookmarks_resource_id ON bookmarks (resource_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

INSERT INTO alembic_version_knowledge (version_num) OUTPUT inserted.version_num VALUES ('0001');

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

COMMIT;

GO

SET NOEXEC OFF;

GO

