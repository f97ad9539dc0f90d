-- Running upgrade 0004 -> 0005

ALTER TABLE bookmarks CHANGE folder shelf VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'inbox';

UPDATE alembic_version_knowledge SET version_num='0005' WHERE alembic_version_knowledge.version_num = '0004';
