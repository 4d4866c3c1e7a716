-- The migration that the database is at. Alembic's table has no deleted_at.
--
-- returns  text  1 row after the first upgrade; before it there is no such table
SELECT version_num::text AS revision
FROM alembic_version;
