-- Running upgrade 0004 -> 0005

CREATE TABLE document_versions (
    document_id CHAR(32) NOT NULL, 
    version INTEGER NOT NULL, 
    author_id CHAR(32) NOT NULL, 
    title VARCHAR(200) NOT NULL, 
    body TEXT CONSTRAINT ck_document_versions_body CHECK (body IS NULL OR json_valid(body)) NOT NULL, 
    checksum BLOB NOT NULL, 
    size_bytes INTEGER NOT NULL, 
    saved_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version), 
    CONSTRAINT fk_document_versions_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

UPDATE alembic_version_project SET version_num='0005' WHERE alembic_version_project.version_num = '0004';
