-- Takes a chat's key away for the moment that migrate needs to give it to the chat that stays.
--
-- It looks at deleted_at nowhere: the chat ends with this transaction.
--
-- from_chat_id  bigint  botcore's id of the chat that ends
-- returns       bigint  the id
UPDATE chats
SET business_connection_id = 'ends'
WHERE id = :'from_chat_id'
RETURNING id;
