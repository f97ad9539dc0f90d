-- Running upgrade 0001 -> 0002

ALTER TABLE resources ADD COLUMN language VARCHAR(35);

CREATE INDEX ix_resources_language ON resources (language);

UPDATE alembic_version_knowledge SET version_num='0002' WHERE alembic_version_knowledge.version_num = '0001';
