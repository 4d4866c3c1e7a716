-- How far the stored messages go, and who may still store some below that.
--
-- Whoever stores a message holds a lock on the sequence from before it gives the id until the transaction has ended. So
-- once those writers have ended, whatever will ever be of the ids up to last_id can be seen: last_id is of the
-- statement's snapshot, and the locks are read after that. An import that drew its ids before messages was
-- partitioned holds the old sequence. What was deleted keeps its place in the index for long: below after_id that is
-- not walked through each time, and last_id never falls.
--
-- after_id  bigint    the newest that was known before, 0..9223372036854775807
-- returns   Position  1 row: writers are virtual transactions as pg_locks has them, with commas between
SELECT
    -- length >= 0 is always so: ix_messages_id is for those queries that say it
    COALESCE(
        (SELECT max(id) FROM messages WHERE length >= 0 AND deleted_at IS NULL AND id > :'after_id'), :'after_id'
    ) AS last_id,
    (SELECT last_value FROM messages_id_seq) AS drawn_id,
    COALESCE((
        SELECT string_agg(DISTINCT virtualtransaction, ',')
        FROM pg_locks
        WHERE relation IN (to_regclass('messages_id_seq'), to_regclass('messages_unpartitioned_id_seq'))
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND mode = 'RowExclusiveLock'
          AND granted
    ), '') AS writers;
