-- Running upgrade 0002 -> 0003

CREATE TABLE project_tags (
    project_id CHAR(32) NOT NULL, 
    tag VARCHAR(200) NOT NULL, 
    position INTEGER NOT NULL, 
    CONSTRAINT pk_project_tags PRIMARY KEY (project_id, tag), 
    CONSTRAINT fk_project_tags_project_id_projects FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

ALTER TABLE projects DROP COLUMN tags;

UPDATE alembic_version_project SET version_num='0003' WHERE alembic_version_project.version_num = '0002';
