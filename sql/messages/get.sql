-- One live message of a chat.
--
-- chat_id     bigint   botcore's id of the chat
-- message_id  bigint   botcore's id of the message
-- returns     Message  0..1 rows
SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = :'chat_id'
  AND id = :'message_id'
  AND deleted_at IS NULL;
