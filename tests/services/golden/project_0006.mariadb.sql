-- Running upgrade 0005 -> 0006

CREATE TABLE comment_mentions (
    comment_id BINARY(16) NOT NULL, 
    mention VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, 
    `position` INTEGER NOT NULL, 
    CONSTRAINT pk_comment_mentions PRIMARY KEY (comment_id, mention), 
    CONSTRAINT fk_comment_mentions_comment_id_comments FOREIGN KEY(comment_id) REFERENCES comments (id) ON DELETE CASCADE
);

CREATE INDEX ix_comment_mentions_mention ON comment_mentions (mention);

ALTER TABLE comments DROP COLUMN mentions;

UPDATE alembic_version_project SET version_num='0006' WHERE alembic_version_project.version_num = '0005';
