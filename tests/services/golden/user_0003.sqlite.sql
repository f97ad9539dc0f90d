-- Running upgrade 0002 -> 0003

CREATE TABLE _alembic_tmp_profiles (
    user_id CHAR(32) NOT NULL, 
    job_title VARCHAR(120), 
    about TEXT, 
    avatar BLOB, 
    locale VARCHAR(35) DEFAULT 'en' NOT NULL, 
    time_zone VARCHAR(64) DEFAULT 'Etc/UTC' NOT NULL, 
    skills TEXT CONSTRAINT ck_profiles_skills CHECK (skills IS NULL OR (json_valid(skills) AND json_type(skills) = 'array')) DEFAULT '[]' NOT NULL, 
    settings TEXT CONSTRAINT ck_profiles_settings CHECK (settings IS NULL OR json_valid(settings)) DEFAULT '{}' NOT NULL, 
    hourly_rate SCALED_INT(10, 2), 
    created_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    updated_at TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000') NOT NULL, 
    given_name VARCHAR(200) NOT NULL, 
    family_name VARCHAR(200), 
    CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
    CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

INSERT INTO _alembic_tmp_profiles (user_id, job_title, about, avatar, locale, time_zone, skills, settings, hourly_rate, created_at, updated_at, given_name, family_name) SELECT profiles.user_id, profiles.job_title, profiles.biography, profiles.avatar, profiles.locale, profiles.time_zone, profiles.skills, profiles.settings, profiles.hourly_rate, profiles.created_at, profiles.updated_at, profiles.given_name, profiles.family_name 
FROM profiles;

DROP TABLE profiles;

ALTER TABLE _alembic_tmp_profiles RENAME TO profiles;

UPDATE alembic_version_user SET version_num='0003' WHERE alembic_version_user.version_num = '0002';
