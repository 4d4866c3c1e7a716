-- Up to where this standby shows what its primary's log has, and which log it follows. Reads no table: no deleted_at.
--
-- Positions of two timelines say nothing about each other. After a promotion a standby tells the old one until it has
-- written something to its disk, never the new one too soon.
--
-- returns  Place  1 row: the timeline and the position as database/caught_up gives them; NULL where it is no standby
SELECT
    CASE WHEN pg_is_in_recovery() THEN min_recovery_end_timeline END AS timeline,
    CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END AS position
FROM pg_control_recovery();
