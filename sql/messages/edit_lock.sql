-- Locks a stored message before its edit, so that edits of one message take turns and each sees the one before.
--
-- It looks at deleted_at nowhere: a deleted message takes its edits, too, and stays deleted.
--
-- bot_id                  bigint   Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint   Telegram's id of the chat
-- business_connection_id  text     the business connection; '' outside of one
-- telegram_message_id     bigint   Telegram's id of the message, 1..9223372036854775807
-- returns                 Message  0..1 rows: none where it is not stored; then record stores it
SELECT
    chat_id, id, user_id, message_thread_id, role, content, length, telegram_message_id, reply_to_id,
    sent_at, edited_at, created_at, deleted_at
FROM messages
WHERE chat_id = (
    SELECT id FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id = :'telegram_chat_id'
      AND business_connection_id = :'business_connection_id'
)
  AND telegram_message_id = :'telegram_message_id'
  AND telegram_message_id > 0
FOR NO KEY UPDATE;
