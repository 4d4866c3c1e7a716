-- The live messages of one dialogue, oldest first; page on with the last id as after_id.
--
-- chat_id            bigint   botcore's id of the chat
-- user_id            bigint   botcore's id of the person the bot talks with
-- message_thread_id  bigint   the topic; 0 outside topics
-- after_id           bigint   only ids above this, 0..9223372036854775807; 0 for the first page
-- page_size          bigint   rows at most, 1..1000
-- returns            Message  0..page_size rows
SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = :'chat_id'
  AND user_id = :'user_id'
  AND message_thread_id = :'message_thread_id'
  AND id > :'after_id'
  AND deleted_at IS NULL
ORDER BY id
LIMIT :'page_size';
