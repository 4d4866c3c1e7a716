-- Up to where this server shows what the primary's log has. Reads no table: no deleted_at.
--
-- One that was promoted replays no more, and has all that there is.
--
-- returns  bigint  1 row, the position in bytes as database/caught_up gives it
SELECT
    CASE
        WHEN pg_is_in_recovery() THEN COALESCE((pg_last_wal_replay_lsn() - '0/0')::bigint, 0)
        ELSE 9223372036854775807
    END AS position;
