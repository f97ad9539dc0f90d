-- Running upgrade 0004 -> 0005

-- addresses are forgotten where there are any: by dbkit migrate

UPDATE alembic_version_user SET version_num='0005' WHERE alembic_version_user.version_num = '0004';
