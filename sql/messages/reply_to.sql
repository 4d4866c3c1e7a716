-- The bot's newest live reply to a message: where there is one, the model was asked already.
--
-- It reads only what came after that message, and no more than a retry finds there.
--
-- chat_id     bigint   botcore's id of the chat
-- message_id  bigint   botcore's id of the message that it answers
-- returns     Message  0..1 rows
SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = :'chat_id'
  AND id > :'message_id'
  AND reply_to_id = :'message_id'
  AND role = 'assistant'
  AND deleted_at IS NULL
ORDER BY id DESC
LIMIT 1;
