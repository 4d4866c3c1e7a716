-- What a connection begins with whose transactions a pooler runs on any of its own. Reads no table: no deleted_at.
--
-- Poolers keep the time zone with the client it is of; any other setting would stay behind with whoever comes next.
-- Sent as a prepared statement it finds itself under the driver's name where the pooler does not give it another,
-- and there two clients that use one name run each other's statements.
--
-- backend_pid  bigint  the process that the connection was made with
-- returns      bigint  1 row: how many prepared statements have the driver's own names; -1 where no pooler is between
SELECT CASE pg_backend_pid() WHEN :'backend_pid'::bigint THEN -1 ELSE count(prepared.name) END AS untranslated
FROM set_config('TimeZone', 'UTC', FALSE)
LEFT JOIN pg_prepared_statements AS prepared
    ON starts_with(prepared.name, '_pg3_');
