-- Notes that updates were handled, and removes all of them but their numbers.
--
-- An update is never deleted_at, but done. What the worker lost to another one is left alone.
--
-- bot_id      bigint    Telegram's id of the bot
-- update_ids  bigint[]  at most 1..1000
-- worker      text      who had them in work
-- returns     bigint    0.. rows: the numbers of those that are done now
UPDATE updates
SET
    state = 'done',
    telegram_chat_id = 0,
    telegram_user_id = 0,
    payload = NULL,
    error = NULL,
    sqlstate = NULL,
    finished_at = now()
WHERE bot_id = :'bot_id'
  AND update_id = ANY(:'update_ids'::bigint[])
  AND worker = :'worker'
  AND state = 'running'
RETURNING update_id;
