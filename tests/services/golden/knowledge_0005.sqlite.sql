-- Running upgrade 0004 -> 0005

ALTER TABLE bookmarks RENAME COLUMN folder TO shelf;

UPDATE alembic_version_knowledge SET version_num='0005' WHERE alembic_version_knowledge.version_num = '0004';
