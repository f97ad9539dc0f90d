-- service user, tidb, from nothing to 0001

CREATE TABLE alembic_version_user (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_user_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE users (
    id BINARY(16) NOT NULL, 
    email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    password_hash VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    status ENUM('active', 'closed', 'invited', 'suspended') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'invited', 
    is_staff BOOL NOT NULL DEFAULT 0, 
    last_login_at DATETIME(6), 
    version INTEGER NOT NULL DEFAULT 1, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_users PRIMARY KEY (id), 
    CONSTRAINT uq_users_email UNIQUE (email)
);

CREATE INDEX ix_users_status_created_at ON users (status, created_at);

CREATE TABLE roles (
    id BINARY(16) NOT NULL, 
    name VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    description LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    permissions JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    is_builtin BOOL NOT NULL DEFAULT 0, 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_roles PRIMARY KEY (id), 
    CONSTRAINT uq_roles_name UNIQUE (name)
);

CREATE TABLE user_roles (
    user_id BINARY(16) NOT NULL, 
    role_id BINARY(16) NOT NULL, 
    granted_by BINARY(16), 
    granted_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    expires_at DATETIME(6), 
    CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role_id), 
    CONSTRAINT fk_user_roles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT fk_user_roles_role_id_roles FOREIGN KEY(role_id) REFERENCES roles (id)
);

CREATE INDEX ix_user_roles_role_id ON user_roles (role_id);

CREATE TABLE profiles (
    user_id BINARY(16) NOT NULL, 
    full_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    job_title VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    biography LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    avatar LONGBLOB, 
    locale VARCHAR(35) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'en', 
    time_zone VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL DEFAULT 'UTC', 
    skills JSON NOT NULL DEFAULT (JSON_ARRAY()), 
    settings JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    hourly_rate DECIMAL(10, 2), 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
    CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE sessions (
    id BINARY(16) NOT NULL, 
    user_id BINARY(16) NOT NULL, 
    token_hash VARBINARY(32) NOT NULL, 
    client JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    last_seen_at DATETIME(6), 
    expires_at DATETIME(6) NOT NULL, 
    revoked_at DATETIME(6), 
    CONSTRAINT pk_sessions PRIMARY KEY (id), 
    CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);

CREATE INDEX ix_sessions_user_id_expires_at ON sessions (user_id, expires_at);

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE TABLE audit_events (
    id BINARY(16) NOT NULL, 
    actor_id BINARY(16), 
    action VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    target_type VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, 
    target_id BINARY(16), 
    outcome ENUM('allowed', 'denied', 'failed') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, 
    details JSON NOT NULL DEFAULT (JSON_OBJECT()), 
    request_id BINARY(16), 
    occurred_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), 
    CONSTRAINT pk_audit_events PRIMARY KEY (id)
);

CREATE INDEX ix_audit_events_actor_id_occurred_at ON audit_events (actor_id, occurred_at);

CREATE INDEX ix_audit_events_occurred_at ON audit_events (occurred_at);

INSERT INTO alembic_version_user (version_num) VALUES ('0001');

