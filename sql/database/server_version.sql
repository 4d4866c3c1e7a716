-- What the server calls itself. Reads no table, so there is no deleted_at to mind.
--
-- returns  text  1 row: its version, as 18.4 (Debian 18.4-1.pgdg12+1)
SELECT current_setting('server_version') AS version;
