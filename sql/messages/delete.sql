-- Hides one message.
--
-- chat_id     bigint  botcore's id of the chat
-- message_id  bigint  botcore's id of the message
-- returns     bigint  the id, or no row where there was nothing to delete
UPDATE messages
SET deleted_at = clock_timestamp()
WHERE chat_id = :'chat_id'
  AND id = :'message_id'
  AND deleted_at IS NULL
RETURNING id;
