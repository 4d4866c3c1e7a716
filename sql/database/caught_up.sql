-- Where the primary's log is: all that was committed before is below. Reads no table: no deleted_at.
--
-- returns  text  1 row
SELECT pg_current_wal_insert_lsn()::text AS position;
