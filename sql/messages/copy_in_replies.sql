-- Points replies of the batch at the message that a concurrent call stored before it. Run copy_in first.
--
-- It looks at deleted_at nowhere: a reply to a deleted message is one.
--
-- after    messages/copy_in_stage
-- returns  bigint  0.. rows: the ids of those replies
UPDATE messages AS m
SET reply_to_id = target.id
FROM copy_in_stage AS s
INNER JOIN chats AS asked ON asked.id = s.chat_id
INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
INNER JOIN messages AS target
    ON target.chat_id = c.id
    AND target.telegram_message_id = s.reply_to_message_id
    * CASE WHEN COALESCE(s.telegram_chat_id, 0) IN (0, c.telegram_chat_id) THEN 1 ELSE -1 END
WHERE m.chat_id = c.id
  AND m.id = s.id
  AND m.reply_to_id <> target.id
RETURNING m.id;
