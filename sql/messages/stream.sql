-- Live messages with their chats and people as Telegram names them, chat by chat, each chat's oldest first.
--
-- Made for a cursor, DECLARE stream NO SCROLL CURSOR FOR and this: the primary key gives the order, so that the first
-- rows come at once and nothing is sorted. Each message is looked at, or those of the one chat. A reply to a deleted
-- message answers nothing.
--
-- bot_id   bigint       Telegram's id of the bot; 9223372036854775807 for all of them
-- chat_id  bigint       botcore's id of the chat; 0 for all of them
-- since    timestamptz  sent then or later; -infinity for no limit
-- until    timestamptz  sent before; infinity for no limit
-- returns  Said         0.. rows
SELECT
    c.bot_id, c.telegram_chat_id, c.business_connection_id, c.type AS chat_type, c.title AS chat_title,
    u.telegram_user_id, u.first_name, u.last_name, u.username, u.language_code, m.id, m.telegram_message_id,
    m.message_thread_id, m.role, m.kind, m.content, m.sent_at, m.edited_at, a.id AS reply_to_id,
    a.telegram_message_id AS reply_to_message_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery
FROM messages AS m
INNER JOIN chats AS c ON c.id = m.chat_id
LEFT JOIN users AS u ON u.id = m.user_id
LEFT JOIN messages AS a
    ON a.chat_id = m.chat_id
    AND a.id = m.reply_to_id
    AND a.deleted_at IS NULL
WHERE m.chat_id >= :'chat_id'
  AND m.chat_id <= COALESCE(NULLIF(:'chat_id'::bigint, 0), 9223372036854775807)
  AND m.deleted_at IS NULL
  AND m.sent_at >= COALESCE(:'since', '-infinity'::timestamptz)
  AND m.sent_at < COALESCE(:'until', 'infinity'::timestamptz)
  AND :'bot_id'::bigint IN (c.bot_id, 9223372036854775807)
ORDER BY m.chat_id, m.id;
