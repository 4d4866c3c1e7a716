-- The live chats of one bot, the one used last first, with how many live messages each has.
--
-- Hidden messages are a use as well, since a command is one: last_at looks at their deleted_at nowhere.
--
-- bot_id     bigint   Telegram's id of the bot; 0 for the terminal
-- page_size  bigint   rows at most, 1..1000
-- returns    ChatUse  0..page_size rows
SELECT
    c.id AS chat_id,
    c.telegram_chat_id,
    c.title,
    (
        SELECT count(*)
        FROM messages AS m
        WHERE m.chat_id = c.id
          AND m.deleted_at IS NULL
    ) AS messages,
    newest.created_at AS last_at
FROM chats AS c
LEFT JOIN LATERAL (
    SELECT created_at
    FROM messages
    WHERE chat_id = c.id
    ORDER BY id DESC
    LIMIT 1
) AS newest ON TRUE
WHERE c.bot_id = :'bot_id'
  AND c.deleted_at IS NULL
ORDER BY newest.created_at DESC NULLS LAST, c.id DESC
LIMIT :'page_size';
