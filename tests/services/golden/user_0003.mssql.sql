-- Running upgrade 0002 -> 0003

EXEC sp_rename 'profiles.biography', about, 'COLUMN';

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('profiles')
and col_name(parent_object_id, parent_column_id) = 'time_zone'
exec('alter table profiles drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE profiles ADD DEFAULT N'Etc/UTC' FOR time_zone;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_user SET version_num='0003' WHERE alembic_version_user.version_num = '0002';
