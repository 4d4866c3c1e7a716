-- Hides the newest messages of a dialogue below an id, but for system messages: one batch of a clearing.
--
-- It goes from the newest down, so what arrives meanwhile has higher ids and stays.
--
-- chat_id            bigint   botcore's id of the chat
-- user_id            bigint   botcore's id of the person the bot talks with
-- message_thread_id  bigint   the topic; 0 outside topics
-- before_id          bigint   only ids below this, 0..9223372036854775807; the highest for the first batch
-- batch_size         bigint   messages at most, 1..5000
-- returns            Cleared  1 row: how many were hidden, the lowest id among them
WITH batch AS (
    SELECT id
    FROM messages
    WHERE chat_id = :'chat_id'
      AND user_id = :'user_id'
      AND message_thread_id = :'message_thread_id'
      AND id < :'before_id'
      AND role <> 'system'
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT :'batch_size'
    FOR NO KEY UPDATE
),

hidden AS (
    UPDATE messages AS m
    SET deleted_at = now()
    WHERE m.chat_id = :'chat_id'
      -- an array, of which the planner expects few: it goes by the key, where a join may read the whole table
      AND m.id = ANY(ARRAY(SELECT id FROM batch))
    RETURNING m.id
)

SELECT
    count(*) AS cleared,
    min(id) AS lowest_id
FROM hidden;
