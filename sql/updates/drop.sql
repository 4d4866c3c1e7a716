-- Gives up an update that waits or was set aside: it is done, and nothing but its number stays.
--
-- An update is never deleted_at, but done. One that is in work is left alone.
--
-- bot_id     bigint  Telegram's id of the bot
-- update_id  bigint  Telegram's id of the update
-- returns    bigint  0..1 rows: its number
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
  AND update_id = :'update_id'
  AND state IN ('pending', 'failed')
RETURNING update_id;
