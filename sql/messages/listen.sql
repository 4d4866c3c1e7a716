-- Live messages of all chats, or of one bot's, by their ids.
--
-- after_id   bigint   only ids above this, 0..9223372036854775807
-- upto_id    bigint   and none above this, 0..9223372036854775807
-- bot_id     bigint   Telegram's id of the bot, 0 for the terminal; 9223372036854775807 for all
-- page_size  bigint   rows at most, 1..1000
-- returns    Message  0..page_size rows
SELECT
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at
FROM messages AS m
-- length >= 0 is always so: ix_messages_id is for those queries that say it
WHERE m.length >= 0
  AND m.id > :'after_id'
  AND m.id <= :'upto_id'
  AND m.deleted_at IS NULL
  -- looked up row by row: for a join the planner may read and sort all that is left
  AND (
      :'bot_id' = 9223372036854775807
      OR :'bot_id' = (SELECT c.bot_id FROM chats AS c WHERE c.id = m.chat_id AND c.deleted_at IS NULL)
  )
ORDER BY m.id
LIMIT :'page_size';
