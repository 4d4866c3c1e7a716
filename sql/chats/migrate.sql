-- Makes one chat of two: the one that stays has the supergroup's id, the other one keeps the group's and points to it.
--
-- It is live where one of the two was. Run all other migrate_* first.
--
-- from_chat_id        bigint  botcore's id of the chat that ends
-- chat_id             bigint  botcore's id of the chat that stays
-- telegram_chat_id    bigint  Telegram's id of the group
-- migrate_to_chat_id  bigint  Telegram's id of the supergroup
-- returns             Chat    1 row: the one that stays, be it deleted
WITH stays AS (
    UPDATE chats AS c
    SET
        telegram_chat_id = :'migrate_to_chat_id', type = 'supergroup', updated_at = now(),
        title = CASE
            WHEN c.telegram_chat_id = :'migrate_to_chat_id' THEN COALESCE(c.title, old.title)
            ELSE COALESCE(old.title, c.title)
        END,
        -- a group that is none any more tells nothing
        blocked_at = CASE WHEN c.telegram_chat_id = :'migrate_to_chat_id' THEN c.blocked_at ELSE old.blocked_at END,
        deleted_at = CASE WHEN old.deleted_at IS NOT NULL THEN c.deleted_at END
    FROM chats AS old
    WHERE c.id = :'chat_id'
      AND old.id = :'from_chat_id'
    RETURNING
        c.id, c.bot_id, c.telegram_chat_id, c.business_connection_id, c.type, c.title, c.created_at, c.updated_at,
        c.blocked_at, c.deleted_at
),

ends AS (
    -- only now, for the key is free by then
    UPDATE chats AS c
    SET
        telegram_chat_id = :'telegram_chat_id', business_connection_id = '', type = 'group', title = NULL,
        successor_id = stays.id, updated_at = now(), blocked_at = NULL,
        deleted_at = COALESCE(c.deleted_at, clock_timestamp())
    FROM stays
    WHERE c.id = :'from_chat_id'
),

followers AS (
    UPDATE chats AS c
    SET successor_id = stays.id
    FROM stays
    WHERE c.successor_id = :'from_chat_id'
)

TABLE stays;
