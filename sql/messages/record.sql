-- Stores what Telegram delivered, once: the person and the chat as they are now, then the message.
--
-- A redelivery gives the stored row and changes nothing. A new message revives its person and chat; an edit of an
-- unknown one does so only where it is newer than their deletion, else nothing is stored.
--
-- bot_id                  bigint       Telegram's id of the bot; 0 for the terminal
-- telegram_user_id        bigint       0 for none, as in a channel
-- username                text         '' for none, as in all texts but content
-- first_name              text
-- last_name               text
-- language_code           text
-- telegram_chat_id        bigint
-- chat_type               text
-- chat_title              text
-- business_connection_id  text
-- telegram_message_id     bigint       0 for none: then it is always new
-- message_thread_id       bigint       0 outside topics
-- role                    text         system, user, assistant
-- content                 text
-- reply_to_id             bigint       botcore's id; 0 for none
-- sent_at                 timestamptz  Telegram's date
-- edited_at               timestamptz  Telegram's edit_date, where edit found nothing stored; infinity for none
-- returns                 Recorded     0..1 rows: none where a concurrent call was first; then run it again
WITH known_chat AS (
    -- the lock that the foreign key takes anyway: a deletion waits, or is seen
    SELECT
        id, deleted_at,
        deleted_at IS NULL AND (type, title) IS NOT DISTINCT FROM (:'chat_type', NULLIF(:'chat_title', '')) AS same
    FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id = :'telegram_chat_id'
      AND business_connection_id = :'business_connection_id'
    FOR KEY SHARE
),

known_user AS (
    SELECT
        id, deleted_at,
        deleted_at IS NULL AND (username, first_name, last_name, language_code) IS NOT DISTINCT FROM
        (NULLIF(:'username', ''), :'first_name', NULLIF(:'last_name', ''), NULLIF(:'language_code', '')) AS same
    FROM users
    WHERE telegram_user_id = :'telegram_user_id'
    FOR KEY SHARE
),

stored AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, content, length, telegram_message_id, reply_to_id,
        sent_at, edited_at, created_at, deleted_at, FALSE AS is_new
    FROM messages
    WHERE chat_id = (SELECT id FROM known_chat)
      AND telegram_message_id = :'telegram_message_id'
      AND telegram_message_id > 0
),

settled AS (
    SELECT id FROM stored
    UNION ALL
    -- an edit that comes late revives nobody
    SELECT id FROM known_chat
    WHERE deleted_at >= :'edited_at'
    UNION ALL
    SELECT id FROM known_user
    WHERE deleted_at >= :'edited_at'
),

new_chat AS (
    INSERT INTO chats (bot_id, telegram_chat_id, business_connection_id, type, title)
    SELECT
        :'bot_id', :'telegram_chat_id', :'business_connection_id', :'chat_type', NULLIF(:'chat_title', '')
    WHERE NOT EXISTS (SELECT FROM known_chat WHERE same)
      AND NOT EXISTS (SELECT FROM settled)
    -- without WHERE: a row that this snapshot cannot see yet is still returned
    ON CONFLICT (bot_id, telegram_chat_id, business_connection_id) DO UPDATE
    SET type = excluded.type, title = excluded.title, updated_at = now(), deleted_at = NULL
    RETURNING id
),

new_user AS (
    INSERT INTO users (telegram_user_id, username, first_name, last_name, language_code)
    SELECT
        :'telegram_user_id', NULLIF(:'username', ''), :'first_name', NULLIF(:'last_name', ''),
        NULLIF(:'language_code', '')
    WHERE :'telegram_user_id'::bigint <> 0
      AND NOT EXISTS (SELECT FROM known_user WHERE same)
      AND NOT EXISTS (SELECT FROM settled)
    ON CONFLICT (telegram_user_id) DO UPDATE
    SET
        username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
        language_code = excluded.language_code, updated_at = now(), deleted_at = NULL
    RETURNING id
),

new_message AS (
    INSERT INTO messages (
        chat_id, user_id, message_thread_id, role, content, telegram_message_id, reply_to_id, sent_at,
        edited_at
    )
    SELECT
        c.id, u.id, :'message_thread_id', :'role', :'content', NULLIF(:'telegram_message_id'::bigint, 0),
        NULLIF(:'reply_to_id'::bigint, 0), :'sent_at', NULLIF(:'edited_at'::timestamptz, 'infinity')
    FROM (SELECT id FROM known_chat WHERE same UNION ALL TABLE new_chat) AS c
    LEFT JOIN (SELECT id FROM known_user WHERE same UNION ALL TABLE new_user) AS u ON TRUE
    WHERE NOT EXISTS (SELECT FROM settled)
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id > 0 DO NOTHING
    RETURNING
        chat_id, id, user_id, message_thread_id, role, content, length, telegram_message_id, reply_to_id,
        sent_at, edited_at, created_at, deleted_at, TRUE AS is_new
)

TABLE new_message
UNION ALL
TABLE stored;
