-- Running upgrade 0002 -> 0003

ALTER TABLE resources ADD COLUMN scope VARCHAR(36) DEFAULT 'all' NOT NULL;

UPDATE alembic_version_knowledge SET version_num='0003' WHERE alembic_version_knowledge.version_num = '0002';
