-- Where the primary's log ends: all that was committed before is below, on its timeline. Reads no table: no deleted_at.
--
-- Behind the header of a page or a segment (24 and 40 bytes) nothing is written yet: a standby ends before it.
--
-- returns  Place  1 row: the timeline, which each promotion begins anew, and the position in bytes; NULL on a standby
SELECT
    log.timeline,
    CASE
        WHEN mod(log.position, setting::bigint) = 40 THEN log.position - 40
        WHEN mod(log.position, 8192) = 24 THEN log.position - 24
        ELSE log.position
    END AS position
FROM pg_settings
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_insert_lsn() - '0/0')::bigint END AS position,
        CASE
            WHEN NOT pg_is_in_recovery()
                THEN ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
        END AS timeline
) AS log
WHERE name = 'wal_segment_size';
