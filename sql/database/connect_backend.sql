-- Which process serves the connection: another one than it was made with is a pooler's. Reads no table: no deleted_at.
--
-- returns  integer  1 row
SELECT pg_backend_pid() AS backend_pid;
