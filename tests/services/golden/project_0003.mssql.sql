-- Running upgrade 0002 -> 0003

CREATE TABLE project_tags (
    project_id UNIQUEIDENTIFIER NOT NULL, 
    tag NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    position INTEGER NOT NULL, 
    CONSTRAINT pk_project_tags PRIMARY KEY (project_id, tag), 
    CONSTRAINT fk_project_tags_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('projects')
and col_name(parent_object_id, parent_column_id) = 'tags'
exec('alter table projects drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.check_constraints
where parent_object_id = object_id('projects')
and col_name(parent_object_id, parent_column_id) = 'tags'
exec('alter table projects drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE projects DROP COLUMN tags;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_project SET version_num='0003' WHERE alembic_version_project.version_num = '0002';
