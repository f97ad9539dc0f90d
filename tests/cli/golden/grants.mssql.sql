-- service user: SQL Server at db.example.invalid:1433, database 'shop_user'
-- For an administrator to run. In place of each <PASSWORD>, which no server takes, write that account's password as a quoted
-- string, or leave the statement out where the account is there already.

-- From here on connected to database 'master'.

-- logging in
CREATE LOGIN [app_migration] WITH PASSWORD = <PASSWORD>;

-- creating the database; not needed where an administrator creates it (for dbkit create alone)
GRANT CREATE ANY DATABASE TO [app_migration];

-- logging in
CREATE LOGIN [app] WITH PASSWORD = <PASSWORD>;

-- From here on connected to database 'shop_user'.
-- Where it is not there: dbkit create makes it now, or an administrator with
-- CREATE DATABASE [shop_user] COLLATE Latin1_General_100_BIN2;

-- connecting to the database; not for the log-in that has created it, which is dbo there
CREATE USER [app_migration] FOR LOGIN [app_migration] WITH DEFAULT_SCHEMA = dbo;

-- CREATE TABLE in revisions
GRANT CREATE TABLE TO [app_migration];

-- CREATE VIEW in revisions
GRANT CREATE VIEW TO [app_migration];

-- CREATE PROCEDURE in revisions
GRANT CREATE PROCEDURE TO [app_migration];

-- CREATE FUNCTION in revisions
GRANT CREATE FUNCTION TO [app_migration];

-- reading the version table, and rows in revisions
GRANT SELECT ON SCHEMA::dbo TO [app_migration];

-- noting a revision as applied, and INSERT in revisions
GRANT INSERT ON SCHEMA::dbo TO [app_migration];

-- noting the next revision, and UPDATE in revisions
GRANT UPDATE ON SCHEMA::dbo TO [app_migration];

-- noting a revision as undone, and DELETE in revisions
GRANT DELETE ON SCHEMA::dbo TO [app_migration];

-- making, altering and dropping tables, indexes and triggers in the schema
GRANT ALTER ON SCHEMA::dbo TO [app_migration];

-- foreign keys in revisions
GRANT REFERENCES ON SCHEMA::dbo TO [app_migration];

-- connecting to the database; not for the log-in that has created it, which is dbo there
CREATE USER [app] FOR LOGIN [app] WITH DEFAULT_SCHEMA = dbo;

-- SELECT from its tables, and reading the version table for health and status
GRANT SELECT ON SCHEMA::dbo TO [app];

-- INSERT into its tables
GRANT INSERT ON SCHEMA::dbo TO [app];

-- UPDATE of rows in its tables
GRANT UPDATE ON SCHEMA::dbo TO [app];

-- DELETE of rows from its tables
GRANT DELETE ON SCHEMA::dbo TO [app];

-- keeping it from writing the version table; run this again after the first dbkit migrate
IF OBJECT_ID(N'dbo.[alembic_version_user]') IS NOT NULL EXEC(N'DENY INSERT, UPDATE, DELETE ON OBJECT::dbo.[alembic_version_user] TO [app]');
