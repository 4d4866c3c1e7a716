-- Whether this server shows all that the primary's log had at a position. Reads no table: no deleted_at.
--
-- One that was promoted replays no more, and has all that there is.
--
-- position  text     what database/caught_up gave
-- returns   boolean  1 row
SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= :'position'::text::pg_lsn AS is_replayed;
