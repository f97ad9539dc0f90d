-- Running upgrade 0005 -> 0006

CREATE TABLE comment_mentions (
    comment_id UNIQUEIDENTIFIER NOT NULL, 
    mention NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    position INTEGER NOT NULL, 
    CONSTRAINT pk_comment_mentions PRIMARY KEY (comment_id, mention), 
    CONSTRAINT fk_comment_mentions_comment_id_comments FOREIGN KEY(comment_id) REFERENCES comments (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_comment_mentions_mention ON comment_mentions (mention);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.default_constraints
where parent_object_id = object_id('comments')
and col_name(parent_object_id, parent_column_id) = 'mentions'
exec('alter table comments drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

declare @const_name varchar(256)
select @const_name = QUOTENAME([name]) from sys.check_constraints
where parent_object_id = object_id('comments')
and col_name(parent_object_id, parent_column_id) = 'mentions'
exec('alter table comments drop constraint ' + @const_name);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

ALTER TABLE comments DROP COLUMN mentions;

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

UPDATE alembic_version_project SET version_num='0006' WHERE alembic_version_project.version_num = '0005';
