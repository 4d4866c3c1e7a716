-- Notes that updates were handled, and removes all of them but their numbers.
--
-- An update is never deleted_at, but done. What the worker lost to another one is left alone.
--
-- bot_id      bigint    Telegram's id of the bot
-- update_ids  bigint[]  at most 1..1000
-- worker      text      who had them in work
-- returns     bigint    0.. rows: the numbers of those that are done now
WITH locked AS (
    -- in one order, as all that lock several
    SELECT update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND update_id = ANY(:'update_ids'::bigint[])
      AND worker = :'worker'
      -- in work: said so, it leaves the planner no index but the primary key
      AND state NOT IN ('pending', 'failed', 'done')
    ORDER BY update_id
    FOR UPDATE
)

UPDATE updates AS u
SET
    state = 'done',
    telegram_chat_id = 0,
    telegram_user_id = 0,
    payload = NULL,
    error = NULL,
    sqlstate = NULL,
    finished_at = now()
FROM locked AS l
WHERE u.bot_id = :'bot_id'
  AND u.update_id = l.update_id
RETURNING u.update_id;
