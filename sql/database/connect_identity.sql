-- Which database of which server this is, also under another name or address. Reads no table of ours: no deleted_at.
--
-- A standby, and what was promoted, has its primary's; any role may ask.
--
-- returns  text  1 row: the server's system identifier and the database's oid
SELECT concat_ws(' ', server.system_identifier, own.oid) AS identity
FROM pg_control_system() AS server
CROSS JOIN pg_database AS own
WHERE own.datname = current_database();
