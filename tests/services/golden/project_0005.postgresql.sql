-- Running upgrade 0004 -> 0005

CREATE TABLE document_versions (
    document_id UUID NOT NULL, 
    version INTEGER NOT NULL, 
    author_id UUID NOT NULL, 
    title VARCHAR(200) NOT NULL, 
    body JSONB NOT NULL, 
    checksum BYTEA NOT NULL, 
    size_bytes BIGINT NOT NULL, 
    saved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version), 
    CONSTRAINT fk_document_versions_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

UPDATE alembic_version_project SET version_num='0005' WHERE alembic_version_project.version_num = '0004';
