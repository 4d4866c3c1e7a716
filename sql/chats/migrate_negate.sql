-- Negates the Telegram ids of a group's messages, for the supergroup counts anew: one batch. Run migrate_lock first.
--
-- It looks at deleted_at nowhere: a redelivery of a deleted message must find it, too.
--
-- chat_id     bigint  botcore's id of the group's chat
-- batch_size  bigint  messages at most, 1..5000
-- returns     bigint  0..batch_size rows: the messages' ids
WITH batch AS (
    SELECT chat_id, telegram_message_id
    FROM messages
    WHERE chat_id = :'chat_id'
      AND telegram_message_id > 0
    ORDER BY telegram_message_id
    LIMIT :'batch_size'
)

UPDATE messages AS m
SET telegram_message_id = -m.telegram_message_id
FROM batch
WHERE m.chat_id = batch.chat_id
  AND m.telegram_message_id = batch.telegram_message_id
RETURNING m.id;
