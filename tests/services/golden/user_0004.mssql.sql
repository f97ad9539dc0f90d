-- Running upgrade 0003 -> 0004

ALTER TABLE profiles ADD name_key NVARCHAR(1200) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'';

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

-- keys are made for the names that there are: by dbkit migrate

CREATE INDEX ix_users_created_at_id ON users (created_at, id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_user SET version_num='0004' WHERE alembic_version_user.version_num = '0003';
