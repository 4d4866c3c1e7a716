-- Locks a live chat before its deletion, so that no message is stored for it meanwhile.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  bigint  the id, or no row where there is nothing to delete
SELECT id
FROM chats
WHERE id = :'chat_id'
  AND deleted_at IS NULL
FOR UPDATE;
