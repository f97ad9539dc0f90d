-- Running upgrade 0003 -> 0004

ALTER TABLE profiles ADD COLUMN name_key VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT '';

-- keys are made for the names that there are: by dbkit migrate

CREATE INDEX ix_users_created_at_id ON users (created_at, id);

UPDATE alembic_version_user SET version_num='0004' WHERE alembic_version_user.version_num = '0003';
