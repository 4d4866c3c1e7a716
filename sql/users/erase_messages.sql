-- Removes messages of a person, and all in their private chats, for good with every version: one batch of an erasure.
--
-- It looks at deleted_at nowhere: hidden messages are erased, too.
--
-- user_id           bigint  botcore's id of the person
-- telegram_user_id  bigint  Telegram's id of the person, and of the chats
-- batch_size        bigint  messages at most, 1..5000
-- returns           Erased  1 row: how many messages and versions that were
WITH batch AS (
    SELECT chat_id, id
    FROM messages
    WHERE user_id = :'user_id'
    UNION ALL
    SELECT m.chat_id, m.id
    FROM chats AS c
    INNER JOIN messages AS m
        ON m.chat_id = c.id
        AND m.user_id IS DISTINCT FROM :'user_id'
    WHERE c.telegram_chat_id = :'telegram_user_id'
      AND c.type = 'private'
    LIMIT :'batch_size'
),

kept AS (
    SELECT count(*) AS versions
    FROM batch
    INNER JOIN message_versions AS v
        ON v.chat_id = batch.chat_id
        AND v.message_id = batch.id
),

gone AS (
    DELETE FROM messages AS m
    USING batch
    WHERE m.chat_id = batch.chat_id
      AND m.id = batch.id
    RETURNING m.id
)

SELECT
    count(gone.id) AS messages,
    -- the versions go along with their message
    (SELECT kept.versions FROM kept) AS versions
FROM gone;
