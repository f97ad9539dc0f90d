-- Running upgrade 0002 -> 0003

ALTER TABLE resources ADD scope NVARCHAR(72) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'all';

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_knowledge SET version_num='0003' WHERE alembic_version_knowledge.version_num = '0002';
