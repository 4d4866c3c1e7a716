-- One update.
--
-- An update is never deleted_at, but done.
--
-- bot_id     bigint  Telegram's id of the bot
-- update_id  bigint  Telegram's id of the update
-- returns    Update  0..1 rows
SELECT
    bot_id, update_id, telegram_chat_id, telegram_user_id, payload::text AS payload, state, due_at, worker, attempts,
    failures, sends, arrived, error, sqlstate, received_at, finished_at
FROM updates
WHERE bot_id = :'bot_id'
  AND update_id = :'update_id';
