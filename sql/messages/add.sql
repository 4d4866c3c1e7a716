-- Stores one message of a known chat and person once; a known telegram_message_id gives the stored one.
--
-- The stored message is returned even when it was deleted: it is not revived. Nothing is stored of a person who opted
-- out.
--
-- chat_id              bigint       botcore's id of the chat
-- user_id              bigint       botcore's id of the person the bot talks with; 0 for none
-- message_thread_id    bigint       the topic; 0 outside topics
-- role                 text         system, user or assistant
-- content              text
-- telegram_message_id  bigint       Telegram's id of the message; 0 for none
-- reply_to_id          bigint       botcore's id of the message that this one answers; 0 for none
-- sent_at              timestamptz  Telegram's date; infinity for now
-- returns              Message      0..1 rows: none where chat or person is not live, or a concurrent call was first
WITH stored AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, sent_at, edited_at, created_at, deleted_at
    FROM messages
    -- where the chat became another one, it is known there, be that deleted
    WHERE chat_id = (SELECT COALESCE(successor_id, id) FROM chats WHERE id = :'chat_id')
      AND telegram_message_id = :'telegram_message_id'
),

known_chat AS (
    SELECT id
    FROM chats
    WHERE id = :'chat_id'
      AND deleted_at IS NULL
    FOR KEY SHARE
),

known_user AS (
    SELECT id
    FROM users
    WHERE id = :'user_id'
      AND deleted_at IS NULL
      AND NOT EXISTS (
          SELECT FROM refusals
          WHERE person = person_digest(telegram_user_id)
            AND until >= COALESCE(NULLIF(:'sent_at'::timestamptz, 'infinity'), now())
      )
    FOR KEY SHARE
),

written AS (
    INSERT INTO messages (
        chat_id, user_id, message_thread_id, role, content, telegram_message_id, reply_to_id, sent_at
    )
    SELECT
        c.id, u.id, :'message_thread_id', :'role', :'content', NULLIF(:'telegram_message_id'::bigint, 0),
        NULLIF(:'reply_to_id'::bigint, 0), COALESCE(NULLIF(:'sent_at'::timestamptz, 'infinity'), now())
    FROM known_chat AS c
    LEFT JOIN known_user AS u ON TRUE
    WHERE (u.id IS NOT NULL OR COALESCE(:'user_id'::bigint, 0) = 0)
      AND NOT EXISTS (SELECT FROM stored)
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
    RETURNING
        chat_id, id, user_id, message_thread_id, role, kind, content, length, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, sent_at, edited_at, created_at, deleted_at
)

TABLE written
UNION ALL
TABLE stored;
