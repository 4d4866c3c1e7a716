-- Removes for good the numbers of updates that were done before a time: one batch.
--
-- An update is never deleted_at, but done. Telegram delivers again for 24 hours, and after a week of silence it counts
-- from any number: what is kept for longer would be taken for a new one's. https://core.telegram.org/bots/api#update
--
-- bot_id      bigint       Telegram's id of the bot
-- before      timestamptz  only where finished_at is before this
-- dry_run     text         no; with any other word nothing is removed
-- batch_size  bigint       updates at most, 1..5000
-- returns     bigint       0..batch_size rows: the numbers
WITH batch AS MATERIALIZED (
    SELECT
        bot_id, update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND state = 'done'
      AND finished_at < :'before'
      AND :'dry_run' = 'no'
    ORDER BY update_id
    LIMIT :'batch_size'
    FOR UPDATE SKIP LOCKED
)

DELETE FROM updates AS u
USING batch AS b
WHERE u.bot_id = b.bot_id
  AND u.update_id = b.update_id
RETURNING u.update_id;
