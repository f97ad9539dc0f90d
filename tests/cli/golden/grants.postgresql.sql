-- service user: PostgreSQL at db.example.invalid:5432, database 'shop_user'
-- For an administrator to run. In place of each <PASSWORD>, which no server takes, write that account's password as a quoted
-- string, or leave the statement out where the account is there already.

-- logging in
CREATE ROLE "app_migration" LOGIN PASSWORD <PASSWORD>;

-- creating the database; not needed where an administrator creates it (for dbkit create alone)
ALTER ROLE "app_migration" CREATEDB;

-- logging in
CREATE ROLE "app" LOGIN PASSWORD <PASSWORD>;

-- From here on connected to database 'shop_user'.
-- Where it is not there: dbkit create makes it now, or an administrator with
-- CREATE DATABASE "shop_user" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C';

-- keeping other accounts out: by default everybody may connect, and make temporary tables
REVOKE ALL ON DATABASE "shop_user" FROM PUBLIC;

-- keeping other accounts from making tables there, as everybody may before PostgreSQL 15
REVOKE ALL ON SCHEMA "public" FROM PUBLIC;

-- connecting to the database
GRANT CONNECT ON DATABASE "shop_user" TO "app_migration";

-- temporary tables in revisions
GRANT TEMPORARY ON DATABASE "shop_user" TO "app_migration";

-- reaching anything in the schema
GRANT USAGE ON SCHEMA "public" TO "app_migration";

-- CREATE TABLE and the like in revisions
GRANT CREATE ON SCHEMA "public" TO "app_migration";

-- connecting to the database
GRANT CONNECT ON DATABASE "shop_user" TO "app";

-- reaching anything in the schema
GRANT USAGE ON SCHEMA "public" TO "app";

-- SELECT from its tables, and reading the version table for health and status, those that are there now
GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "app";

-- INSERT into its tables, those that are there now
GRANT INSERT ON ALL TABLES IN SCHEMA "public" TO "app";

-- UPDATE of rows in its tables, those that are there now
GRANT UPDATE ON ALL TABLES IN SCHEMA "public" TO "app";

-- DELETE of rows from its tables, those that are there now
GRANT DELETE ON ALL TABLES IN SCHEMA "public" TO "app";

-- INSERT into tables whose rows are numbered by a sequence, those that are there now
GRANT USAGE ON ALL SEQUENCES IN SCHEMA "public" TO "app";

-- SELECT from its tables, and reading the version table for health and status, those that migrations make later
ALTER DEFAULT PRIVILEGES FOR ROLE "app_migration" IN SCHEMA "public" GRANT SELECT ON TABLES TO "app";

-- INSERT into its tables, those that migrations make later
ALTER DEFAULT PRIVILEGES FOR ROLE "app_migration" IN SCHEMA "public" GRANT INSERT ON TABLES TO "app";

-- UPDATE of rows in its tables, those that migrations make later
ALTER DEFAULT PRIVILEGES FOR ROLE "app_migration" IN SCHEMA "public" GRANT UPDATE ON TABLES TO "app";

-- DELETE of rows from its tables, those that migrations make later
ALTER DEFAULT PRIVILEGES FOR ROLE "app_migration" IN SCHEMA "public" GRANT DELETE ON TABLES TO "app";

-- INSERT into tables whose rows are numbered by a sequence, those that migrations make later
ALTER DEFAULT PRIVILEGES FOR ROLE "app_migration" IN SCHEMA "public" GRANT USAGE ON SEQUENCES TO "app";

-- keeping it from writing what dbkit writes; run it again after the first dbkit migrate
DO $dbkit$ DECLARE found name; BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND (starts_with(tablename, 'dbkit_') OR tablename = 'alembic_version_user')
  LOOP EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I.%I FROM %I', 'public', found, 'app'); END LOOP;
END $dbkit$;
