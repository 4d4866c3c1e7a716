-- Keeps the people of both chats from being deleted while messages move: such a deletion would miss what has moved.
--
-- Deleted people, too, so deleted_at is not looked at: they may be restored or erased. Run migrate_lock first, for
-- chats come before people in every lock order.
--
-- from_chat_id  bigint  botcore's id of the chat that ends
-- chat_id       bigint  botcore's id of the chat that stays
-- returns       bigint  1 row: how many people
WITH held AS (
    SELECT id
    FROM users
    WHERE id IN (
        SELECT user_id FROM messages
        WHERE chat_id IN (:'from_chat_id', :'chat_id')
    )
    ORDER BY id
    FOR KEY SHARE
)

SELECT count(*) AS people
FROM held;
