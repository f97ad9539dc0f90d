-- Running upgrade 0001 -> 0002

ALTER TABLE profiles ADD COLUMN given_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

ALTER TABLE profiles ADD COLUMN family_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

-- names are carried over where there are any: by dbkit migrate

ALTER TABLE profiles MODIFY given_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL;

ALTER TABLE profiles DROP COLUMN full_name;

UPDATE alembic_version_user SET version_num='0002' WHERE alembic_version_user.version_num = '0001';
