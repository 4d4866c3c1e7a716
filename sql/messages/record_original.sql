-- Keeps the text that a message was sent with, where an edit of it was delivered first.
--
-- It looks at deleted_at nowhere: a deleted message is true when restored. What is kept changes nothing in messages.
--
-- chat_id           bigint       botcore's id of the chat
-- message_id        bigint       botcore's id of the message
-- content           text         as it was sent
-- telegram_user_id  bigint       Telegram's id of the person; 0 for none
-- telegram_chat_id  bigint       Telegram's id of the chat, in a private one the person's
-- sent_at           timestamptz  Telegram's date
-- returns           bigint       the message's id; no row where that text is known, or not to be recorded
INSERT INTO message_versions (chat_id, message_id, edited_at, content)
SELECT
    m.chat_id, m.id, '-infinity' AS edited_at, :'content' AS content
FROM chats AS c
-- it may have moved since
INNER JOIN messages AS m
    ON m.chat_id = COALESCE(c.successor_id, c.id)
    AND m.id = :'message_id'
WHERE c.id = :'chat_id'
  AND m.edited_at IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM message_versions AS v
      WHERE v.chat_id = m.chat_id
        AND v.message_id = m.id
        AND v.edited_at = '-infinity'
  )
  AND NOT EXISTS (
      SELECT FROM refusals
      WHERE person IN (person_digest(:'telegram_user_id'), person_digest(:'telegram_chat_id'))
        AND until >= :'sent_at'
  )
-- the lock that the foreign key takes anyway, but in time: where a purge was first, there is no row
FOR KEY SHARE OF m
ON CONFLICT (chat_id, message_id, edited_at, content_hash) DO NOTHING
RETURNING message_id;
