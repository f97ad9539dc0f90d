-- Running upgrade 0006 -> 0007

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('resource_topics')
and col_name(parent_object_id, parent_column_id) = 'relevance'
exec('alter table resource_topics drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE resource_topics ADD DEFAULT 0.5e0 FOR relevance;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_knowledge SET version_num='0007' WHERE alembic_version_knowledge.version_num = '0006';
