-- Where the primary's log ends: all that was committed before is below. Reads no table: no deleted_at.
--
-- Behind the header of a page or a segment (24 and 40 bytes) nothing is written yet: a standby ends before it.
--
-- returns  bigint  1 row, the position in bytes; NULL on a standby
SELECT
    CASE
        WHEN mod(position, setting::bigint) = 40 THEN position - 40
        WHEN mod(position, 8192) = 24 THEN position - 24
        ELSE position
    END AS position
FROM pg_settings
CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_insert_lsn() - '0/0')::bigint END AS position
) AS log
WHERE name = 'wal_segment_size';
