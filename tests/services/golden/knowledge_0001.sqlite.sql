-- service knowledge, sqlite, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_knowledge (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_knowledge_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE resources (
    id CHAR(32) NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_resources_kind CHECK (kind IN ('article', 'book', 'standard', 'pattern', 'video', 'dataset')) NOT NULL, 
    title VARCHAR(300) NOT NULL, 
    summary TEXT, 
    source_url TEXT, 
    authors TEXT CONSTRAINT ck_resources_authors CHECK (authors IS NULL OR (json_valid(authors) AND json_type(authors) = 'array')) DEFAULT '[]' NOT NULL, 
    details TEXT CONSTRAINT ck_resources_details CHECK (details IS NULL OR json_valid(details)) DEFAULT '{}' NOT NULL, 
    content_hash BLOB NOT NULL, 
    project_id CHAR(32), 
    added_by CHAR(32) NOT NULL, 
    is_public BOOLEAN CONSTRAINT ck_resources_is_public CHECK (is_public IN (0, 1)) DEFAULT 1 NOT NULL, 
    published_on TEXT, 
    page_count INTEGER, 
    size_bytes INTEGER, 
    quality_score REAL, 
    price SCALED_INT(10, 2), 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_resources PRIMARY KEY (id)
);

CREATE INDEX ix_resources_kind_created_at ON resources (kind, created_at);

CREATE INDEX ix_resources_content_hash ON resources (content_hash);

CREATE INDEX ix_resources_project_id ON resources (project_id);

CREATE TABLE topics (
    id CHAR(32) NOT NULL, 
    path VARCHAR(400) NOT NULL, 
    name VARCHAR(120) NOT NULL, 
    description TEXT, 
    synonyms TEXT CONSTRAINT ck_topics_synonyms CHECK (synonyms IS NULL OR (json_valid(synonyms) AND json_type(synonyms) = 'array')) DEFAULT '[]' NOT NULL, 
    depth INTEGER NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_topics PRIMARY KEY (id), 
    CONSTRAINT uq_topics_path UNIQUE (path)
);

CREATE INDEX ix_topics_name ON topics (name);

CREATE TABLE resource_topics (
    resource_id CHAR(32) NOT NULL, 
    topic_id CHAR(32) NOT NULL, 
    relevance REAL DEFAULT (1.0) NOT NULL, 
    CONSTRAINT pk_resource_topics PRIMARY KEY (resource_id, topic_id), 
    CONSTRAINT fk_resource_topics_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT fk_resource_topics_topic_id_topics FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

CREATE INDEX ix_resource_topics_topic_id ON resource_topics (topic_id);

CREATE TABLE chunks (
    id CHAR(32) NOT NULL, 
    resource_id CHAR(32) NOT NULL, 
    position INTEGER NOT NULL, 
    heading VARCHAR(300), 
    body TEXT NOT NULL, 
    token_count INTEGER NOT NULL, 
    pages TEXT CONSTRAINT ck_chunks_pages CHECK (pages IS NULL OR (json_valid(pages) AND json_type(pages) = 'array')) DEFAULT '[]' NOT NULL, 
    embedding TEXT CONSTRAINT ck_chunks_embedding CHECK (embedding IS NULL OR (json_valid(embedding) AND json_type(embedding) = 'array')), 
    embedding_model VARCHAR(80), 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_chunks PRIMARY KEY (id), 
    CONSTRAINT fk_chunks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_chunks_resource_id_position UNIQUE (resource_id, position)
);

CREATE INDEX ix_chunks_embedding_model ON chunks (embedding_model);

CREATE TABLE citations (
    id CHAR(32) NOT NULL, 
    chunk_id CHAR(32) NOT NULL, 
    document_id CHAR(32) NOT NULL, 
    marker VARCHAR(40) NOT NULL, 
    quote TEXT NOT NULL, 
    pages TEXT CONSTRAINT ck_citations_pages CHECK (pages IS NULL OR (json_valid(pages) AND json_type(pages) = 'array')) DEFAULT '[]' NOT NULL, 
    locator TEXT CONSTRAINT ck_citations_locator CHECK (locator IS NULL OR json_valid(locator)), 
    confidence REAL, 
    created_by CHAR(32) NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_citations PRIMARY KEY (id), 
    CONSTRAINT fk_citations_chunk_id_chunks FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE, 
    CONSTRAINT uq_citations_document_id_marker UNIQUE (document_id, marker)
);

CREATE INDEX ix_citations_chunk_id ON citations (chunk_id);

CREATE TABLE bookmarks (
    id CHAR(32) NOT NULL, 
    user_id CHAR(32) NOT NULL, 
    resource_id CHAR(32) NOT NULL, 
    folder VARCHAR(120) DEFAULT 'inbox' NOT NULL, 
    labels TEXT CONSTRAINT ck_bookmarks_labels CHECK (labels IS NULL OR (json_valid(labels) AND json_type(labels) = 'array')) DEFAULT '[]' NOT NULL, 
    note TEXT, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_bookmarks PRIMARY KEY (id), 
    CONSTRAINT fk_bookmarks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_bookmarks_user_id_resource_id UNIQUE (user_id, resource_id)
);

CREATE INDEX ix_bookmarks_resource_id ON bookmarks (resource_id);

INSERT INTO alembic_version_knowledge (version_num) VALUES ('0001');

COMMIT;

