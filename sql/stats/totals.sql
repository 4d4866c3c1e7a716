-- What one bot has stored, counted over live rows.
--
-- bot_id   bigint  Telegram's id of the bot; 0 for the terminal
-- returns  Totals  1 row
SELECT
    count(DISTINCT m.user_id) AS people,
    count(DISTINCT m.chat_id) AS chats,
    count(*) FILTER (WHERE m.role = 'system') AS system_messages,
    count(*) FILTER (WHERE m.role = 'user') AS user_messages,
    count(*) FILTER (WHERE m.role = 'assistant') AS assistant_messages,
    COALESCE(sum(m.length), 0)::bigint AS characters,
    min(m.sent_at) AS first_at,
    max(m.sent_at) AS last_at
FROM chats AS c
INNER JOIN messages AS m
    ON m.chat_id = c.id
    AND m.deleted_at IS NULL
WHERE c.bot_id = :'bot_id'
  AND c.deleted_at IS NULL;
