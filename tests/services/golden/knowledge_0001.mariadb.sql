-- service knowledge, mariadb, from nothing to 0001

CREATE TABLE alembic_version_knowledge (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_knowledge_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE resources (
    id BINARY(16) NOT NULL, 
    kind ENUM('article', 'book', 'dataset', 'pattern', 'standard', 'video') CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    title VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    summary LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    source_url LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    authors JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    details JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    content_hash VARBINARY(32) NOT NULL, 
    project_id BINARY(16), 
    added_by BINARY(16) NOT NULL, 
    is_public BOOL NOT NULL DEFAULT 1, 
    published_on DATE, 
    page_count INTEGER, 
    size_bytes BIGINT, 
    quality_score DOUBLE, 
    price DECIMAL(10, 2), 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_resources PRIMARY KEY (id)
);

CREATE INDEX ix_resources_kind_created_at ON resources (kind, created_at);

CREATE INDEX ix_resources_content_hash ON resources (content_hash);

CREATE INDEX ix_resources_project_id ON resources (project_id);

CREATE TABLE topics (
    id BINARY(16) NOT NULL, 
    path VARCHAR(400) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    description LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    synonyms JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    depth SMALLINT NOT NULL, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_topics PRIMARY KEY (id), 
    CONSTRAINT uq_topics_path UNIQUE (path)
);

CREATE INDEX ix_topics_name ON topics (name);

CREATE TABLE resource_topics (
    resource_id BINARY(16) NOT NULL, 
    topic_id BINARY(16) NOT NULL, 
    relevance DOUBLE NOT NULL DEFAULT 1, 
    CONSTRAINT pk_resource_topics PRIMARY KEY (resource_id, topic_id), 
    CONSTRAINT fk_resource_topics_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT fk_resource_topics_topic_id_topics FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

CREATE INDEX ix_resource_topics_topic_id ON resource_topics (topic_id);

CREATE TABLE chunks (
    id BINARY(16) NOT NULL, 
    resource_id BINARY(16) NOT NULL, 
    `position` INTEGER NOT NULL, 
    heading VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    `body` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    token_count INTEGER NOT NULL, 
    pages JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    embedding JSON, 
    embedding_model VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_chunks PRIMARY KEY (id), 
    CONSTRAINT fk_chunks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_chunks_resource_id_position UNIQUE (resource_id, `position`)
);

CREATE INDEX ix_chunks_embedding_model ON chunks (embedding_model);

CREATE TABLE citations (
    id BINARY(16) NOT NULL, 
    chunk_id BINARY(16) NOT NULL, 
    document_id BINARY(16) NOT NULL, 
    marker VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    quote LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    pages JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    locator JSON, 
    confidence DOUBLE, 
    created_by BINARY(16) NOT NULL, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_citations PRIMARY KEY (id), 
    CONSTRAINT fk_citations_chunk_id_chunks FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE, 
    CONSTRAINT uq_citations_document_id_marker UNIQUE (document_id, marker)
);

CREATE INDEX ix_citations_chunk_id ON citations (chunk_id);

CREATE TABLE bookmarks (
    id BINARY(16) NOT NULL, 
    user_id BINARY(16) NOT NULL, 
    resource_id BINARY(16) NOT NULL, 
    folder VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL DEFAULT 'inbox', 
    labels JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    note LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_bookmarks PRIMARY KEY (id), 
    CONSTRAINT fk_bookmarks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_bookmarks_user_id_resource_id UNIQUE (user_id, resource_id)
);

CREATE INDEX ix_bookmarks_resource_id ON bookmarks (resource_id);

INSERT INTO alembic_version_knowledge (version_num) VALUES ('0001');

