-- service user, mssql, from nothing to 0001

SET ANSI_PADDING, ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL, ARITHABORT, QUOTED_IDENTIFIER, ANSI_NULLS ON;
SET NUMERIC_ROUNDABORT OFF;
SET XACT_ABORT ON;
SET LANGUAGE us_english;
SET DATEFORMAT ymd;

GO

BEGIN TRANSACTION;

GO

CREATE TABLE alembic_version_user (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_user_pkc PRIMARY KEY (version_num)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

-- Running upgrade  -> 0001

CREATE TABLE users (
    id UNIQUEIDENTIFIER NOT NULL, 
    email NVARCHAR(640) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    password_hash NVARCHAR(510) COLLATE Latin1_General_100_BIN2 NULL, 
    status NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_users_status CHECK (status IN (N'invited', N'active', N'suspended', N'closed')) NOT NULL DEFAULT N'invited', 
    is_staff BIT NOT NULL DEFAULT 0, 
    last_login_at DATETIMEOFFSET(6) NULL, 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_users PRIMARY KEY (id), 
    CONSTRAINT uq_users_email UNIQUE (email)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_users_status_created_at ON users (status, created_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE roles (
    id UNIQUEIDENTIFIER NOT NULL, 
    name NVARCHAR(120) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    description NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    permissions NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_roles_permissions CHECK (ISJSON(permissions, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    is_builtin BIT NOT NULL DEFAULT 0, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_roles PRIMARY KEY (id), 
    CONSTRAINT uq_roles_name UNIQUE (name)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE user_roles (
    user_id UNIQUEIDENTIFIER NOT NULL, 
    role_id UNIQUEIDENTIFIER NOT NULL, 
    granted_by UNIQUEIDENTIFIER NULL, 
    granted_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    expires_at DATETIMEOFFSET(6) NULL, 
    CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role_id), 
    CONSTRAINT fk_user_roles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT fk_user_roles_role_id_roles FOREIGN KEY(role_id) REFERENCES roles (id)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_user_roles_role_id ON user_roles (role_id);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE profiles (
    user_id UNIQUEIDENTIFIER NOT NULL, 
    full_name NVARCHAR(400) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    job_title NVARCHAR(240) COLLATE Latin1_General_100_BIN2 NULL, 
    biography NVARCHAR(max) COLLATE Latin1_General_100_BIN2 NULL, 
    avatar VARBINARY(max) NULL, 
    locale NVARCHAR(70) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'en', 
    time_zone NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'UTC', 
    skills NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_profiles_skills CHECK (ISJSON(skills, ARRAY) = 1) NOT NULL DEFAULT N'[]', 
    settings NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_profiles_settings CHECK (ISJSON(settings, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    hourly_rate DECIMAL(10, 2) NULL, 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    updated_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
    CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE sessions (
    id UNIQUEIDENTIFIER NOT NULL, 
    user_id UNIQUEIDENTIFIER NOT NULL, 
    token_hash VARBINARY(32) NOT NULL, 
    client NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_sessions_client CHECK (ISJSON(client, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    created_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    last_seen_at DATETIMEOFFSET(6) NULL, 
    expires_at DATETIMEOFFSET(6) NOT NULL, 
    revoked_at DATETIMEOFFSET(6) NULL, 
    CONSTRAINT pk_sessions PRIMARY KEY (id), 
    CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_sessions_user_id_expires_at ON sessions (user_id, expires_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE TABLE audit_events (
    id UNIQUEIDENTIFIER NOT NULL, 
    actor_id UNIQUEIDENTIFIER NULL, 
    action NVARCHAR(160) COLLATE Latin1_General_100_BIN2 NOT NULL, 
    target_type NVARCHAR(120) COLLATE Latin1_General_100_BIN2 NULL, 
    target_id UNIQUEIDENTIFIER NULL, 
    outcome NVARCHAR(128) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_audit_events_outcome CHECK (outcome IN (N'allowed', N'denied', N'failed')) NOT NULL, 
    details NVARCHAR(max) COLLATE Latin1_General_100_BIN2 CONSTRAINT ck_audit_events_details CHECK (ISJSON(details, VALUE) = 1) NOT NULL DEFAULT N'{}', 
    request_id UNIQUEIDENTIFIER NULL, 
    occurred_at DATETIMEOFFSET(6) NOT NULL DEFAULT TODATETIMEOFFSET(SYSUTCDATETIME(), '+00:00'), 
    CONSTRAINT pk_audit_events PRIMARY KEY (id)
);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_audit_events_actor_id_occurred_at ON audit_events (actor_id, occurred_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

CREATE INDEX ix_audit_events_occurred_at ON audit_events (occurred_at);

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

INSERT INTO alembic_version_user (version_num) OUTPUT inserted.version_num VALUES ('0001');

GO

IF @@TRANCOUNT = 0 SET NOEXEC ON;

GO

COMMIT;

GO

SET NOEXEC OFF;

GO

