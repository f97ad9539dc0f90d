-- Running upgrade 0004 -> 0005

CREATE TABLE document_versions (
    document_id BINARY(16) NOT NULL, 
    version INTEGER NOT NULL, 
    author_id BINARY(16) NOT NULL, 
    title VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    `body` JSON NOT NULL, 
    checksum VARBINARY(32) NOT NULL, 
    size_bytes BIGINT NOT NULL, 
    saved_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version), 
    CONSTRAINT fk_document_versions_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

UPDATE alembic_version_project SET version_num='0005' WHERE alembic_version_project.version_num = '0004';
