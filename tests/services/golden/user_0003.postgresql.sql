-- Running upgrade 0002 -> 0003

ALTER TABLE profiles RENAME biography TO about;

ALTER TABLE profiles ALTER COLUMN time_zone SET DEFAULT 'Etc/UTC';

UPDATE alembic_version_user SET version_num='0003' WHERE alembic_version_user.version_num = '0002';
