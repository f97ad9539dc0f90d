-- Running upgrade 0003 -> 0004

CREATE UNIQUE INDEX ix_resources_scope_content_hash ON resources (scope, content_hash);

UPDATE alembic_version_knowledge SET version_num='0004' WHERE alembic_version_knowledge.version_num = '0003';
