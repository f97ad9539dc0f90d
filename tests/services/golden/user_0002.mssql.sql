-- Running upgrade 0001 -> 0002

ALTER TABLE profiles ADD given_name NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE profiles ADD family_name NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

-- names are carried over where there are any: by dbkit migrate

ALTER TABLE profiles ALTER COLUMN given_name NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE profiles DROP COLUMN full_name;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_user SET version_num='0002' WHERE alembic_version_user.version_num = '0001';
