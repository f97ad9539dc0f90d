-- Running upgrade 0004 -> 0005

EXEC sp_rename 'bookmarks.folder', shelf, 'COLUMN';

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_knowledge SET version_num='0005' WHERE alembic_version_knowledge.version_num = '0004';
