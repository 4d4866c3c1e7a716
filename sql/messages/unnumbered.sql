-- A chat's messages that have no Telegram id, deleted or not, oldest first; page on with after_id.
--
-- For who has them from elsewhere and must know which are there: one that was hidden is not to be stored once more, so
-- deleted_at is returned and bounds nothing.
--
-- chat_id    bigint   botcore's id of the chat
-- after_id   bigint   only ids above this; 0 for the first page
-- page_size  bigint   rows at most, 1..1000
-- returns    Message  0..page_size rows
SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length, telegram_message_id, reply_to_id,
    media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = :'chat_id'
  AND id > :'after_id'
  AND telegram_message_id IS NULL
ORDER BY id
LIMIT :'page_size';
