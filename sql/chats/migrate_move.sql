-- Moves messages into the chat that stays, with all of their versions: one batch. Run migrate_negate to its end first.
--
-- Where both chats are deleted, what fell with the one comes back with the other.
--
-- from_chat_id  bigint  botcore's id of the chat that ends
-- chat_id       bigint  botcore's id of the chat that stays
-- batch_size    bigint  messages at most, 1..5000
-- returns       bigint  0..batch_size rows: the messages' ids
WITH batch AS (
    SELECT
        m.chat_id, m.id,
        CASE
            WHEN m.deleted_at = old.deleted_at AND stays.deleted_at IS NOT NULL THEN stays.deleted_at
            ELSE m.deleted_at
        END AS deleted_at
    FROM messages AS m
    INNER JOIN chats AS old ON old.id = m.chat_id
    INNER JOIN chats AS stays ON stays.id = :'chat_id'
    WHERE m.chat_id = :'from_chat_id'
    ORDER BY m.id
    LIMIT :'batch_size'
)

UPDATE messages AS m
SET chat_id = :'chat_id', deleted_at = batch.deleted_at
FROM batch
WHERE m.chat_id = batch.chat_id
  AND m.id = batch.id
RETURNING m.id;
