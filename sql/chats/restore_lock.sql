-- Locks a deleted chat before its restoration.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  bigint  the id, or no row where there is nothing to restore
SELECT id
FROM chats
WHERE id = :'chat_id'
  AND deleted_at IS NOT NULL
  AND successor_id IS NULL
FOR UPDATE;
