-- Keeps the chat and the person of a dialogue from being deleted while the dialogue is cleared.
--
-- chat_id  bigint  botcore's id of the chat
-- user_id  bigint  botcore's id of the person the bot talks with
-- returns  bigint  the chat's id, or no row where one of them is not live
SELECT c.id
FROM chats AS c
INNER JOIN users AS u
    ON u.id = :'user_id'
    AND u.deleted_at IS NULL
WHERE c.id = :'chat_id'
  AND c.deleted_at IS NULL
FOR KEY SHARE;
