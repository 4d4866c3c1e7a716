-- The chat as this bot sees it: stored when new, brought up to date when changed, revived when deleted or blocked.
--
-- bot_id                  bigint  Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint  Telegram's id of the chat
-- business_connection_id  text    the business connection; '' outside of one
-- type                    text    Telegram's word: private, group, supergroup, channel
-- title                   text    '' for none
-- returns                 Chat    0..1 rows: none where the chat became another one: see successor
WITH known AS (
    -- equal and live: nothing is written, not even a dead row version
    SELECT
        id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at,
        deleted_at
    FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id = :'telegram_chat_id'
      AND business_connection_id = :'business_connection_id'
      AND deleted_at IS NULL
      AND blocked_at IS NULL
      AND (type, title) IS NOT DISTINCT FROM (:'type', NULLIF(:'title', ''))
),

written AS (
    INSERT INTO chats (bot_id, telegram_chat_id, business_connection_id, type, title)
    SELECT
        :'bot_id', :'telegram_chat_id', :'business_connection_id', :'type', NULLIF(:'title', '')
    WHERE NOT EXISTS (SELECT FROM known)
    -- no other WHERE: a row that this snapshot cannot see yet is still returned
    ON CONFLICT (bot_id, telegram_chat_id, business_connection_id) DO UPDATE
    SET type = excluded.type, title = excluded.title, updated_at = now(), blocked_at = NULL, deleted_at = NULL
    WHERE chats.successor_id IS NULL
    RETURNING
        id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at,
        deleted_at
)

TABLE known
UNION ALL
TABLE written;
