-- Running upgrade 0004 -> 0005

CREATE TABLE document_versions (
    document_id UNIQUEIDENTIFIER NOT NULL, 
    version INTEGER NOT NULL, 
    author_id UNIQUEIDENTIFIER NOT NULL, 
    title NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    body NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_document_versions_body CHECK (ISJSON(body, VALUE) = 1) NOT NULL, 
    checksum VARBINARY(32) NOT NULL, 
    size_bytes BIGINT NOT NULL, 
    saved_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version), 
    CONSTRAINT fk_document_versions_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_project SET version_num='0005' WHERE alembic_version_project.version_num = '0004';
