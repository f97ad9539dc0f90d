-- Running upgrade 0006 -> 0007

CREATE TABLE _alembic_tmp_resource_topics (
    resource_id CHAR(32) NOT NULL, 
    topic_id CHAR(32) NOT NULL, 
    relevance REAL DEFAULT (0.5) NOT NULL, 
    CONSTRAINT pk_resource_topics PRIMARY KEY (resource_id, topic_id), 
    CONSTRAINT fk_resource_topics_resource_id_resources FOREIGN KEY(resource_id) REFERENCES resources (id) ON DELETE CASCADE, 
    CONSTRAINT fk_resource_topics_topic_id_topics FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

INSERT INTO _alembic_tmp_resource_topics (resource_id, topic_id, relevance) SELECT resource_topics.resource_id, resource_topics.topic_id, resource_topics.relevance 
FROM resource_topics;

DROP TABLE resource_topics;

ALTER TABLE _alembic_tmp_resource_topics RENAME TO resource_topics;

CREATE INDEX ix_resource_topics_topic_id ON resource_topics (topic_id);

UPDATE alembic_version_knowledge SET version_num='0007' WHERE alembic_version_knowledge.version_num = '0006';
