-- Running upgrade 0006 -> 0007

ALTER TABLE resource_topics ALTER COLUMN relevance SET DEFAULT '0.5';

UPDATE alembic_version_knowledge SET version_num='0007' WHERE alembic_version_knowledge.version_num = '0006';
