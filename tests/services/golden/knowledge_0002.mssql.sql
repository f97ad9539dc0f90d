-- Running upgrade 0001 -> 0002

ALTER TABLE resources ADD language NVARCHAR(70) COLLATE Latin1_General_100_BIN2 NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_resources_language ON resources (language);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_knowledge SET version_num='0002' WHERE alembic_version_knowledge.version_num = '0001';
