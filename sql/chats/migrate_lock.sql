-- Locks the two chats of a migration, from group to supergroup, in the order of their ids; stores those not known yet.
--
-- One stored here has a deleted_at, so that a migration revives nothing, but an old one, so that any message does. A
-- chat that ended in another one is not among them.
--
-- bot_id               bigint  Telegram's id of the bot
-- telegram_chat_id     bigint  Telegram's id of the group
-- migrate_to_chat_id   bigint  Telegram's id of the supergroup
-- returns              Chat    0..2 rows; less than 2 also where a concurrent call stored one: then run it again
WITH asked AS (
    SELECT
        t.place, t.telegram_chat_id, t.type
    FROM (
        VALUES (1, :'telegram_chat_id'::bigint, 'group'), (2, :'migrate_to_chat_id'::bigint, 'supergroup')
    ) AS t (place, telegram_chat_id, type)
),

known AS (
    SELECT
        id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at,
        deleted_at
    FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id IN (:'telegram_chat_id', :'migrate_to_chat_id')
      AND business_connection_id = ''
      -- the other one not even locked: a writer who holds it may wait for the one that stayed
      AND successor_id IS NULL
    ORDER BY id
    FOR UPDATE
),

written AS (
    INSERT INTO chats (bot_id, telegram_chat_id, business_connection_id, type, deleted_at)
    SELECT
        :'bot_id' AS bot_id, asked.telegram_chat_id, '' AS business_connection_id, asked.type,
        'epoch' AS deleted_at
    FROM asked
    WHERE NOT EXISTS (SELECT FROM known WHERE known.telegram_chat_id = asked.telegram_chat_id)
    ORDER BY asked.place
    ON CONFLICT (bot_id, telegram_chat_id, business_connection_id) DO NOTHING
    RETURNING
        id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at,
        deleted_at
)

TABLE known
UNION ALL
TABLE written;
