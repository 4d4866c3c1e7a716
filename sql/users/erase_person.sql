-- Removes a person and their private chats for good. Run erase_messages to its end first: then few messages go here.
--
-- It looks at deleted_at nowhere: hidden rows are erased, too.
--
-- user_id           bigint  botcore's id of the person
-- telegram_user_id  bigint  Telegram's id of the person, and of the chats
-- returns           bigint  0.. rows: the ids of the chats
WITH own AS (
    SELECT id
    FROM chats
    WHERE type = 'private'
      -- bot 0 is the terminal, each of whose conversations is its one person's
      AND (telegram_chat_id = :'telegram_user_id' OR (bot_id = 0 AND :'telegram_user_id'::bigint = 1))
),

said AS (
    DELETE FROM messages
    WHERE user_id = :'user_id'
),

heard AS (
    DELETE FROM messages
    WHERE chat_id IN (SELECT own.id FROM own)
      AND user_id IS DISTINCT FROM :'user_id'
),

person AS (
    DELETE FROM users
    WHERE id = :'user_id'
)

DELETE FROM chats
WHERE id IN (SELECT own.id FROM own)
RETURNING id;
