-- Running upgrade 0005 -> 0006

CREATE INDEX ix_chunks_embedding_model_id ON chunks (embedding_model, id);

DROP INDEX ix_chunks_embedding_model;

UPDATE alembic_version_knowledge SET version_num='0006' WHERE alembic_version_knowledge.version_num = '0005';
