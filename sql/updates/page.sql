-- Updates that are not done, by bot and number; page on with the last one.
--
-- An update is never deleted_at, but done.
--
-- state            text    pending, running or failed
-- after_bot_id     bigint  the last one's bot; 0 for the first page
-- after_update_id  bigint  the last one's number; 0 for the first page
-- page_size        bigint  rows at most, 1..1000
-- returns          Update  0..page_size rows
WITH listed AS (
    -- in words that the partial indexes have: a prepared plan knows no state, and would read all that is done
    SELECT
        bot_id, update_id, telegram_chat_id, telegram_user_id, payload, state, due_at, worker, attempts, failures,
        sends, arrived, error, sqlstate, received_at, finished_at
    FROM updates
    WHERE state = :'state'
      AND state IN ('pending', 'running')
      AND (bot_id, update_id) > (:'after_bot_id', :'after_update_id')
    UNION ALL
    SELECT
        bot_id, update_id, telegram_chat_id, telegram_user_id, payload, state, due_at, worker, attempts, failures,
        sends, arrived, error, sqlstate, received_at, finished_at
    FROM updates
    WHERE :'state' = 'failed'
      AND state = 'failed'
      AND (bot_id, update_id) > (:'after_bot_id', :'after_update_id')
)

SELECT
    bot_id, update_id, telegram_chat_id, telegram_user_id, payload::text AS payload, state, due_at, worker, attempts,
    failures, sends, arrived, error, sqlstate, received_at, finished_at
FROM listed
ORDER BY bot_id, update_id
LIMIT :'page_size';
