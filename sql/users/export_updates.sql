-- Updates that a person sent and that are not done: what they wait for is in no other table yet.
--
-- An update is never deleted_at, but done.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           Update  0.. rows, in the order of their numbers
SELECT
    bot_id, update_id, telegram_chat_id, telegram_user_id, payload::text AS payload, state, due_at, worker, attempts,
    failures, sends, arrived, error, sqlstate, received_at, finished_at
FROM updates
WHERE state IN ('pending', 'running')
  AND telegram_user_id = :'telegram_user_id'
UNION ALL
SELECT
    bot_id, update_id, telegram_chat_id, telegram_user_id, payload::text AS payload, state, due_at, worker, attempts,
    failures, sends, arrived, error, sqlstate, received_at, finished_at
FROM updates
WHERE state = 'failed'
  AND telegram_user_id = :'telegram_user_id'
ORDER BY bot_id, update_id;
