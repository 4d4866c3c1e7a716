-- Live chats in which a person has live messages, and their private ones, by id; page on with the last id as after_id.
--
-- A private one comes with or without messages.
--
-- user_id           bigint  botcore's id of the person; 0 for none
-- telegram_user_id  bigint  Telegram's id of the person, and of the private chats, 1..9223372036854775807
-- after_id          bigint  only ids above this, 0..9223372036854775807; 0 for the first page
-- page_size         bigint  rows at most, 1..1000
-- returns           Chat    0..page_size rows
SELECT
    c.id, c.bot_id, c.telegram_chat_id, c.business_connection_id, c.type, c.title, c.created_at, c.updated_at,
    c.blocked_at, c.deleted_at
FROM chats AS c
WHERE c.id > :'after_id'
  AND c.deleted_at IS NULL
  AND c.id IN (
      SELECT m.chat_id
      FROM messages AS m
      WHERE m.user_id = :'user_id'
        AND m.deleted_at IS NULL
      UNION
      SELECT p.id
      FROM chats AS p
      WHERE p.type = 'private'
        -- bot 0 is the terminal, each of whose conversations is its one person's
        AND (p.telegram_chat_id = :'telegram_user_id' OR (p.bot_id = 0 AND :'telegram_user_id'::bigint = 1))
  )
ORDER BY c.id
LIMIT :'page_size';
