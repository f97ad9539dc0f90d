-- Running upgrade 0002 -> 0003

ALTER TABLE resources ADD COLUMN scope VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'all';

UPDATE alembic_version_knowledge SET version_num='0003' WHERE alembic_version_knowledge.version_num = '0002';
