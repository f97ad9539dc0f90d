-- service user, postgresql, from nothing to 0001

BEGIN;

CREATE TABLE alembic_version_user (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_user_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE users (
    id UUID NOT NULL, 
    email VARCHAR(320) NOT NULL, 
    password_hash VARCHAR(255), 
    status VARCHAR(64) CONSTRAINT ck_users_status CHECK (status IN ('invited', 'active', 'suspended', 'closed')) DEFAULT 'invited' NOT NULL, 
    is_staff BOOLEAN DEFAULT false NOT NULL, 
    last_login_at TIMESTAMP WITH TIME ZONE, 
    version INTEGER DEFAULT 1 NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_users PRIMARY KEY (id), 
    CONSTRAINT uq_users_email UNIQUE (email)
);

CREATE INDEX ix_users_status_created_at ON users (status, created_at);

CREATE TABLE roles (
    id UUID NOT NULL, 
    name VARCHAR(60) NOT NULL, 
    description TEXT, 
    permissions TEXT[] DEFAULT '{}' NOT NULL, 
    is_builtin BOOLEAN DEFAULT false NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_roles PRIMARY KEY (id), 
    CONSTRAINT uq_roles_name UNIQUE (name)
);

CREATE TABLE user_roles (
    user_id UUID NOT NULL, 
    role_id UUID NOT NULL, 
    granted_by UUID, 
    granted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    expires_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role_id), 
    CONSTRAINT fk_user_roles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT fk_user_roles_role_id_roles FOREIGN KEY(role_id) REFERENCES roles (id)
);

CREATE INDEX ix_user_roles_role_id ON user_roles (role_id);

CREATE TABLE profiles (
    user_id UUID NOT NULL, 
    full_name VARCHAR(200) NOT NULL, 
    job_title VARCHAR(120), 
    biography TEXT, 
    avatar BYTEA, 
    locale VARCHAR(35) DEFAULT 'en' NOT NULL, 
    time_zone VARCHAR(64) DEFAULT 'UTC' NOT NULL, 
    skills TEXT[] DEFAULT '{}' NOT NULL, 
    settings JSONB DEFAULT '{}' NOT NULL, 
    hourly_rate NUMERIC(10, 2), 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
    CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE sessions (
    id UUID NOT NULL, 
    user_id UUID NOT NULL, 
    token_hash BYTEA NOT NULL, 
    client JSONB DEFAULT '{}' NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    last_seen_at TIMESTAMP WITH TIME ZONE, 
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
    revoked_at TIMESTAMP WITH TIME ZONE, 
    CONSTRAINT pk_sessions PRIMARY KEY (id), 
    CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
    CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);

CREATE INDEX ix_sessions_user_id_expires_at ON sessions (user_id, expires_at);

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE TABLE audit_events (
    id UUID NOT NULL, 
    actor_id UUID, 
    action VARCHAR(80) NOT NULL, 
    target_type VARCHAR(60), 
    target_id UUID, 
    outcome VARCHAR(64) CONSTRAINT ck_audit_events_outcome CHECK (outcome IN ('allowed', 'denied', 'failed')) NOT NULL, 
    details JSONB DEFAULT '{}' NOT NULL, 
    request_id UUID, 
    occurred_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    CONSTRAINT pk_audit_events PRIMARY KEY (id)
);

CREATE INDEX ix_audit_events_actor_id_occurred_at ON audit_events (actor_id, occurred_at);

CREATE INDEX ix_audit_events_occurred_at ON audit_events (occurred_at);

INSERT INTO alembic_version_user (version_num) VALUES ('0001');

COMMIT;

