-- service knowledge, postgresql, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_knowledge (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_knowledge_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE resources (
    id UUID NOT NULL, 
    kind VARCHAR(64) CONSTRAINT ck_resources_kind CHECK (kind IN ('article', 'book', 'standard', 'pattern', 'video', 'dataset')) NOT NULL, 
    title VARCHAR(300) NOT NULL, 
    summary TEXT, 
    source_url TEXT, 
    authors TEXT[] DEFAULT '{}' NOT NULL, 
    details JSONB DEFAULT '{}' NOT NULL, 
    content_hash BYTEA NOT NULL, 
    project_id UUID, 
    added_by UUID NOT NULL, 
    is_public BOOLEAN DEFAULT true NOT NULL, 
    published_on DATE, 
    page_count INTEGER, 
    size_bytes BIGINT, 
    quality_score DOUBLE PRECISION, 
    price NUMERIC(10, 2), 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_resources PRIMARY KEY (id)
);

CREATE INDEX ix_resources_kind_created_at ON resources (kind, created_at);

CREATE INDEX ix_resources_content_hash ON resources (content_hash);

CREATE INDEX ix_resources_project_id ON resources (project_id);

CREATE TABLE topics (
    id UUID NOT NULL, 
    path VARCHAR(400) NOT NULL, 
    name VARCHAR(120) NOT NULL, 
    description TEXT, 
    synonyms TEXT[] DEFAULT '{}' NOT NULL, 
    depth SMALLINT NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_topics PRIMARY KEY (id), 
    CONSTRAINT uq_topics_path UNIQUE (path)
);

CREATE INDEX ix_topics_name ON topics (name);

CREATE TABLE resource_topics (
    resource_id UUID NOT NULL, 
    topic_id UUID NOT NULL, 
    relevance DOUBLE PRECISION DEFAULT '1.0'::float8 NOT NULL, 
    CONSTRAINT pk_resource_topics PRIMARY KEY (resource_id, topic_id), 
    CONSTRAINT fk_resource_topics_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT fk_resource_topics_topic_id_topics FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

CREATE INDEX ix_resource_topics_topic_id ON resource_topics (topic_id);

CREATE TABLE chunks (
    id UUID NOT NULL, 
    resource_id UUID NOT NULL, 
    position INTEGER NOT NULL, 
    heading VARCHAR(300), 
    body TEXT NOT NULL, 
    token_count INTEGER NOT NULL, 
    pages INTEGER[] DEFAULT '{}' NOT NULL, 
    embedding DOUBLE PRECISION[], 
    embedding_model VARCHAR(80), 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_chunks PRIMARY KEY (id), 
    CONSTRAINT fk_chunks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_chunks_resource_id_position UNIQUE (resource_id, position)
);

CREATE INDEX ix_chunks_embedding_model ON chunks (embedding_model);

CREATE TABLE citations (
    id UUID NOT NULL, 
    chunk_id UUID NOT NULL, 
    document_id UUID NOT NULL, 
    marker VARCHAR(40) NOT NULL, 
    quote TEXT NOT NULL, 
    pages INTEGER[] DEFAULT '{}' NOT NULL, 
    locator JSONB, 
    confidence DOUBLE PRECISION, 
    created_by UUID NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_citations PRIMARY KEY (id), 
    CONSTRAINT fk_citations_chunk_id_chunks FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE, 
    CONSTRAINT uq_citations_document_id_marker UNIQUE (document_id, marker)
);

CREATE INDEX ix_citations_chunk_id ON citations (chunk_id);

CREATE TABLE bookmarks (
    id UUID NOT NULL, 
    user_id UUID NOT NULL, 
    resource_id UUID NOT NULL, 
    folder VARCHAR(120) DEFAULT 'inbox' NOT NULL, 
    labels TEXT[] DEFAULT '{}' NOT NULL, 
    note TEXT, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_bookmarks PRIMARY KEY (id), 
    CONSTRAINT fk_bookmarks_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT uq_bookmarks_user_id_resource_id UNIQUE (user_id, resource_id)
);

CREATE INDEX ix_bookmarks_resource_id ON bookmarks (resource_id);

INSERT INTO alembic_version_knowledge (version_num) VALUES ('0001');

COMMIT;

