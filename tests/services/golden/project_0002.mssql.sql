-- Running upgrade 0001 -> 0002

ALTER TABLE projects ADD status_note NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

DROP INDEX ix_projects_status_created_at ON projects;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('projects')
and col_name(parent_object_id, parent_column_id) = 'status'
exec('alter table projects drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE projects ALTER COLUMN status NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE projects ADD DEFAULT N'draft' FOR status;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE projects ADD CONSTRAINT ck_projects_status CHECK (status IN (N'draft', N'active', N'on_hold', N'done', N'archived'));

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_projects_status_created_at ON projects (status, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_project SET version_num='0002' WHERE alembic_version_project.version_num = '0001';
