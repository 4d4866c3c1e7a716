-- Locks a stored message before its edit, so that edits of one message take turns and each sees the one before.
--
-- It looks at deleted_at nowhere: a deleted message takes its edits, too, and stays deleted. Where the chat became
-- another one, the message is found there under its negated id.
--
-- bot_id                  bigint       Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint       Telegram's id of the chat
-- business_connection_id  text         the business connection; '' outside of one
-- telegram_message_id     bigint       Telegram's id of the message, 1..9223372036854775807
-- telegram_user_id        bigint       Telegram's id of the person; 0 for none
-- sent_at                 timestamptz  Telegram's date of the message
-- returns                 Message      0..1 rows: none where it is not stored, or its person is not to be recorded
SELECT
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at
FROM chats AS c
INNER JOIN messages AS m
    ON m.chat_id = COALESCE(c.successor_id, c.id)
    AND m.telegram_message_id
    = CASE WHEN c.successor_id IS NULL THEN :'telegram_message_id'::bigint ELSE -:'telegram_message_id'::bigint END
WHERE c.bot_id = :'bot_id'
  AND c.telegram_chat_id = :'telegram_chat_id'
  AND c.business_connection_id = :'business_connection_id'
  AND NOT EXISTS (
      SELECT FROM refusals
      WHERE person IN (person_digest(:'telegram_user_id'), person_digest(:'telegram_chat_id'))
        AND until >= :'sent_at'
  )
FOR KEY SHARE OF c
FOR NO KEY UPDATE OF m;
