-- Running upgrade 0003 -> 0004

CREATE INDEX ix_project_tags_tag ON project_tags (tag);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_projects_visibility_created_at ON projects (visibility, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('projects')
and col_name(parent_object_id, parent_column_id) = 'visibility'
exec('alter table projects drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE projects ADD DEFAULT N'team' FOR visibility;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_project SET version_num='0004' WHERE alembic_version_project.version_num = '0003';
