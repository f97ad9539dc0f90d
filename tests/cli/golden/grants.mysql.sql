-- service user: MySQL at db.example.invalid:3306, database 'shop_user'
-- For an administrator to run. In place of each <PASSWORD>, which no server takes, write that account's password as a quoted
-- string, or leave the statement out where the account is there already.

-- logging in
CREATE USER `app_migration`@`%` IDENTIFIED BY <PASSWORD> REQUIRE SSL;

-- reading the version table, and rows in revisions
GRANT SELECT ON `shop\_user`.* TO `app_migration`@`%`;

-- noting a revision as applied, and INSERT in revisions
GRANT INSERT ON `shop\_user`.* TO `app_migration`@`%`;

-- noting the next revision, and UPDATE in revisions
GRANT UPDATE ON `shop\_user`.* TO `app_migration`@`%`;

-- noting a revision as undone, and DELETE in revisions
GRANT DELETE ON `shop\_user`.* TO `app_migration`@`%`;

-- creating the database (dbkit create), and CREATE TABLE in revisions
GRANT CREATE ON `shop\_user`.* TO `app_migration`@`%`;

-- DROP TABLE in revisions and rollbacks, and dropping the database (dbkit drop)
GRANT DROP ON `shop\_user`.* TO `app_migration`@`%`;

-- ALTER TABLE in revisions
GRANT ALTER ON `shop\_user`.* TO `app_migration`@`%`;

-- CREATE INDEX and DROP INDEX in revisions
GRANT INDEX ON `shop\_user`.* TO `app_migration`@`%`;

-- temporary tables in revisions
GRANT CREATE TEMPORARY TABLES ON `shop\_user`.* TO `app_migration`@`%`;

-- CREATE VIEW in revisions
GRANT CREATE VIEW ON `shop\_user`.* TO `app_migration`@`%`;

-- reading how a view is defined, in revisions
GRANT SHOW VIEW ON `shop\_user`.* TO `app_migration`@`%`;

-- foreign keys in revisions
GRANT REFERENCES ON `shop\_user`.* TO `app_migration`@`%`;

-- triggers in revisions; with binary logging the server also needs log_bin_trust_function_creators = 1
GRANT TRIGGER ON `shop\_user`.* TO `app_migration`@`%`;

-- procedures and functions in revisions
GRANT CREATE ROUTINE ON `shop\_user`.* TO `app_migration`@`%`;

-- logging in
CREATE USER `app`@`%` IDENTIFIED BY <PASSWORD> REQUIRE SSL;

-- SELECT from its tables, and reading the version table for health and status
GRANT SELECT ON `shop\_user`.* TO `app`@`%`;

-- INSERT into its tables
GRANT INSERT ON `shop\_user`.* TO `app`@`%`;

-- UPDATE of rows in its tables
GRANT UPDATE ON `shop\_user`.* TO `app`@`%`;

-- DELETE of rows from its tables
GRANT DELETE ON `shop\_user`.* TO `app`@`%`;
