-- The newest live messages of everybody in a chat, all topics, newest first; page back with before_id.
--
-- chat_id    bigint   botcore's id of the chat
-- before_id  bigint   only ids below this, 0..9223372036854775807; the highest for the first page
-- page_size  bigint   rows at most, 1..1000
-- returns    Message  0..page_size rows
SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = :'chat_id'
  AND id < :'before_id'
  AND deleted_at IS NULL
ORDER BY id DESC
LIMIT :'page_size';
