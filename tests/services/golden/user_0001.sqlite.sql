-- service user, sqlite, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_user (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_user_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE users (
    id CHAR(32) NOT NULL, 
    email VARCHAR(320) NOT NULL, 
    password_hash VARCHAR(255), 
    status VARCHAR(64) CONSTRAINT ck_users_status CHECK (status IN ('invited', 'active', 'suspended', 'closed')) DEFAULT 'invited' NOT NULL, 
    is_staff BOOLEAN CONSTRAINT ck_users_is_staff CHECK (is_staff IN (0, 1)) DEFAULT 0 NOT NULL, 
    last_login_at TEXT, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_users PRIMARY KEY (id), 
    CONSTRAINT uq_users_email UNIQUE (email)
);

CREATE INDEX ix_users_status_created_at ON users (status, created_at);

CREATE TABLE roles (
    id CHAR(32) NOT NULL, 
    name VARCHAR(60) NOT NULL, 
    description TEXT, 
    permissions TEXT CONSTRAINT ck_roles_permissions CHECK (permissions IS NULL OR (json_valid(permissions) AND json_type(permissions) = 'array')) DEFAULT '[]' NOT NULL, 
    is_builtin BOOLEAN CONSTRAINT ck_roles_is_builtin CHECK (is_builtin IN (0, 1)) DEFAULT 0 NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_roles PRIMARY KEY (id), 
    CONSTRAINT uq_roles_name UNIQUE (name)
);

CREATE TABLE user_roles (
    user_id CHAR(32) NOT NULL, 
    role_id CHAR(32) NOT NULL, 
    granted_by CHAR(32), 
    granted_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    expires_at TEXT, 
    CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role_id), 
    CONSTRAINT fk_user_roles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT fk_user_roles_role_id_roles FOREIGN KEY(role_id) REFERENCES roles (id)
);

CREATE INDEX ix_user_roles_role_id ON user_roles (role_id);

CREATE TABLE profiles (
    user_id CHAR(32) NOT NULL, 
    full_name VARCHAR(200) NOT NULL, 
    job_title VARCHAR(120), 
    biography TEXT, 
    avatar BLOB, 
    locale VARCHAR(35) DEFAULT 'en' NOT NULL, 
    time_zone VARCHAR(64) DEFAULT 'UTC' NOT NULL, 
    skills TEXT CONSTRAINT ck_profiles_skills CHECK (skills IS NULL OR (json_valid(skills) AND json_type(skills) = 'array')) DEFAULT '[]' NOT NULL, 
    settings TEXT CONSTRAINT ck_profiles_settings CHECK (settings IS NULL OR json_valid(settings)) DEFAULT '{}' NOT NULL, 
    hourly_rate SCALED_INT(10, 2), 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
    CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE sessions (
    id CHAR(32) NOT NULL, 
    user_id CHAR(32) NOT NULL, 
    token_hash BLOB NOT NULL, 
    client TEXT CONSTRAINT ck_sessions_client CHECK (client IS NULL OR json_valid(client)) DEFAULT '{}' NOT NULL, 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    last_seen_at TEXT, 
    expires_at TEXT NOT NULL, 
    revoked_at TEXT, 
    CONSTRAINT pk_sessions PRIMARY KEY (id), 
    CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);

CREATE INDEX ix_sessions_user_id_expires_at ON sessions (user_id, expires_at);

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE TABLE audit_events (
    id CHAR(32) NOT NULL, 
    actor_id CHAR(32), 
    action VARCHAR(80) NOT NULL, 
    target_type VARCHAR(60), 
    target_id CHAR(32), 
    outcome VARCHAR(64) CONSTRAINT ck_audit_events_outcome CHECK (outcome IN ('allowed', 'denied', 'failed')) NOT NULL, 
    details TEXT CONSTRAINT ck_audit_events_details CHECK (details IS NULL OR json_valid(details)) DEFAULT '{}' NOT NULL, 
    request_id CHAR(32), 
    occurred_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    CONSTRAINT pk_audit_events PRIMARY KEY (id)
);

CREATE INDEX ix_audit_events_actor_id_occurred_at ON audit_events (actor_id, occurred_at);

CREATE INDEX ix_audit_events_occurred_at ON audit_events (occurred_at);

INSERT INTO alembic_version_user (version_num) VALUES ('0001');

COMMIT;

