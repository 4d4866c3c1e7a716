-- Stores what Telegram delivered, once: the person and the chat as they are now, then the message.
--
-- A redelivery gives the stored row and changes nothing. A new message revives its person and chat, and ends that the
-- chat is blocked; an edit of an unknown one does so only where it is newer than their deletion. Nothing is stored in a
-- chat that became another one, see chats/successor, and of a person as record_refused tells.
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
-- kind                    text         Telegram's word: text, photo, voice, rich_message ...
-- content                 text
-- reply_to_id             bigint       botcore's id; 0 for none
-- reply_to_message_id     bigint       or Telegram's, of this chat; 0 for none
-- media_group_id          text         the album's
-- sender_chat_id          bigint       Telegram's id of the chat that speaks in place of a person; 0 for none
-- forward_date            timestamptz  when a forwarded message was first sent; infinity for none
-- sent_at                 timestamptz  Telegram's date
-- edited_at               timestamptz  Telegram's edit_date, where edit found nothing stored; infinity for none
-- returns                 Recorded     0..1 rows: none where a concurrent call was first: then run it again
WITH old_chat AS (
    -- the lock that the foreign key takes anyway: a deletion waits, or is seen
    SELECT
        id, deleted_at, successor_id,
        deleted_at IS NULL AND blocked_at IS NULL
        AND (type, title) IS NOT DISTINCT FROM (:'chat_type', NULLIF(:'chat_title', '')) AS same
    FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id = :'telegram_chat_id'
      AND business_connection_id = :'business_connection_id'
    FOR KEY SHARE
),

old_user AS (
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
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at,
        FALSE AS is_new
    FROM messages
    WHERE chat_id = (SELECT id FROM old_chat)
      AND telegram_message_id = :'telegram_message_id'
),

settled AS (
    SELECT FROM stored
    UNION ALL
    -- it is another chat's by now; an edit that comes late revives nobody
    SELECT FROM old_chat WHERE successor_id > 0 OR deleted_at >= :'edited_at'
    UNION ALL
    SELECT FROM old_user WHERE deleted_at >= :'edited_at'
    UNION ALL
    -- erased, or another chat's by now, while this waited: run it again
    SELECT FROM users WHERE telegram_user_id = :'telegram_user_id' AND NOT EXISTS (TABLE old_user)
    UNION ALL
    SELECT FROM chats
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id = :'telegram_chat_id'
      AND business_connection_id = :'business_connection_id'
      AND NOT EXISTS (TABLE old_chat)
    UNION ALL
    SELECT FROM refusals
    WHERE person IN (person_digest(:'telegram_user_id'), person_digest(:'telegram_chat_id')) AND until >= :'sent_at'
),

new_chat AS (
    INSERT INTO chats (bot_id, telegram_chat_id, business_connection_id, type, title)
    SELECT
        :'bot_id', :'telegram_chat_id', :'business_connection_id', :'chat_type', NULLIF(:'chat_title', '')
    WHERE NOT EXISTS (SELECT FROM old_chat WHERE same)
      AND NOT EXISTS (TABLE settled)
    -- no other WHERE: a row that this snapshot cannot see yet is still returned
    ON CONFLICT (bot_id, telegram_chat_id, business_connection_id) DO UPDATE
    SET type = excluded.type, title = excluded.title, updated_at = now(), blocked_at = NULL, deleted_at = NULL
    WHERE chats.successor_id IS NULL
    RETURNING id
),

new_user AS (
    INSERT INTO users (telegram_user_id, username, first_name, last_name, language_code)
    SELECT
        :'telegram_user_id', NULLIF(:'username', ''), :'first_name', NULLIF(:'last_name', ''),
        NULLIF(:'language_code', '')
    WHERE :'telegram_user_id'::bigint <> 0
      AND NOT EXISTS (SELECT FROM old_user WHERE same)
      AND NOT EXISTS (TABLE settled)
    ON CONFLICT (telegram_user_id) DO UPDATE
    SET username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
        language_code = excluded.language_code, updated_at = now(), deleted_at = NULL
    RETURNING id
),

new_message AS (
    INSERT INTO messages (
        chat_id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, sent_at, edited_at
    )
    SELECT
        c.id, u.id, :'message_thread_id', :'role', :'kind', :'content', NULLIF(:'telegram_message_id'::bigint, 0),
        COALESCE(NULLIF(:'reply_to_id'::bigint, 0), r.id), NULLIF(:'media_group_id', ''),
        NULLIF(:'sender_chat_id'::bigint, 0), NULLIF(:'forward_date'::timestamptz, 'infinity'), :'sent_at',
        NULLIF(:'edited_at'::timestamptz, 'infinity')
    FROM (SELECT id FROM old_chat WHERE same UNION ALL TABLE new_chat) AS c
    LEFT JOIN (SELECT id FROM old_user WHERE same UNION ALL TABLE new_user) AS u ON TRUE
    LEFT JOIN messages AS r ON r.chat_id = c.id AND r.telegram_message_id = :'reply_to_message_id'
    WHERE NOT EXISTS (TABLE settled)
      AND (u.id > 0 OR :'telegram_user_id'::bigint <> 0 IS NOT TRUE)
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
    RETURNING
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at,
        TRUE AS is_new
)

TABLE new_message
UNION ALL
TABLE stored;
