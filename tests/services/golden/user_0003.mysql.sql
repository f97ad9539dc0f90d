-- Running upgrade 0002 -> 0003

ALTER TABLE profiles CHANGE biography about LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NULL;

ALTER TABLE profiles ALTER COLUMN time_zone SET DEFAULT 'Etc/UTC';

UPDATE alembic_version_user SET version_num='0003' WHERE alembic_version_user.version_num = '0002';
