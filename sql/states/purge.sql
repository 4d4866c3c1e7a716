-- Removes for good the states that expired before a time, or ended before it: one batch.
--
-- A state is never deleted_at, but expires.
--
-- before      timestamptz  expires_at, or updated_at where there is neither a state nor anything entered
-- dry_run     text         no; with any other word nothing is removed
-- batch_size  bigint       states at most, 1..5000
-- returns     boolean      0..batch_size rows, each TRUE
WITH batch AS MATERIALIZED (
    SELECT
        bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny
    FROM states
    WHERE (
        expires_at < LEAST(:'before', now())
        OR (state IS NULL AND data = '{}' AND updated_at < :'before')
    )
      AND :'dry_run' = 'no'
    LIMIT :'batch_size'
    FOR UPDATE SKIP LOCKED
)

DELETE FROM states AS s
USING batch AS b
WHERE s.bot_id = b.bot_id
  AND s.telegram_chat_id = b.telegram_chat_id
  AND s.telegram_user_id = b.telegram_user_id
  AND s.message_thread_id = b.message_thread_id
  AND s.business_connection_id = b.business_connection_id
  AND s.destiny = b.destiny
RETURNING TRUE AS purged;
