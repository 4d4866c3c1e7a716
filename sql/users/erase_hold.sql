-- Keeps the chats that an erasure touches from being deleted, moved or erased meanwhile; others still write there.
--
-- It looks at deleted_at nowhere: hidden messages and chats are erased, too.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           bigint  0.. rows: the chats' ids
SELECT c.id
FROM chats AS c
WHERE c.id IN (
    SELECT m.chat_id
    FROM users AS u
    INNER JOIN messages AS m ON m.user_id = u.id
    WHERE u.telegram_user_id = :'telegram_user_id'
    UNION
    SELECT p.id
    FROM chats AS p
    WHERE p.type = 'private'
      -- bot 0 is the terminal, each of whose conversations is its one person's
      AND (p.telegram_chat_id = :'telegram_user_id' OR (p.bot_id = 0 AND :'telegram_user_id'::bigint = 1))
)
ORDER BY c.id
FOR NO KEY UPDATE;
